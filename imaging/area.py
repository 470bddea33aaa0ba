"""Averages over the cells of grids on a picture, as torch's adaptive average pooling (`mode="area"`) takes them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Bytes, Floats

# Pixels whose running sums are kept for all grids at once: four bytes a channel each; their whole sum is an INT32.
SHARED = 8_000_000


@dataclass(frozen=True, slots=True)
class Cells:
    """Along one axis, INT64 [..., count]: cell i is the whole pixels `starts[i]` to `ends[i]`, the end exclusive."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def moved(self, offset: int | NDArray[np.int64]) -> Cells:
        return Cells(self.starts + offset, self.ends + offset)

    def part(self, first: int, last: int) -> Cells:
        return Cells(self.starts[..., first:last], self.ends[..., first:last])


def cells(length: int | NDArray[np.int64], count: int) -> Cells:
    """Return the `count` cells that `length` pixels are divided into, or [n, count] for lengths [n, 1].

    Neighbours share the pixel that the border between them falls into; there may be more cells than pixels.
    """
    index = np.arange(count, dtype=np.int64)
    return Cells(index * length // count, -(-(index + 1) * length // count))


class Averages:
    """Many grids on one picture, UINT8 [h, w, 3]."""

    def __init__(self, pixels: Bytes) -> None:
        self._pixels = pixels
        self._sums = _running_sums(pixels) if pixels.shape[0] * pixels.shape[1] <= SHARED else None

    def grid(self, rows: Cells, columns: Cells) -> Floats:
        """Return the averages FP32 [rows, columns, 3]."""
        if self._sums is not None:
            return _averages(self._sums, rows, columns)
        left, right = int(columns.starts[0]), int(columns.ends[-1])
        return np.concatenate([self._band(band, columns, left, right) for band in _bands(rows, right - left)])

    def squares(self, boxes: NDArray[np.int64], side: int) -> Floats:
        """Return FP32 [n, side, side, 3] of boxes [n, 4] (xmin, ymin, xmax, ymax; maxima exclusive, none empty)."""
        left, top, right, bottom = boxes.T[:, :, None]
        rows, columns = cells(bottom - top, side).moved(top), cells(right - left, side).moved(left)
        if self._sums is not None:
            return _patches(self._sums, rows, columns)
        result = np.empty((len(boxes), side, side, 3), np.float32)
        for index in range(len(boxes)):
            down, across = (Cells(axis.starts[index], axis.ends[index]) for axis in (rows, columns))
            result[index] = self.grid(down, across)
        return result

    def _band(self, rows: Cells, columns: Cells, left: int, right: int) -> Floats:
        top, bottom = int(rows.starts[0]), int(rows.ends[-1])
        return _averages(_running_sums(self._pixels[top:bottom, left:right]), rows.moved(-top), columns.moved(-left))


def _running_sums(pixels: Bytes) -> NDArray[np.int32]:
    """Return INT32 [h + 1, w + 1, 3]: at (y, x) the sum of what lies above and to the left."""
    return np.asarray(cv2.integral(pixels), np.int32)


def _bands(rows: Cells, width: int) -> list[Cells]:
    """Return the rows in parts, each of at most SHARED pixels unless a single row has more."""
    pixels = (int(rows.ends[-1]) - int(rows.starts[0])) * width
    count = min(len(rows.starts), 1 + 2 * pixels // SHARED)
    borders = np.linspace(0, len(rows.starts), count + 1).astype(int).tolist()
    return [rows.part(first, last) for first, last in pairwise(borders)]


def _averages(sums: NDArray[np.int32], rows: Cells, columns: Cells) -> Floats:
    """Return FP32 [rows, columns, 3] from the running sums [h + 1, w + 1, 3]."""
    strips = sums[rows.ends] - sums[rows.starts]
    # take with "clip" is several times faster than an index along the second axis
    totals = np.take(strips, columns.ends, axis=1, mode="clip") - np.take(strips, columns.starts, axis=1, mode="clip")
    counts = np.multiply.outer(rows.ends - rows.starts, columns.ends - columns.starts)
    averages: Floats = np.divide(totals, counts[..., None], dtype=np.float32, casting="unsafe")
    return averages


def _patches(sums: NDArray[np.int32], rows: Cells, columns: Cells) -> Floats:
    """Return FP32 [n, rows, columns, 3] for cells [n, rows] and [n, columns]."""
    top, bottom = rows.starts[:, :, None], rows.ends[:, :, None]
    left, right = columns.starts[:, None], columns.ends[:, None]
    totals = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    counts = (bottom - top) * (right - left)
    averages: Floats = np.divide(totals, counts[..., None], dtype=np.float32, casting="unsafe")
    return averages
