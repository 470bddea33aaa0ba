"""A picture at many scales, cut into tiles, and the tiles of many pictures packed on sheets of one size.

A network without padding that looks at FIELD x FIELD pixels in steps of STRIDE answers for a sheet what it answers for
each of the pictures on it, as long as it knows where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FIELD, STRIDE = 12, 2
SIDE = 256
OVERLAP = FIELD - STRIDE


@dataclass(frozen=True, slots=True)
class Level:
    """A picture brought to `height` x `width` pixels, about `scale` times its size."""

    scale: float
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Tile:
    """The part of level number `level` of picture number `picture` that begins at (top, left), both even."""

    picture: int
    level: int
    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tile lies: the sheet's number and the tile's upper left corner on it, both coordinates even."""

    tile: Tile
    sheet: int
    top: int
    left: int


def levels(height: int, width: int, smallest: int, factor: float) -> list[Level]:
    """Return the scales, each `factor` of the one before, at which things from `smallest` pixels on fill a field.

    Scales and sizes are those of MTCNN's pyramid (Zhang et al., 2016) in facenet-pytorch; none for a picture below.
    """
    scale = FIELD / smallest
    shorter = min(height, width) * scale
    found = []
    while shorter >= FIELD:
        found.append(Level(scale, int(height * scale + 1), int(width * scale + 1)))
        scale, shorter = scale * factor, shorter * factor
    return found


def answers(length: int) -> int:
    """Return how often the field fits along an axis; the network's pooling counts an odd line at the end too."""
    return max(0, -(-(length - FIELD) // STRIDE) + 1)


def tiles(picture: int, sizes: Sequence[Level]) -> list[Tile]:
    """Return the tiles of a picture's levels, at most SIDE x SIDE each, overlapping so that no answer is lost."""
    return [
        Tile(picture, number, top, left, min(SIDE, level.height - top), min(SIDE, level.width - left))
        for number, level in enumerate(sizes)
        for top in _starts(level.height)
        for left in _starts(level.width)
    ]


def _starts(length: int) -> range:
    return range(0, STRIDE * answers(length), SIDE - OVERLAP)


def packed(parts: Sequence[Tile]) -> list[Place]:
    """Return a place for every tile in rows of falling height, sheet after sheet.

    After a tile of odd width or height one line stays free, since the network pools the tile's last line with it.
    """
    places: list[Place] = []
    sheet = top = left = deepest = 0
    for tile in sorted(parts, key=lambda tile: (-tile.height, -tile.width)):
        if left + tile.width > SIDE:
            top, left, deepest = top + deepest, 0, 0
        if top + tile.height > SIDE:
            sheet, top, left, deepest = sheet + 1, 0, 0, 0
        places.append(Place(tile, sheet, top, left))
        left += _even(tile.width)
        deepest = max(deepest, _even(tile.height))
    return places


def _even(length: int) -> int:
    return length + length % STRIDE
