"""EXIF orientation: turn the pixels upright."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from PIL import Image

    from imaging.arrays import Bytes

TAG = 0x0112
UPRIGHT = 1
SWAPPING = (5, 6, 7, 8)
MIRROR, FLIP, TURN = 1, 0, -1


def of(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none or it makes no sense."""
    value = image.getexif().get(TAG, UPRIGHT)
    return value if isinstance(value, int) and value in range(1, 9) else UPRIGHT


def upright(pixels: Bytes, orientation: int) -> Bytes:
    """Return `pixels` [h, w, ...] as they are meant to be seen."""
    steps = {
        2: lambda p: cv2.flip(p, MIRROR),
        3: lambda p: cv2.flip(p, TURN),
        4: lambda p: cv2.flip(p, FLIP),
        5: cv2.transpose,
        6: lambda p: cv2.rotate(p, cv2.ROTATE_90_CLOCKWISE),
        7: lambda p: cv2.flip(cv2.transpose(p), TURN),
        8: lambda p: cv2.rotate(p, cv2.ROTATE_90_COUNTERCLOCKWISE),
    }
    if orientation not in steps:
        return pixels
    return np.asarray(steps[orientation](pixels), dtype=np.uint8)
