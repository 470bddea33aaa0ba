"""A blur whose time does not grow with its width."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from imaging.arrays import Floats

FINE = 4.0  # sigma of a blur that needs no larger copy
LEAST = 0.3


def blurred(values: Floats, across: float, down: float) -> Floats:
    """Return `values` FP32 [h, w] blurred by two sigmas, by way of a smaller copy where they are wide."""
    height, width = values.shape
    small = max(1, round(width / max(across / FINE, 1))), max(1, round(height / max(down / FINE, 1)))
    reduced = cv2.resize(values, small, interpolation=cv2.INTER_AREA)
    sigmas = max(across * small[0] / width, LEAST), max(down * small[1] / height, LEAST)
    soft = cv2.GaussianBlur(reduced, (0, 0), sigmas[0], sigmaY=sigmas[1], borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
