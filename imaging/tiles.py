"""Work on the part of a large picture that needs it: tiles of the full size, fed from small maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imaging.arrays import Bytes, Floats, Mask

MapT = TypeVar("MapT", "Floats", "Bytes")

SIDE = 64


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of the full picture, max exclusive."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def region(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)


def over(height: int, width: int, side: int = SIDE) -> Iterator[Tile]:
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield Tile(top, left, min(top + side, height), min(left + side, width))


def touching(mask: Mask, height: int, width: int) -> Iterator[Tile]:
    """Yield the tiles of a [height, width] picture that a small mask [h, w] of it touches, with one pixel to spare."""
    rows, columns = mask.shape[0] / height, mask.shape[1] / width
    for tile in over(height, width):
        top, left = max(int(tile.top * rows) - 1, 0), max(int(tile.left * columns) - 1, 0)
        if mask[top : int(tile.bottom * rows) + 2, left : int(tile.right * columns) + 2].any():
            yield tile


def enlarge(small: MapT, tile: Tile, height: int, width: int) -> MapT:
    """Return the part of `small` [h, w(, up to 4)] under `tile`, as if enlarged bilinearly to [height, width]."""
    rows, columns = small.shape[0] / height, small.shape[1] / width
    matrix = np.array(
        [[columns, 0, (tile.left + 0.5) * columns - 0.5], [0, rows, (tile.top + 0.5) * rows - 0.5]], np.float64
    )
    part = cv2.warpAffine(
        small,
        matrix,
        (tile.right - tile.left, tile.bottom - tile.top),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return cast("MapT", part)
