"""The line along which a strip of a picture has its step: how sharp it is at each place, and the best way along it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging.ring import unrolled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Floats
    from imaging.ring import Ring

SIDE = 3  # pixels on both sides of a step whose means are compared
SLOPE = 5  # pixels off, what a soft slope has there too
ALONG = 2.0  # points, sigma along the strip: a step goes on, noise does not
MARGIN = SIDE + SLOPE  # pixels that a strip must be wider on both sides than what is asked for
CLEAR = 2.5  # units of noise at which a step counts half


def evidence(planes: Floats, ring: Ring, reach: int, noise: float) -> Floats:
    """Return FP32 [n, 2 * reach + 1], 0 to 1: how plainly `planes` FP32 [h, w, c] have a step along `ring` there.

    `noise` is what `strengths` are where there is none.
    """
    clear = strengths(unrolled(planes, ring, reach + MARGIN)) / np.float32(noise * CLEAR)
    return np.asarray(1 - 1 / (1 + clear * clear), np.float32)


def strengths(strip: Floats) -> Floats:
    """Return FP32 [n, k - 2 * MARGIN]: the height of the step at each place of `strip` [n, k, c], which is closed.

    It is the difference of the means of SIDE pixels before and behind, less what a slope has beside it, too.
    """
    margin = min(len(strip), int(3 * ALONG) + 1)
    closed = np.ascontiguousarray(np.concatenate([strip[-margin:], strip, strip[:margin]]))
    even = cv2.GaussianBlur(closed, (1, 2 * margin + 1), sigmaX=1, sigmaY=ALONG)[margin:-margin]
    sums = np.cumsum(np.pad(even, ((0, 0), (1, 0), (0, 0))), axis=1, dtype=np.float64)
    means = (sums[:, SIDE:] - sums[:, :-SIDE]) / SIDE
    steps = means[:, SIDE + 1 :] - means[:, : -SIDE - 1]
    here = steps[:, SLOPE:-SLOPE]
    beside = (steps[:, : -2 * SLOPE] + steps[:, 2 * SLOPE :]) / 2
    # What is taken off may weaken a step, not make one.
    left = np.clip((here - beside) * np.sign(here), 0, np.abs(here))
    return np.asarray(np.sqrt(np.einsum("ijk,ijk->ij", left, left)), np.float32)


def path(worth: Floats, stiff: float) -> NDArray[np.intp]:
    """Return [n]: the places in the rows of `worth` [n, k] whose sum is largest, less `stiff` for each by one aside.

    Neighbours differ by one at most; the strip is closed, so that it is gone along twice and the middle kept.
    """
    rows, places = worth.shape
    came = np.zeros((2 * rows, places), np.int8)
    total = np.zeros(places)
    fewer, more = np.full(places, -np.inf), np.full(places, -np.inf)
    for row in range(2 * rows):
        fewer[1:], more[:-1] = total[:-1] - stiff, total[1:] - stiff
        best = np.maximum(np.maximum(fewer, more), total)
        came[row] = np.where(total == best, 0, np.where(fewer == best, -1, 1))
        total = best + worth[row % rows]
    place, found = int(total.argmax()), np.zeros(2 * rows, np.intp)
    for row in range(2 * rows - 1, -1, -1):
        found[row] = place
        place += int(came[row, place])
    half = rows // 2
    return np.concatenate([found[rows : rows + half], found[half:rows]])


def peaks(values: Floats, places: NDArray[np.intp]) -> Floats:
    """Return FP32 [n]: by how much, up to a half, each row's top near its place lies beside it (of a parabola)."""
    rows = np.arange(len(values))
    inner = np.clip(places, 1, values.shape[1] - 2)
    before, here, behind = (values[rows, inner + shift] for shift in (-1, 0, 1))
    bend = before - 2 * here + behind
    aside = np.where(bend < 0, (before - behind) / 2 / np.minimum(bend, -1e-6), 0)
    return np.asarray(np.clip(aside, -0.5, 0.5) * (inner == places), np.float32)
