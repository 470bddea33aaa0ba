"""A matte's contours as rings of points, and a picture unrolled along them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from imaging.arrays import Bytes, Floats

SPACING = 2.0  # pixels between two points
LEAST, MOST = 16, 48  # points of a ring, the shortest that is worth a look; rings of a matte, the longest ones
SMOOTH = 2.0  # points, sigma: a contour of whole pixels has corners that its subject does not have
FINE = 4  # times as large are filled rings drawn
SHIFT = 4  # bits behind the point of the coordinates that OpenCV fills
HALF = 127
FULL = 255


@dataclass(frozen=True, slots=True)
class Ring:
    """`points` FP32 [n, 2], x and y, closed; `normals` FP32 [n, 2] of unit length point into what it encloses."""

    points: Floats
    normals: Floats

    def moved(self, offsets: Floats) -> Floats:
        """Return the points [n, 2] moved inwards by `offsets` [n] pixels."""
        return self.points + self.normals * offsets[:, None]


def rings(matte: Bytes) -> list[Ring]:
    """Return the contours at half of `matte` UINT8 [h, w]; a hole's normals point away from it, into the subject."""
    found, _ = cv2.findContours((matte > HALF).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    longest = sorted((one[:, 0] for one in found if len(one) >= LEAST * SPACING), key=len, reverse=True)
    return [_ring(one.astype(np.float64)) for one in longest[:MOST]]


def _ring(corners: NDArray[np.float64]) -> Ring:
    closed = np.concatenate([corners, corners[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    at = np.linspace(0, along[-1], max(LEAST, round(along[-1] / SPACING)), endpoint=False)
    points = smoothed(np.stack([np.interp(at, along, closed[:, axis]) for axis in (0, 1)], axis=1), SMOOTH)
    tangents = smoothed(np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0), SMOOTH)
    normals = np.stack([tangents[:, 1], -tangents[:, 0]], axis=1)
    normals /= np.maximum(np.hypot(*normals.T), np.float32(1e-6))[:, None]
    # OpenCV's contour runs through the middle of the subject's outermost pixels.
    return Ring(points - normals * np.float32(0.5), normals)


def smoothed(values: NDArray[np.floating], sigma: float) -> Floats:
    """Return `values` [n] or [n, c] of a ring's points, averaged along it."""
    margin = min(len(values), int(3 * sigma) + 1)
    wide = np.concatenate([values[-margin:], values, values[:margin]]).astype(np.float32)
    mean = cv2.GaussianBlur(wide.reshape(len(wide), -1), (1, 2 * margin + 1), sigmaX=1, sigmaY=sigma)
    return np.asarray(mean[margin:-margin].reshape(values.shape), np.float32)


def unrolled(plane: Bytes | Floats, ring: Ring, reach: int) -> Floats:
    """Return FP32 [n, 2 * reach + 1(, c)]: what stands within `reach` pixels of each point, outside first."""
    offsets = np.arange(-reach, reach + 1, dtype=np.float32)
    x, y = (ring.points[:, None, axis] + ring.normals[:, None, axis] * offsets for axis in (0, 1))
    return np.asarray(cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def filled(shape: tuple[int, ...], outlines: Iterable[Floats]) -> Bytes:
    """Return alpha UINT8 [h, w] of what lies in an odd number of `outlines`, each [n, 2]; edges to a quarter pixel."""
    height, width = shape
    large = np.zeros((height * FINE, width * FINE), np.uint8)
    corners = [np.round(((one + 0.5) * FINE - 0.5) * 2**SHIFT).astype(np.int32) for one in outlines]
    if corners:
        cv2.fillPoly(large, corners, FULL, shift=SHIFT)
    return np.asarray(cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
