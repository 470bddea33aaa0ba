"""A matte's contour, moved to the step of the picture that its soft edge covers, and how well the picture bears it out.

The picture is unrolled along the contour; the best way along the strip is where it has a step and the matte is not
sure. Where it finds none, or the matte's edge is sharp, the matte stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging import ring, seam

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Bytes, Floats, Mask
    from imaging.ring import Ring

REACH = 24  # pixels by which a contour moves at most
NEAR = 2  # pixels within which a step bears a contour out
LINES = 12  # across the picture, on which noise is measured
USUAL, LEAST = 1.5, 0.2  # of noise: times the median of what is there; levels that eight bits and JPEG have anyway
SOFT = (0.04, 0.96)  # alpha between which a matte is not sure
TURN = 0.1  # alpha by which it must not turn back on the way: behind that is another part
STIFF = 0.15  # what it costs to go aside by a pixel
DISTANT = 1.1  # what it costs to leave a half for nothing or everything
FAR = 0.85  # distance of alpha from a half, twice, beyond which the contour does not go
FAINT = 0.4  # evidence that noise has now and then; no contour goes there for it
ROUGH = 0.2  # what it costs to go as far from a rough contour as is allowed
WIDE = (4.0, 7.0)  # pixels of soft edge: up to the first the network is trusted, from the second the picture
WHOLE = (0.7, 0.9)  # alpha from one side of the edge to the other, likewise
PLAIN = (0.65, 0.9)  # evidence of a step, likewise
ALONE = (0.6, 0.9)  # share of the places around with no other contour near, likewise
BROAD, SLACK, HALF = 24, 3, 0.5  # pixels within which such a one is near; pixels, alpha of the contour itself
LASTING = 8.0  # points, sigma, along which evidence must last
FULL = 255


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at: FP32 [h, w, c] in levels, lightly smoothed; `noise` as `seam.strengths` have it."""

    planes: Floats
    noise: float


@dataclass(frozen=True, slots=True)
class Support:
    """`points` FP32 [n, 2] of contours, their `normals`, and 0 to 1 how plainly the picture has a step there."""

    points: Floats
    normals: Floats
    steps: Floats

    @property
    def mean(self) -> float:
        return float(self.steps.mean()) if self.steps.size else 0.0


def viewed(planes: Floats) -> View:
    return View(planes, _noise(planes))


def _noise(planes: Floats) -> float:
    height, width = planes.shape[:2]
    x = np.arange(0, width, ring.SPACING, dtype=np.float32)
    down = np.tile(np.array([0, 1], np.float32), (len(x), 1))
    found = []
    for y in np.linspace(0, height - 1, LINES + 2)[1:-1]:
        line = ring.Ring(np.stack([x, np.full_like(x, y)], axis=1), down)
        found.append(np.median(seam.strengths(ring.unrolled(planes, line, NEAR + seam.MARGIN))))
    return max(USUAL * float(np.median(found)), LEAST)


def support(matte: Bytes, view: View) -> Support:
    """Return how well the picture bears out the contours of `matte` UINT8 [h, w]."""
    found = ring.rings(matte)
    if not found:
        none = np.zeros((0, 2), np.float32)
        return Support(none, none, none[:, 0])
    steps = [seam.evidence(view.planes, one, NEAR, view.noise).max(axis=1) for one in found]
    points, normals = ([getattr(one, name) for one in found] for name in ("points", "normals"))
    return Support(np.concatenate(points), np.concatenate(normals), np.concatenate(steps))


def sharpened(matte: Bytes, view: View) -> Bytes:
    """Return `matte` UINT8 [h, w] with its soft edges drawn sharp where the picture has a step under them."""
    outlines, weight = [], np.zeros(matte.shape, np.uint8)
    for one in ring.rings(matte):
        alpha = ring.unrolled(matte, one, REACH) / np.float32(FULL)
        free = _free(alpha)
        steps = seam.evidence(view.planes, one, REACH, view.noise)
        places = seam.path(_worth(steps, alpha, free), STIFF)
        outlines.append(one.moved(_offsets(steps, places)))
        _painted(weight, one, free, _weights(steps, places, alpha, free))
    if not weight.any():
        return matte
    share = cv2.GaussianBlur(weight, (0, 0), 1.5) / np.float32(FULL)
    drawn = ring.filled(matte.shape, outlines).astype(np.float32)
    return np.asarray(matte + share * (drawn - matte) + np.float32(0.5), np.uint8)


