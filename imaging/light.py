"""sRGB levels and the light that they stand for, by tables (IEC 61966-2-1)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from imaging.arrays import Bytes, Floats

FULL = 65_535  # the light of level 255: enough steps for every level to come back as it was
LEVELS = 256
KNEE, SLOPE, OFFSET, POWER = 0.04045, 12.92, 0.055, 2.4


def of(levels: Bytes) -> Floats:
    """Return the light of sRGB levels UINT8 [...]: FP32 of whole numbers from 0 to FULL."""
    return np.asarray(cv2.LUT(levels, _light()), np.float32).reshape(levels.shape)


def levels(light: Floats) -> Bytes:
    """Return the levels UINT8 nearest to light from 0 to FULL."""
    # take with "clip" is several times faster than an index
    return np.take(_levels(), (light + np.float32(0.5)).astype(np.uint16), mode="clip")


def exact_levels(light: Floats) -> Floats:
    """Return FP32 levels 0 to 255 of light from 0 to FULL, not rounded."""
    return (_course(light / FULL) * (LEVELS - 1)).astype(np.float32)


@cache
def _light() -> Floats:
    level = np.linspace(0, 1, LEVELS)
    light = np.where(level <= KNEE, level / SLOPE, ((level + OFFSET) / (1 + OFFSET)) ** POWER)
    return np.round(light * FULL).astype(np.float32)


@cache
def _levels() -> Bytes:
    return np.round(_course(np.linspace(0, 1, FULL + 1)) * (LEVELS - 1)).astype(np.uint8)


def _course(light: np.ndarray) -> np.ndarray:
    return np.where(light <= KNEE / SLOPE, light * SLOPE, (1 + OFFSET) * light ** (1 / POWER) - OFFSET)
