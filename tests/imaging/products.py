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
    return _grey(alpha)


def jar(ratio: float, solidity: int = 255, side: int = 400) -> NDArray[np.uint8]:
    """A jar from x 120 to 280 whose base, an ellipse so high by its width, has its middle at y 300."""
    alpha = np.zeros((side * FINER, side * FINER), np.uint8)
    cv2.rectangle(alpha, (120 * FINER, 120 * FINER), (280 * FINER, 300 * FINER), (solidity,), -1)
    axes = (80 * FINER, round(80 * ratio * FINER))
    cv2.ellipse(alpha, (200 * FINER, 300 * FINER), axes, 0, 0, 360, (solidity,), -1)
    return _grey(alpha)


def animal() -> NDArray[np.uint8]:
    """Four legs, in front down to y 280 at x 115 and 270, behind to y 262 at x 160 and 317; the belly at 190."""
    alpha = np.zeros((350 * FINER, 450 * FINER), np.uint8)
    cv2.ellipse(alpha, (215 * FINER, 135 * FINER), (130 * FINER, 52 * FINER), 0, 0, 360, (255,), -1)
    for x, y in ((115, 275), (160, 257), (270, 275), (317, 257)):
        cv2.line(alpha, (x * FINER, 145 * FINER), (x * FINER, y * FINER), (255,), 18 * FINER)
        cv2.ellipse(alpha, ((x + 4) * FINER, (y - 1) * FINER), (15 * FINER, 6 * FINER), 0, 0, 360, (255,), -1)
    return _grey(alpha)


def _grey(fine: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = fine.shape
    alpha = np.asarray(cv2.resize(fine, (width // FINER, height // FINER), interpolation=cv2.INTER_AREA), np.uint8)
    return np.dstack([np.where(alpha > 0, 60, 0).astype(np.uint8)] * 3 + [alpha])
