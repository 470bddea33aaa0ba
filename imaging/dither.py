"""Noise of one level, so that a soft course of few levels shows no bands."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from imaging.arrays import Bytes, Floats

SIDE = 256  # of the pattern; tiles of this side begin where it begins


@cache
def pattern() -> Floats:
    """Return FP32 [SIDE, SIDE], even from 0 to below 1: interleaved gradient noise (Jimenez, SIGGRAPH 2014)."""
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.asarray(52.9829189 * ((0.06711056 * x + 0.00583715 * y) % 1) % 1, np.float32)


def rounded(levels: Floats) -> Bytes:
    """Return UINT8 of a tile's levels FP32 [h, w(, c)], 0 to 255, no side above SIDE; whole levels stay as they are."""
    height, width = levels.shape[:2]
    noise = pattern()[:height, :width]
    return (levels + (noise if levels.ndim == noise.ndim else noise[..., None])).astype(np.uint8)
