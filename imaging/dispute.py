"""Where two mattes contradict each other, and which of them the picture bears out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging import contour

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from imaging.arrays import Bytes, Floats, Mask
    from imaging.contour import Support, View

THINNEST = 5  # pixels; what is thinner is not contradicted, the contour lies a little aside
LEAST = 1.5e-4  # share of the matte
ASIDE = 4  # pixels between two contours that are not the same
INSIDE = 3.0  # pixels from a region's contour to where it is asked which region that is
BLEND = 8  # pixels around a region that are written, too
NEW, MORE = 0.7, 0.1  # evidence at a region's new contour, and by how much less there is at its old one
CLOSED = 0.6  # evidence all around a hole, with which it stays one
PLAIN, NOTHING = 0.85, 0.35  # evidence at the new and at the old contour of what is taken off
TRIFLE = 0.02  # share of the subject that may be taken off where the picture bears out its contours by and large
UNSURE, HALF = 0.45, 0.5  # sureness of a network that leaves a doubt, and of one that is all doubt
WRONG = 0.5  # evidence for a whole contour below which the matte is wrong by and large
LARGE = 0.3  # share of a subject that is taken off such a matte, and it is not worth more than the other
FULL = 255


@dataclass(frozen=True, slots=True)
class _Case:
    """A region: evidence at its `new` contour, the other matte's, and at its `old` one, NaN where it has none.

    `sure`, 0 to 1, is how sure the network is of it, `share` its area in those of the subject, `trust` the evidence
    for the whole old contour.
    """

    new: float
    old: float
    sure: float
    share: float
    trust: float

    def adds(self) -> bool:
        if np.isnan(self.new):
            return np.isnan(self.old) or self.old < CLOSED
        return self.new > NEW and (np.isnan(self.old) or self.old < self.new - MORE)

    def takes(self) -> bool:
        if np.isnan(self.new) or self.new < PLAIN:
            return False
        if np.isnan(self.old):
            return self.sure < HALF
        return self.old < NOTHING and (self.trust < WRONG or (self.sure < UNSURE and self.share < TRIFLE))


def settled(matte: Bytes, other: Bytes, view: View) -> Bytes:
    """Return `matte` UINT8 [h, w], but `other` in each region in which the picture bears that out and not the matte."""
    result = matte
    ours, theirs = matte > FULL // 2, other > FULL // 2
    sides = contour.support(matte, view), contour.support(other, view)
    for adds, region in ((True, theirs & ~ours), (False, ours & ~theirs)):
        labels, areas = _labelled(region)
        won = {
            number: case
            for number, case in _cases(labels, areas, matte, sides, adds=adds)
            if (case.adds() if adds else case.takes())
        }
        if any(case.share > LARGE and not adds for case in won.values()):
            return other
        if won:
            result = _written(result, other, np.isin(labels, list(won)), adds=adds)
    return result


def _labelled(region: Mask) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return labels [h, w] of the regions that are thick and large enough, else 0, and the areas by label."""
    thick = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_OPEN, np.ones((THINNEST, THINNEST), np.uint8))
    _, labels, facts, _ = cv2.connectedComponentsWithStats(thick, connectivity=4)
    areas = facts[:, cv2.CC_STAT_AREA].astype(np.int32)
    areas[0] = 0
    areas[areas < LEAST * region.size] = 0
    return np.asarray(labels * (areas > 0)[labels], np.int32), areas


def _cases(
    labels: NDArray[np.int32], areas: NDArray[np.int32], matte: Bytes, sides: tuple[Support, Support], *, adds: bool
) -> Iterator[tuple[int, _Case]]:
    numbers = np.flatnonzero(areas)
    if not numbers.size:
        return
    old, new = sides
    # What is added lies outside the old contour and inside the new one, what is taken off the other way round.
    shift = INSIDE if adds else -INSIDE
    before = _means(old, new, labels, -shift, len(areas))
    after = _means(new, old, labels, shift, len(areas))
    sure = np.bincount(labels.ravel(), np.abs(matte.ravel() / (FULL / 2) - 1), len(areas))
    subject = max(int(np.count_nonzero(matte > FULL // 2)), 1)
    for number in numbers.tolist():
        area = int(areas[number])
        yield number, _Case(after[number], before[number], sure[number] / area, area / subject, old.mean)


def _means(one: Support, other: Support, labels: NDArray[np.int32], shift: float, number: int) -> NDArray[np.float64]:
    """Return by label the evidence along the part of `one`'s contour at that region which is not `other`'s, too."""
    height, width = labels.shape
    alone = _distances(other.points, (height, width))[_at(one.points, labels.shape)] > ASIDE
    owner = labels[_at(one.points + np.float32(shift) * one.normals, labels.shape)][alone]
    total, count = np.bincount(owner, one.steps[alone], number), np.bincount(owner, minlength=number)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _distances(points: Floats, shape: tuple[int, int]) -> Floats:
    """Return how far each pixel is from the nearest of `points`."""
    free = np.ones(shape, np.uint8)
    free[_at(points, shape)] = 0
    return np.asarray(cv2.distanceTransform(free, cv2.DIST_L2, 3), np.float32)


def _at(points: Floats, shape: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    x, y = (np.clip(np.round(points[:, axis]).astype(np.intp), 0, shape[1 - axis] - 1) for axis in (0, 1))
    return y, x


def _written(matte: Bytes, other: Bytes, region: Mask, *, adds: bool) -> Bytes:
    """Return `matte` as opaque as `other` (or no more) in `region` and, less and less, around it."""
    side = 2 * BLEND + 1
    zone = cv2.dilate(region.astype(np.uint8) * np.uint8(FULL), np.ones((side, side), np.uint8))
    share = cv2.blur(zone, (BLEND, BLEND)) / np.float32(FULL)
    if adds:
        return np.maximum(matte, np.asarray(share * other + np.float32(0.5), np.uint8))
    return np.minimum(matte, np.asarray(FULL - share * (FULL - other.astype(np.float32)) + np.float32(0.5), np.uint8))
