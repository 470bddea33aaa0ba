"""EXIF orientation: turn the pixels upright."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from PIL import Image

    from imaging.arrays import Bytes

TAG = 0x0112
UPRIGHT = 1
UNREADABLE = (SyntaxError, ValueError, TypeError, LookupError, OSError, struct.error)
SWAPPING = (5, 6, 7, 8)
SIDEWAYS, UPSIDE_DOWN, BOTH = 1, 0, -1
FLIPS = {2: SIDEWAYS, 3: BOTH, 4: UPSIDE_DOWN, 6: SIDEWAYS, 7: BOTH, 8: UPSIDE_DOWN}  # after the swap of the axes


def of(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none, it makes no sense or the EXIF block is broken."""
    try:
        value = image.getexif().get(TAG, UPRIGHT)
    except UNREADABLE:
        return UPRIGHT
    return value if isinstance(value, int) and value in range(1, 9) else UPRIGHT


def upright(pixels: Bytes, orientation: int) -> Bytes:
    """Return `pixels` [h, w, ...] as they are meant to be seen."""
    if orientation in SWAPPING:
        pixels = np.asarray(cv2.transpose(pixels), np.uint8)
    flip = FLIPS.get(orientation)
    return pixels if flip is None else np.asarray(cv2.flip(pixels, flip), np.uint8)
