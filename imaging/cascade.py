"""MTCNN's search for faces in many pictures at once: every network sees what all of them have for it in few batches."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from imaging import faces, pyramid
from imaging.area import Averages, cells
from imaging.errors import ShapeError
from imaging.faces import Candidates, Faces, Sightings
from imaging.pyramid import SIDE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from imaging.arrays import Bytes, Floats
    from imaging.face_settings import Settings
    from imaging.pyramid import Level, Place

    Network = Callable[[Floats], Awaitable[Mapping[str, Floats]]]

Key = TypeVar("Key")
NOTHING = -1  # the value of a sheet's pixels where there is no picture
SHEETS = 2  # in one batch; on a CPU larger ones fall out of the cache and take a third longer
IN_FLIGHT = 2  # batches: one is computed while the next is drawn


@dataclass(frozen=True, slots=True)
class Look:
    """What a network looks at: crops of `side` pixels, at most so many in a batch, and what it says of one."""

    side: int
    most: int
    outputs: Mapping[str, int]


FIRST_LOOK = Look(24, 256, MappingProxyType({"probability": 1, "regression": 4}))
CLOSE_LOOK = Look(48, 128, MappingProxyType({"probability": 1, "regression": 4, "landmarks": 10}))


@dataclass(frozen=True, slots=True)
class Networks:
    """P-Net takes sheets FP32 [n, 256, 256, 3], R-Net and O-Net crops of 24 and 48, RGB from 0 to 255; each answers
    with `probability` and `regression`, O-Net with `landmarks` too.
    """

    proposal: Network
    refinement: Network
    output: Network


class Search:
    """A picture UINT8 [h, w, 3], or the `region` of it (xmin, ymin, xmax, ymax; maxima exclusive) that is searched.

    Raises ShapeError for a region that is not within the picture.
    """

    def __init__(self, picture: Bytes, region: Sequence[int] | None = None) -> None:
        height, width = picture.shape[:2]
        left, top, right, bottom = (0, 0, width, height) if region is None else region
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            raise ShapeError(
                f"region {left}, {top}, {right}, {bottom} (xmin, ymin, xmax, ymax) is no part of a picture of "
                f"{width} x {height}: it must have an area and lie within"
            )
        self.left, self.top = left, top
        self.height, self.width = bottom - top, right - left
        self.averages = Averages(picture[top:bottom, left:right])


async def find(searches: Sequence[Search], networks: Networks, settings: Settings) -> list[Faces]:
    """Return the faces of every picture, in coordinates of the whole picture."""
    if not searches:
        return []
    least = settings.least
    seen = await _proposed(searches, networks.proposal, settings)
    judged = await _judged(searches, seen, networks.refinement, FIRST_LOOK)
    refined = [faces.refined(found, least[1]) for found, _ in judged]
    final = await _judged(searches, refined, networks.output, CLOSE_LOOK)
    return [
        faces.final(found, said["landmarks"], least[2]).moved(search.left, search.top)
        for search, (found, said) in zip(searches, final, strict=True)
    ]


async def _proposed(searches: Sequence[Search], network: Network, settings: Settings) -> list[Floats]:
    """Return what P-Net would have the next network look at, boxes [n, 4] for every picture."""
    levels = [pyramid.levels(one.height, one.width, settings.smallest, settings.factor) for one in searches]
    places = pyramid.packed([tile for number, sizes in enumerate(levels) for tile in pyramid.tiles(number, sizes)])
    found: dict[tuple[int, int], list[Sightings]] = {}
    async for batch, answer in _answers(network, _sheets(searches, levels, places)):
        for place in batch:
            seen = _seen(place, answer, settings.least[0])
            found.setdefault((place.tile.picture, place.tile.level), []).append(seen)
    return [_boxes([found[number, level] for level in range(len(sizes))], sizes) for number, sizes in enumerate(levels)]


def _boxes(found: Sequence[list[Sightings]], sizes: Sequence[Level]) -> Floats:
    if not sizes:
        return np.zeros((0, 4), np.float32)
    scales = zip(found, sizes, strict=True)
    return faces.proposed(faces.joined([faces.at_scale(parts, level.scale) for parts, level in scales]))


def _sheets(
    searches: Sequence[Search], levels: Sequence[Sequence[Level]], places: Sequence[Place]
) -> Iterator[tuple[list[Place], Floats]]:
    """Yield the places of at most SHEETS sheets, with the sheets drawn."""
    for _, group in groupby(places, lambda place: place.sheet // SHEETS):
        batch = list(group)
        sheets = np.full((batch[-1].sheet % SHEETS + 1, SIDE, SIDE, 3), NOTHING, np.float32)
        for place in batch:
            tile, search = place.tile, searches[place.tile.picture]
            level = levels[tile.picture][tile.level]
            rows = cells(search.height, level.height).part(tile.top, tile.top + tile.height)
            columns = cells(search.width, level.width).part(tile.left, tile.left + tile.width)
            there = sheets[place.sheet % SHEETS, place.top : place.top + tile.height]
            there[:, place.left : place.left + tile.width] = search.averages.grid(rows, columns)
        yield batch, sheets


def _seen(place: Place, answer: Mapping[str, Floats], least: float) -> Sightings:
    tile, sheet, stride = place.tile, place.sheet % SHEETS, pyramid.STRIDE
    top, left = place.top // stride, place.left // stride
    rows, columns = pyramid.answers(tile.height), pyramid.answers(tile.width)
    there = sheet, slice(top, top + rows), slice(left, left + columns)
    seen = faces.seen(answer["probability"][there], answer["regression"][there], least)
    return seen.moved(tile.top // stride, tile.left // stride)


async def _judged(
    searches: Sequence[Search], boxes: Sequence[Floats], network: Network, look: Look
) -> list[tuple[Candidates, dict[str, Floats]]]:
    """Return for every picture its boxes as R-Net or O-Net judges them, and all that the network says of each."""
    parts = [faces.inside(some, one.height, one.width) for one, some in zip(searches, boxes, strict=True)]
    owners = np.repeat(np.arange(len(parts)), [np.count_nonzero(there) for _, there in parts])
    batches = _crops(searches, owners, np.concatenate([part[there] for part, there in parts]), look)
    answers = [answer async for _, answer in _answers(network, batches)]
    said = {name: _joined(name, width, answers) for name, width in look.outputs.items()}
    judged = []
    for number, (some, (_, there)) in enumerate(zip(boxes, parts, strict=True)):
        own = {name: values[owners == number] for name, values in said.items()}
        judged.append((Candidates(some[there], own["probability"][:, 0], own["regression"]), own))
    return judged


def _crops(
    searches: Sequence[Search], owners: NDArray[np.int64], boxes: NDArray[np.int64], look: Look
) -> Iterator[tuple[None, Floats]]:
    for first in range(0, len(boxes), look.most):
        some, whose = boxes[first : first + look.most], owners[first : first + look.most]
        crops = [searches[number].averages.squares(some[whose == number], look.side) for number in np.unique(whose)]
        yield None, np.concatenate(crops)


def _joined(name: str, width: int, answers: Sequence[Mapping[str, Floats]]) -> Floats:
    """Return one output of several batches, FP32 [n, width]; [0, width] where no batch was needed."""
    return np.concatenate([np.zeros((0, width), np.float32), *(answer[name] for answer in answers)])


async def _answers(
    network: Network, batches: Iterable[tuple[Key, Floats]]
) -> AsyncIterator[tuple[Key, Mapping[str, Floats]]]:
    """Yield the network's answer to every batch in order, at most IN_FLIGHT of them on their way."""
    waiting: deque[tuple[Key, asyncio.Future[Mapping[str, Floats]]]] = deque()
    try:
        for key, batch in batches:
            waiting.append((key, asyncio.ensure_future(network(batch))))
            await asyncio.sleep(0)  # lets the call start before the next batch is drawn
            if len(waiting) == IN_FLIGHT:
                first, answer = waiting.popleft()
                yield first, await answer
        while waiting:
            first, answer = waiting.popleft()
            yield first, await answer
    finally:
        for _, answer in waiting:
            answer.cancel()
