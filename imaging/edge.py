"""The subject's edge, moved by a fraction of a pixel up to a few.

The profile across the edge keeps its shape: each pixel takes the alpha that stands `distance` further out along the
edge's normal (further in, to widen), between pixels by interpolation. Where to is decided on a small copy. Only a hard
edge moves; what fades over many pixels (smoke, blur, the body of glass) has no edge that could be wrong by one, and
what is hardly wider than the move would vanish: straps, wires and the legs of tripods stay as they are.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging import tiles
from imaging.cutout import around
from imaging.resize import resized

if TYPE_CHECKING:
    from imaging.arrays import Bytes, Floats

WORK_SIDE = 1024  # longer side of the small copy
SOFT, HARD = 0.03, 0.08  # alpha per pixel of the copy: up to the first an edge stays, from the second it moves in full
THIN, BROAD = 4.0, 8.0  # widths in moves: up to the first a part stays, from the second its edge moves in full
FLAT = 2e-3  # alpha per pixel of the copy that has no direction
FULL = 255


def moved(alpha: Bytes, distance: float) -> Bytes:
    """Return `alpha` UINT8 [h, w] with its hard edge `distance` pixels further in, or out where it is negative."""
    region = around(alpha)
    near = alpha[region]
    if not distance or not near.size:
        return alpha
    height, width = near.shape
    way = _ways(near, distance)
    touched = np.asarray(np.abs(way).max(axis=2) > FLAT)
    result = alpha.copy()
    bound = np.minimum if distance > 0 else np.maximum
    for tile in tiles.touching(touched, height, width):
        shift = np.asarray(tiles.enlarge(way, tile, height, width), np.float32)
        result[region][tile.region] = bound(near[tile.region], _sampled(near, tile, shift))
    return result


def _sampled(alpha: Bytes, tile: tiles.Tile, shift: Floats) -> Bytes:
    """Return the tile's pixels as they stand at (x, y) + `shift` [h, w, 2]."""
    reach = math.ceil(float(np.abs(shift).max())) + 1
    top, left = max(tile.top - reach, 0), max(tile.left - reach, 0)
    part = alpha[top : tile.bottom + reach, left : tile.right + reach]
    y, x = np.indices(shift.shape[:2], np.float32)
    columns, rows = x + shift[..., 0] + (tile.left - left), y + shift[..., 1] + (tile.top - top)
    return np.asarray(cv2.remap(part, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _ways(alpha: Bytes, distance: float) -> Floats:
    """Return FP32 [h, w, 2] of the small copy: how far off each pixel's alpha comes from, (x, y) at full size."""
    scale = max(1.0, max(alpha.shape) / WORK_SIDE)
    height, width = (max(1, round(side / scale)) for side in alpha.shape)
    small = resized(alpha, height, width)
    share = small.astype(np.float32) / np.float32(FULL)
    move = abs(distance) / scale
    slope_x, slope_y = _slopes(share, max(1.0, 0.7 * move))
    steep = cv2.magnitude(slope_x, slope_y)
    strength = distance * _hardness(share, move) * _breadth(small, move) / np.maximum(steep, FLAT)
    return np.asarray(np.dstack([-slope_x * strength, -slope_y * strength]), np.float32)


def _slopes(share: Floats, sigma: float) -> tuple[Floats, Floats]:
    smooth = cv2.GaussianBlur(share, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    across, down = (
        cv2.Sobel(smooth, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
        for dx in (1, 0)
    )
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def _hardness(share: Floats, move: float) -> Floats:
    """Return [h, w], 0 to 1: whether the steepest place within reach is an edge."""
    steep = cv2.magnitude(*_slopes(share, 1.0))
    return _ramp(np.asarray(cv2.dilate(steep, _disc(move + 3)), np.float32), SOFT, HARD)


def _breadth(small: Bytes, move: float) -> Floats:
    """Return [h, w], 0 to 1: whether what is here, or within reach, is broad enough to lose its rim."""
    kept = np.zeros(small.shape, np.float32)
    for width in (THIN, BROAD):
        side = 2 * max(1, math.ceil(width * move / 2)) + 1
        opened = cv2.morphologyEx(small, cv2.MORPH_OPEN, np.ones((side, side)), borderType=cv2.BORDER_REPLICATE)
        # A round or pointed rim does not fill the square either; it is lost by little.
        lost = cv2.subtract(small, cv2.dilate(opened, _disc(move + 1))).astype(np.float32)
        kept += _ramp(np.asarray(lost / np.maximum(small, FULL // 4), np.float32), 0.3, 0.7) / 2
    near = cv2.dilate(kept, _disc(move + 3))
    return np.asarray(1 - cv2.blur(near, (3, 3), borderType=cv2.BORDER_REPLICATE), np.float32)


def _disc(radius: float) -> Bytes:
    side = 2 * math.ceil(radius) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _ramp(values: Floats, low: float, high: float) -> Floats:
    return np.asarray(np.clip((values - low) / (high - low), 0, 1), np.float32)
