"""Cut-outs of drawn products, whose feet are known."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging import box
from imaging.cutout import CutOut

FINER = 4


def cut(pixels: NDArray[np.uint8]) -> CutOut:
    alpha = np.ascontiguousarray(pixels[..., 3])
    return CutOut(pixels, alpha, box.around(alpha))


def block(
    height: int, width: int, area: tuple[int, int, int, int], colour: tuple[int, int, int] = (200, 40, 30)
) -> CutOut:
    """A solid rectangle (xmin, ymin, xmax, ymax) in a photo."""
    left, top, right, bottom = area
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[top:bottom, left:right] = (*colour, 255)
    return cut(pixels)


def disc(side: int, x: float, y: float, radius: float, colour: tuple[int, int, int] = (200, 40, 30)) -> CutOut:
    """A disc with a soft edge."""
    rows, columns = np.mgrid[:side, :side] + 0.5
    alpha = np.clip(radius - np.hypot(columns - x, rows - y) + 0.5, 0, 1) * 255 + 0.5
    pixels = np.dstack([*(np.full((side, side), level) for level in colour), alpha]).astype(np.uint8)
    pixels[pixels[..., 3] == 0] = 0
    return cut(pixels)


def table(side: int = 400) -> NDArray[np.uint8]:
    """A table of two legs from x 100 to 120 and 280 to 300, its top from y 150 to 180, its feet at y 320."""
    pixels = np.zeros((side, side, 4), np.uint8)
    for left, top, right, bottom in ((80, 150, 320, 180), (100, 180, 120, 320), (280, 180, 300, 320)):
        pixels[top:bottom, left:right] = (120, 80, 40, 255)
    return pixels


def tripod(side: int = 400) -> NDArray[np.uint8]:
    """Three legs down to (80, 340), (320, 340) and, farther back, (220, 310)."""
    alpha = np.zeros((side * FINER, side * FINER), np.uint8)
    for x, y in ((80, 340), (320, 340), (220, 310)):
        cv2.line(alpha, (200 * FINER, 80 * FINER), (x * FINER, y * FINER), (255,), 8 * FINER)
    small = np.asarray(cv2.resize(alpha, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    return np.dstack([np.where(small > 0, 60, 0).astype(np.uint8)] * 3 + [small])
