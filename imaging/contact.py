"""Where a subject touches the ground: foot by foot along its lower contour.

The ground is taken for a plane seen from above at some angle: a disc on it is seen as an ellipse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging import box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Bytes, Floats, Mask

FORESHORTENING = 0.5  # of lengths on the ground that lead towards the viewer: it is seen at an angle of 30 degrees
SOLID = 128  # alpha from which a pixel bears the subject
CLEAR = 40  # the same of a part that is everywhere so translucent, as glass is
THICK = 0.02  # how wide such a part is at least, as a share of the subject's size; hair and soft edges are less
# Lengths are shares of the subject's size, the root of its box' area.
HOLE = 0.02  # across, in a mesh: it is a body
LEAST_FOOT = 0.01  # by which the contour must rise on both sides of a foot
# Of the following pairs the first is surely so, the second surely not, and between them it fades.
HANGING = 0.14, 0.24  # rise above the lowest foot, for what stands farther back
BEHIND = 0.3, 0.5  # the same where the floor between them is
FLOOR = 0.3, 0.45  # that steep
# What reaches out at one side, behind what stands before it:
OUT = 0.5  # as much of it at the other side, and it hangs on both
WALL = 0.02  # step in the contour at which it begins
BULK = 0.8, 1.2  # its height by its rise from the ground before it: here the second is surely so, an arm is thinner
STEEPEST = 0.7, 0.9  # that rise by its width
WINDOW = 0.03  # over which the contour's slope is taken
GENTLE = 0.4, 0.8  # slope of a contour that lies on the ground
RIM = 0.02, 0.05  # its rise from the foot, where it is round
STRAIGHT = 0.7, 0.9  # its rise as a share of what its slope makes of the distance: here the second is surely so
LEVEL = 0.01  # rise up to which it is level
# A disc on the ground is seen as a flat ellipse. Of its half, and of a round corner of it:
UPRIGHT = 4.0  # the slope with which it ends
STRIDE = 3  # pixels that are so steep
JUMP = 0.35  # a step, as a share of the rise up to it, that leads to something else
WIDTHS = 24  # that are tried
WHOLE, DOUBT = (0.5, 0.75), 0.4  # its corner's width by the way from the foot, and by how much it counts for more
UNLIKE = 0.08  # of its height, by which it differs from every ellipse
FLAT = 0.7, 0.8  # its corner's height by its width: 0.5 where seen at 30 degrees; a ball has 1
MEAN = 0.65, 0.75  # the slope from the foot to the end
BEYOND = 1e6  # rows that a contour rises where it ends
TOUCHING = 0.3
DEPTH = 0.45, 0.03  # from the front to the back of what rests: as a share of its width, and at most of the size


@dataclass(frozen=True, slots=True)
class Contact:
    """How a subject stands; per column of its matte, FP32 [w], where nothing else is said.

    `contour` is the row below the subject's lowest pixel, 0 where it has none. `touch` from 0 to 1: how much it rests
    on the ground there. `ground` is the row of the ground below the subject, between feet from one to the other, and
    `back` how far up the picture what rests there reaches. `gap` is the air between ground and subject, infinite where
    there is none above. `body` UINT8 [h, w] is 1 where the subject is, its small holes filled. `box` (xmin, ymin, xmax,
    ymax) and `size` in pixels are the subject's, `height` that of its top over the ground.
    """

    contour: Floats
    touch: Floats
    ground: Floats
    back: Floats
    gap: Floats
    body: Bytes
    box: tuple[int, int, int, int]
    size: float
    height: float


def found(alpha: Bytes) -> Contact | None:
    """Return how the subject of a matte UINT8 [h, w] stands; None for an empty one."""
    bears = bearing(alpha)
    left, top, right, bottom = (int(side) for side in box.around(bears.view(np.uint8), 1))
    if right == 0:
        return None
    size = float(np.sqrt((right - left) * (bottom - top)))
    contour, solid = lower_contour(bears)
    touch = _touch(contour, size)
    touch = np.maximum(touch, _farther(bears, contour, touch, size))
    resting = np.flatnonzero(touch > TOUCHING)
    columns = np.arange(len(contour))
    ground = np.interp(columns, resting, contour[resting]).astype(np.float32)
    back = np.interp(columns, resting, (contour - _depth(contour, resting, size))[resting]).astype(np.float32)
    gap = np.where(solid, np.maximum(ground - contour, 0), np.inf).astype(np.float32)
    body = _filled(bears, size)
    return Contact(contour, touch, ground, back, gap, body, (left, top, right, bottom), size, float(ground.max() - top))


def bearing(alpha: Bytes) -> Mask:
    """Return BOOL [h, w]: where the subject is, translucent parts of some width with it."""
    solid = np.asarray(alpha >= SOLID)
    left, top, right, bottom = (int(side) for side in box.around(alpha, CLEAR))
    clear = ((alpha >= CLEAR) & ~solid).astype(np.uint8)
    width = max(2, round(THICK * float(np.sqrt((right - left) * (bottom - top)))))
    wide = cv2.morphologyEx(clear, cv2.MORPH_OPEN, np.ones((width, width), np.uint8))
    return np.asarray(solid | (wide > 0))


def _filled(bears: Mask, size: float) -> Bytes:
    side = 2 * round(HOLE * size / 2) + 1
    return np.asarray(
        cv2.morphologyEx(bears.view(np.uint8), cv2.MORPH_CLOSE, np.ones((side, side), np.uint8)), np.uint8
    )


def _depth(contour: Floats, resting: NDArray[np.intp], size: float) -> Floats:
    """Return FP32 [w]: how far the footprint reaches up the picture from its front.

    What the front shows of a disc or of a box' corner goes on behind, mirrored at the line between its ends.
    """
    result = np.zeros_like(contour)
    for run in np.split(resting, np.flatnonzero(np.diff(resting) > 1) + 1):
        front = contour[run]
        chord = np.linspace(front[0], front[-1], len(run), dtype=np.float32)
        share, most = DEPTH
        # what the canvas cuts is there at its full depth
        ends = -1.0 if run[0] > 0 else 0.0, 1.0 if run[-1] < len(contour) - 1 else 0.0
        bow = np.sqrt(1 - np.linspace(*ends, len(run) + 2)[1:-1] ** 2)
        result[run] = np.maximum(2 * (front - chord), min(share * len(run), most * size) * bow)
    return result


def _touch(contour: Floats, size: float) -> Floats:
    """Return FP32 [w]: how much the subject rests on the ground, from its lowest foot to those behind it."""
    touch = np.zeros_like(contour)
    for foot in sorted(feet(contour, max(LEAST_FOOT * size, 2)), key=lambda column: -contour[column]):
        touch = np.maximum(touch, _resting(contour, foot, size) * _standing(contour, touch, foot, size))
    return touch


def _standing(contour: Floats, touch: Floats, foot: int, size: float) -> float:
    """Return from 0 to 1 whether what is so low there stands on the ground, farther back, or hangs over it.

    It stands where it is hardly higher than the lowest foot, or where a floor of little slope leads up to it.
    """
    resting = np.flatnonzero(touch > TOUCHING)
    if not resting.size:
        return 1.0
    rise = float(contour.max() - contour[foot])
    slope = rise / max(float(np.abs(resting - foot).min()), 1.0)
    hanging, behind = _step(rise / size, *HANGING), _step(rise / size, *BEHIND)
    return float(max(1 - hanging, (1 - behind) * (1 - _step(slope, *FLOOR))))


def _farther(bears: Mask, contour: Floats, touch: Floats, size: float) -> Floats:
    """Return FP32 [w]: how much a thing rests on the ground that stands behind another one and is seen at one side."""
    result = np.zeros_like(contour)
    there, resting = np.flatnonzero(contour), np.flatnonzero(touch > TOUCHING)
    out = int(resting[0] - there[0]), int(there[-1] - resting[-1])
    if min(out) > OUT * max(out):
        return result
    left = out[0] > out[1]
    foot, end = (resting[0], there[0]) if left else (resting[-1], there[-1])
    alone = _outside(contour, int(foot), int(end), size)
    if not alone.any():
        return result
    rise = float(contour[foot] - alone.max())
    bulk = float(np.median(bears[:, alone > 0].sum(axis=0))) / max(rise, 1.0)
    slope = rise / max(out)
    likely = _step(bulk, *BULK) * (1 - _step(slope, *STEEPEST)) * (1 - _step(rise / size, *BEHIND))
    for lowest in feet(alone, max(LEAST_FOOT * size, 2)):
        result = np.maximum(result, _resting(alone, lowest, size) * likely)
    return result


def _outside(contour: Floats, foot: int, end: int, size: float) -> Floats:
    """Return of a contour FP32 [w] only what is beyond the highest wall between a foot and half the way to its end."""
    half = (foot + end) // 2
    between = slice(min(foot, half), max(foot, half) + 1)
    steps = np.abs(np.diff(contour[between]))
    result = np.zeros_like(contour)
    if steps.max(initial=0) >= WALL * size:
        wall, slant = between.start + int(np.argmax(steps)), round(WALL * size)
        part = slice(end, max(wall + 1 - slant, end)) if end < foot else slice(wall + 1 + slant, end + 1)
        result[part] = contour[part]
    return result


def lower_contour(bears: Mask) -> tuple[Floats, Mask]:
    """Return FP32 [w], the row below the lowest bearing pixel of a column, 0 where there is none; which have one."""
    has = bears.any(axis=0)
    lowest = len(bears) - np.argmax(bears[::-1], axis=0)
    return np.where(has, lowest, 0).astype(np.float32), np.asarray(has)


def feet(contour: Floats, least: float) -> list[int]:
    """Return the columns where the contour is lowest between two rises of at least `least` pixels."""
    columns: list[int] = []
    lowest, highest, at, falling = -np.inf, np.inf, 0, True
    for column, row in enumerate([*contour.tolist(), -least]):
        if row > lowest:
            lowest, at = row, column
        highest = min(highest, row)
        if falling and row <= lowest - least:
            columns.append(at)
            highest, falling = row, False
        elif not falling and row >= highest + least:
            lowest, at, falling = row, column, True
    return columns


def _resting(contour: Floats, foot: int, size: float) -> Floats:
    """Return FP32 [w]: 1 at the foot and along the contour on both sides of it as far as that lies on the ground."""
    result = np.zeros_like(contour)
    result[foot:] = _lying(contour[foot:], size)
    result[: foot + 1] = _lying(contour[foot::-1], size)[::-1]
    return result


def _lying(contour: Floats, size: float) -> Floats:
    """Return FP32 [n]: how far a contour that begins at a foot lies on the ground, which none does after it left it.

    It does where its slope is gentle and, if it has risen by more than the front rim of a round base does, straight: a
    box that stands across has straight edges on the ground, the rising edge of a ball is in the air.
    """
    columns, window = np.arange(len(contour)), max(1, round(WINDOW * size))
    rise = (contour[0] - contour) / size
    slope = np.abs(contour - contour[np.maximum(columns - window, 0)]) / window
    flat = np.argmax(rise > LEVEL) if (rise > LEVEL).any() else len(contour)
    # one pixel more, by which a contour of whole rows may be off
    straight = ((rise - LEVEL) * size + 1) / np.maximum(slope * (columns - flat + 1), 1e-6)
    round_edge = _step(rise, *RIM) * (1 - _step(straight, *STRAIGHT))
    gentle = (1 - _step(slope, *GENTLE)) * (1 - round_edge) * (1 - _step(rise, *BEHIND))
    return np.asarray(np.minimum.accumulate(np.maximum(gentle, _disc(contour, size))), np.float32)


def _disc(contour: Floats, size: float) -> Floats:
    """Return FP32 [n]: how much a contour that begins at a foot is the rim of a disc on the ground, up to its side.

    The rim ends upright at the side, where the disc is widest.
    """
    rise = contour[0] - contour
    ahead = np.append(rise, [BEYOND] * (STRIDE + 1))
    steep = int(np.argmax(ahead[STRIDE:-1] - rise >= UPRIGHT * STRIDE))
    coming = ahead[steep : steep + STRIDE + 1]
    leaps = np.diff(coming) >= np.maximum(JUMP * coming[:-1], UPRIGHT)
    end = steep + int(np.argmax([*leaps, True]))
    result, high = np.zeros_like(contour), float(rise[end])
    if high >= LEVEL * size:
        mean = high / max(end, 1)
        result[: end + 1] = (1 - _step(_upright(rise[: end + 1]), *FLAT)) * (1 - _step(mean, *MEAN))
    return result


def _upright(rise: Floats) -> float:
    """Return the height by the width of the quarter of an ellipse with which `rise` FP32 [n] ends, after a slope.

    Of many widths the one is taken whose quarter with the best height and slope comes nearest, by least squares;
    infinity where none comes near. It counts for more where the quarter is only the end of a long edge, as of a lens
    that lies: what is seen of a disc is all round.
    """
    columns = np.arange(len(rise)) + 0.5
    widths = np.geomspace(4, 2 * len(rise), WIDTHS)[:, None]
    inside = np.minimum(columns[::-1] / widths, 1)
    bows = 1 - np.sqrt(inside * (2 - inside))
    squares, mixed, straight = (bows * bows).sum(axis=1), bows @ columns, columns @ columns
    highs, slopes = bows @ rise, columns @ rise
    tilts = np.clip((slopes * squares - highs * mixed) / (straight * squares - mixed * mixed), 0, GENTLE[0])
    heights = (highs - tilts * mixed) / squares
    errors = np.square(heights[:, None] * bows + np.outer(tilts, columns) - rise).sum(axis=1)
    best = int(np.argmin(errors))
    alike = np.sqrt(errors[best] / len(rise)) < UNLIKE * rise[-1]
    ratio, width = float(heights[best] / widths[best, 0]), float(widths[best, 0])
    return ratio * float(1 + DOUBT * (1 - _step(width / len(rise), *WHOLE))) if alike else np.inf


def _step(values: NDArray[np.floating] | float, low: float, high: float) -> Floats:
    """Return FP32 from 0 at `low` to 1 at `high`, smoothly."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
