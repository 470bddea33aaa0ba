"""A cut-out at another size and at any part of a pixel, without fringes.

Catmull-Rom, widened when shrinking so that every source pixel counts: smooth on the way up, free of aliasing on the way
down. Colours are weighted by alpha, and divided by it before anything is clipped: where the kernel overshoots at an
edge, colour and alpha do so alike, and an even colour stays even up to its rim. What lies beyond the picture's frame is
not part of the subject: a canvas pixel that the frame crosses is covered by the share inside it.

Both axes are products of small dense matrices, strip by strip: exact, in FP32, and as fast as the machine's BLAS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging import box

if TYPE_CHECKING:
    from imaging.arrays import Bytes, Floats

STEP = 48  # pixels of the canvas whose weights form one matrix
REACH = 2.0  # source pixels on either side that the kernel sees, when it is not widened
OPAQUE = 255
LEAST = np.float32(1e-4)


@dataclass(frozen=True, slots=True)
class Axis:
    """Along one axis: canvas = scale * picture + shift; the picture has `length` pixels, the canvas `room`."""

    scale: float
    shift: float
    length: int
    room: int

    @property
    def reach(self) -> float:
        return REACH * max(1.0, 1 / self.scale)

    def span(self, low: int, high: int) -> tuple[int, int]:
        """Return the canvas pixels that the picture's pixels `low` to `high` reach, the end exclusive."""
        first = np.floor((low - self.reach) * self.scale + self.shift)
        last = np.ceil((high + self.reach) * self.scale + self.shift)
        return int(np.clip(first, 0, self.room)), int(np.clip(last, 0, self.room))


@dataclass(frozen=True, slots=True)
class Weights:
    """Canvas pixels `start` to `stop` are `matrix` FP32 times the photo's `first` to `last`, ends exclusive."""

    start: int
    stop: int
    first: int
    last: int
    matrix: Floats


def resampled(pixels: Bytes, alpha: Bytes, rows: Axis, columns: Axis) -> Bytes:
    """Return RGBA UINT8 [rows.room, columns.room, 4], straight, of `pixels` RGBA; `alpha` UINT8 [h, w] is its alpha."""
    result = np.zeros((rows.room, columns.room, 4), np.uint8)
    left, top, right, bottom = (int(side) for side in box.around(alpha, threshold=1))
    across = _all_weights(columns, *columns.span(left, right))
    if not across:
        return result
    inside = slice(across[0].first, across[-1].last)
    for down in _all_weights(rows, *rows.span(top, bottom)):
        planes = _weighted(pixels[down.first : down.last, inside])
        strip = _product(down, planes, across)
        cv2.merge(_straight(strip), result[down.start : down.stop, across[0].start : across[-1].stop])
    return result


def _all_weights(axis: Axis, start: int, stop: int) -> list[Weights]:
    return [weights(axis, low, min(low + STEP, stop)) for low in range(start, stop, STEP)]


def weights(axis: Axis, start: int, stop: int) -> Weights:
    edges = (np.arange(start, stop + 1) - axis.shift) / axis.scale
    centres = (edges[:-1] + edges[1:]) / 2
    first = int(np.clip(np.floor(centres[0] - axis.reach), 0, axis.length - 1))
    last = int(np.clip(np.ceil(centres[-1] + axis.reach), first + 1, axis.length))
    matrix = _kernel((np.arange(first, last) + 0.5 - centres[:, None]) * min(1.0, axis.scale))
    covered = np.diff(np.clip(edges, 0, axis.length)) / np.diff(edges)
    sums = matrix.sum(axis=1)
    matrix *= np.where(covered > 0, covered / np.where(sums > 0, sums, 1), 0)[:, None]
    return Weights(start, stop, first, last, matrix.astype(np.float32))


def _kernel(distance: np.ndarray) -> np.ndarray:
    """Return Catmull-Rom's weights (Keys 1981, a = -0.5)."""
    d = np.minimum(np.abs(distance), REACH)
    return np.where(d < 1, (1.5 * d - 2.5) * d * d + 1, ((-0.5 * d + 2.5) * d - 4) * d + 2)


def _weighted(pixels: Bytes) -> Floats:
    """Return FP32 [h, 4, w]: the colours times alpha, and alpha, all from 0 to 255."""
    height, width = pixels.shape[:2]
    result = np.empty((height, 4, width), np.float32)
    *colours, alpha = cv2.split(pixels)
    result[:, 3] = alpha
    for index, colour in enumerate(colours):
        result[:, index] = cv2.multiply(colour, alpha, scale=1 / OPAQUE, dtype=cv2.CV_32F)
    return result


def _product(down: Weights, planes: Floats, across: list[Weights]) -> Floats:
    """Return FP32 [rows, 4, columns] of the canvas."""
    height, width = down.stop - down.start, across[-1].stop - across[0].start
    source, begin = across[0].first, across[0].start
    lines = (down.matrix @ planes.reshape(len(planes), -1)).reshape(height * 4, -1)
    result = np.empty((height * 4, width), np.float32)
    for part in across:
        np.matmul(
            lines[:, part.first - source : part.last - source],
            part.matrix.T,
            out=result[:, part.start - begin : part.stop - begin],
        )
    return result.reshape(height, 4, width)


def _straight(strip: Floats) -> list[Bytes]:
    """Return red, green, blue and alpha UINT8 [rows, columns] of a strip; colours are 0 where alpha is."""
    alpha = np.ascontiguousarray(strip[:, 3])
    gain = np.where(alpha >= np.float32(0.5), OPAQUE / np.maximum(alpha, LEAST), 0)
    planes = [_bytes(strip[:, index] * gain) for index in range(3)]
    return [*planes, _bytes(alpha)]


def _bytes(values: Floats) -> Bytes:
    return (np.clip(values, 0, OPAQUE) + np.float32(0.5)).astype(np.uint8)