def outlined(rough: Bytes, view: View, reach: int) -> Bytes:
    """Return alpha UINT8 [h, w] of what `rough` shows, its contours within `reach` pixels where steps are."""
    outlines = []
    for one in ring.rings(rough):
        steps = seam.evidence(view.planes, one, reach, view.noise)
        off = np.abs(np.arange(-reach, reach + 1, dtype=np.float32)) / reach
        worth = np.asarray(_plain(steps) - np.float32(ROUGH) * off * off, np.float32)
        outlines.append(one.moved(_offsets(steps, seam.path(worth, STIFF))))
    return ring.filled(rough.shape, outlines)


def _free(alpha: Floats) -> Mask:
    """Return [n, 2 * REACH + 1]: set from the contour outwards and inwards as far as `alpha` is soft and goes on so."""
    low, high = SOFT
    inner, outer = alpha[:, REACH:], 1 - alpha[:, REACH::-1]
    free = []
    for side, end in ((outer, 1 - low), (inner, high)):
        top = np.maximum.accumulate(side, axis=1)
        free.append(np.logical_and.accumulate((top < end) & (side > top - TURN), axis=1))
    free[0][:, 0] = free[1][:, 0] = True
    return np.concatenate([free[0][:, :0:-1], free[1]], axis=1)


def _worth(steps: Floats, alpha: Floats, free: Mask) -> Floats:
    away = 2 * alpha - 1
    worth = np.where(
        _wider(free & (np.abs(away) < FAR), 1), _plain(steps) - np.float32(DISTANT) * away * away, np.float32(-2)
    )
    return np.asarray(worth, np.float32)


def _plain(steps: Floats) -> Floats:
    return np.asarray(np.maximum(steps - np.float32(FAINT), 0), np.float32)


def _offsets(steps: Floats, places: NDArray[np.intp]) -> Floats:
    exact = places - steps.shape[1] // 2 + seam.peaks(steps, places)
    return ring.smoothed(exact, 1.0)


def _weights(steps: Floats, places: NDArray[np.intp], alpha: Floats, free: Mask) -> Floats:
    lasting = steps[np.arange(len(steps)), places]
    near = _wider(free, 2)
    rise = np.where(near, alpha, 0).max(axis=1) - np.where(near, alpha, 1).min(axis=1)
    parts = (lasting, PLAIN), (free.sum(axis=1), WIDE), (rise, WHOLE), (_alone(alpha), ALONE)
    weights = [_ramp(ring.smoothed(values, LASTING), ends) for values, ends in parts]
    return np.asarray(np.prod(weights, axis=0), np.float32)


def _alone(alpha: Floats) -> Floats:
    """Return [n], 1 where no other contour of the matte is so near that a step could be its one."""
    outer, inner = alpha[:, REACH - BROAD : REACH - SLACK], alpha[:, REACH + SLACK + 1 : REACH + BROAD + 1]
    return np.asarray((outer.max(axis=1) < HALF) & (inner.min(axis=1) > HALF), np.float32)


def _wider(free: Mask, places: int) -> Mask:
    return np.asarray(cv2.dilate(free.astype(np.uint8), np.ones((1, 2 * places + 1), np.uint8)) > 0)


def _ramp(values: Floats, ends: tuple[float, float]) -> Floats:
    return np.asarray(np.clip((values - ends[0]) / (ends[1] - ends[0]), 0, 1), np.float32)


def _painted(weight: Bytes, one: Ring, free: Mask, weights: Floats) -> None:
    """Draw `weights` [n], 0 to 1, over each point's soft edge."""
    outer = -free[:, REACH::-1].sum(axis=1).astype(np.float32) - 1
    inner = free[:, REACH:].sum(axis=1).astype(np.float32) + 1
    ends = np.stack([one.moved(outer), one.moved(inner)], axis=1)
    for line, level in zip(np.round(ends * 16).astype(np.int32), np.round(weights * FULL).tolist(), strict=True):
        cv2.line(weight, tuple(line[0]), tuple(line[1]), level, 4, cv2.LINE_8, 4)
