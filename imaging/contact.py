"""Where a subject touches the ground: foot by foot along its lower contour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imaging import box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Bytes, Floats, Mask

SOLID = 128  # alpha from which a pixel bears the subject
# Lengths are shares of the subject's size, the root of its box' area.
LEAST_FOOT = 0.01  # by which the contour must rise on both sides of a foot
# Of the following pairs the first is surely so, the second surely not, and between them it fades.
HANGING = 0.14, 0.24  # rise above the lowest foot, for what stands farther back
BEHIND = 0.3, 0.5  # the same where the floor between them is
FLOOR = 0.3, 0.45  # that steep
WINDOW = 0.03  # over which the contour's slope is taken
GENTLE = 0.4, 0.8  # slope of a contour that lies on the ground
RIM = 0.02, 0.05  # its rise from the foot, where it is round
STRAIGHT = 0.7, 0.9  # its rise as a share of what its slope makes of the distance: here the second is surely so
LEVEL = 0.01  # rise up to which it is level
TOUCHING = 0.3
LOW = 0.045  # gap between ground and subject over which the light below it fades


@dataclass(frozen=True, slots=True)
class Contact:
    """Per column of a matte, FP32 [w].

    `contour` is the row below the subject's lowest pixel, 0 where it has none. `touch` from 0 to 1: how much it rests
    on the ground there. `near`, no less: also how dark it is under what hangs low beside its feet. `ground` is the row
    of the ground below the subject, between feet from one to the other. `size` in pixels is the subject's, `height`
    that of its top over the ground.
    """

    contour: Floats
    touch: Floats
    near: Floats
    ground: Floats
    size: float
    height: float


def found(alpha: Bytes) -> Contact | None:
    """Return how the subject of a matte UINT8 [h, w] stands; None for an empty one."""
    left, top, right, bottom = (int(side) for side in box.around(alpha, SOLID))
    if right == 0:
        return None
    size = float(np.sqrt((right - left) * (bottom - top)))
    contour, solid = lower_contour(alpha)
    touch = _touch(contour, size)
    resting = np.flatnonzero(touch > TOUCHING)
    ground = np.interp(np.arange(len(contour)), resting, contour[resting]).astype(np.float32)
    gap = np.where(solid, np.maximum(ground - contour, 0), np.inf)
    near = np.maximum(touch, np.exp(-((gap / (LOW * size)) ** 2))).astype(np.float32)
    return Contact(contour, touch, near, ground, size, float(ground.max() - top))


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


def lower_contour(alpha: Bytes) -> tuple[Floats, Mask]:
    """Return FP32 [w], the row below the lowest solid pixel of a column, 0 where there is none, and which have one."""
    solid = alpha >= SOLID
    has = solid.any(axis=0)
    lowest = len(alpha) - np.argmax(solid[::-1], axis=0)
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
    lying = (1 - _step(slope, *GENTLE)) * (1 - _step(rise, *BEHIND)) * (1 - round_edge)
    return np.asarray(np.minimum.accumulate(lying), np.float32)


def _step(values: NDArray[np.floating] | float, low: float, high: float) -> Floats:
    """Return FP32 from 0 at `low` to 1 at `high`, smoothly."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
