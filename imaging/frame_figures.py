"""What can be said of a frame without a network: how bright it is, and how sharp."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from imaging.arrays import Bytes, Floats

SIDE = 512
LEAST_VARIANCE = 1e-3  # so that an even frame has a logarithm


def grey(frame: Bytes) -> Bytes:
    """Return the luma [512, 512] of a frame RGB [h, w, 3], stretched as the networks see it."""
    interpolation = cv2.INTER_AREA if min(frame.shape[:2]) > SIDE else cv2.INTER_LINEAR
    square = cv2.resize(frame, (SIDE, SIDE), interpolation=interpolation)
    return np.asarray(cv2.cvtColor(square, cv2.COLOR_RGB2GRAY))


def brightness(luma: Bytes) -> float:
    """Return the mean of `luma`, 0 to 255."""
    return float(luma.mean())


def sharpness(luma: Bytes) -> float:
    """Return the decimal logarithm of the variance of the Laplacian of `luma`, as `grey` makes it."""
    edges: Floats = np.asarray(cv2.Laplacian(luma, cv2.CV_32F))
    return float(np.log10(max(float(edges.var()), LEAST_VARIANCE)))
