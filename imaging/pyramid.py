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


@dataclass(slots=True)
class _Row:
    """A row of tiles on a sheet, filled up to `left`."""

    sheet: int
    top: int
    left: int = 0


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
    """Return a place for every tile, by sheet: each in the first row that has room for it, rows of falling height.

    After a tile of odd width or height one line stays free, since the network pools the tile's last line with it.
    """
    places: list[Place] = []
    rows: list[_Row] = []
    filled: list[int] = []  # how far down each sheet has rows
    for tile in sorted(parts, key=lambda tile: (-tile.height, -tile.width)):
        row = next((row for row in rows if row.left + tile.width <= SIDE), None)
        if row is None:
            row = _below(filled, tile.height)
            rows.append(row)
        places.append(Place(tile, row.sheet, row.top, row.left))
        row.left += _even(tile.width)
        if row.left + FIELD > SIDE:
            rows.remove(row)  # full: hardly a tile is narrower than the field
    return sorted(places, key=lambda place: place.sheet)


def _below(filled: list[int], height: int) -> _Row:
    """Return a new row of that height, on the first sheet with room below its rows."""
    sheet = next((number for number, bottom in enumerate(filled) if bottom + height <= SIDE), len(filled))
    if sheet == len(filled):
        filled.append(0)
    row = _Row(sheet, filled[sheet])
    filled[sheet] += _even(height)
    return row


def _even(length: int) -> int:
    return length + length % STRIDE
