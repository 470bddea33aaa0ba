"""The network's small matte at the picture's size, its edges on those of the picture.

Joint up-sampling after the fast guided filter (He and Sun 2015, arXiv:1505.00996): around an edge alpha is a linear
function of colour, fitted in windows at the network's size and applied to the colours at full size. The filter itself
also repaints what the network got right with the picture's texture; so only the slope is kept, through the network's
own value at each of its pixels. Only tiles that an edge touches are computed, the rest is 0, 255 or an even tone
already, and no pixel leaves the range that the matte has around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging import tiles
from imaging.errors import ShapeError
from imaging.resize import resized

if TYPE_CHECKING:
    from imaging.arrays import Bytes, Floats, Mask

NOTHING, EVERYTHING = 6, 249  # of 255: what a network says where it is sure
RADIUS = 2  # of the windows in which the linear function is fitted, in pixels of the matte
REACH = 1  # how far from an edge of the matte the picture decides, in pixels of the matte
NOISE = 5e-4  # variance of colour (0..1) that is no edge: 5.7 of 255 levels
LEVELS = np.clip((np.arange(256) - NOTHING) * 255.0 / (EVERYTHING - NOTHING) + 0.5, 0, 255).astype(np.uint8)


def upsample(matte: Bytes, full: Bytes) -> Bytes:
    """Return alpha UINT8 [H, W] for the picture `full` UINT8 [H, W, 3] from the network's `matte` UINT8 [h, w].

    Values up to NOTHING and from EVERYTHING on become exactly 0 and 255.
    """
    height, width = full.shape[:2]
    alpha = plain(matte, height, width)
    if height <= matte.shape[0] and width <= matte.shape[1]:
        return alpha
    certain = LEVELS[matte]
    low, high = _range(certain)
    edge = low != high
    if edge.any():
        weights = _weights(_small(full, certain), certain, edge)
        _follow(alpha, full, weights, np.dstack([low, high]), edge)
    return alpha


def plain(matte: Bytes, height: int, width: int) -> Bytes:
    """Return the matte resized to [height, width] without a guide, with the same exact 0 and 255 as `upsample`.

    Raises ShapeError where the matte has no pixel.
    """
    if not matte.size:
        raise ShapeError("the matte must have at least one pixel")
    return resized(LEVELS[matte], height, width)


def _small(full: Bytes, matte: Bytes) -> Floats:
    return resized(full, *matte.shape).astype(np.float32) / np.float32(255)


def _range(matte: Bytes) -> tuple[Bytes, Bytes]:
    kernel = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    return np.asarray(cv2.erode(matte, kernel), np.uint8), np.asarray(cv2.dilate(matte, kernel), np.uint8)


def _follow(alpha: Bytes, full: Bytes, weights: Floats, bounds: Bytes, edge: Mask) -> None:
    """Write the tiles of `alpha` that `edge` touches: weights times colour plus constant, within the bounds."""
    height, width = alpha.shape
    for tile in tiles.touching(edge, height, width):
        here = np.asarray(tiles.enlarge(weights, tile, height, width), np.float32)
        limits = tiles.enlarge(bounds, tile, height, width)
        fitted = cv2.transform(here[..., :3] * full[tile.region], np.ones((1, 3), np.float32)) + here[..., 3]
        alpha[tile.region] = np.clip(fitted + np.float32(0.5), limits[..., 0], limits[..., 1])


def _weights(colour: Floats, matte: Bytes, edge: Mask) -> Floats:
    """Return [h, w, 4]: three slopes for colours 0..255 and a constant; 0 further from an edge than matters."""
    weights = np.zeros((*matte.shape, 4), np.float32)
    rows, columns = (_span(np.asarray(edge.any(axis=axis))) for axis in (1, 0))
    near, target = colour[rows, columns], matte[rows, columns].astype(np.float32)
    slope = _mean(_slopes(near, target))
    weights[rows, columns, :3] = slope / np.float32(255)
    weights[rows, columns, 3] = target - np.einsum("ijk,ijk->ij", slope, near)
    return weights


def _span(touched: Mask) -> slice:
    found, margin = np.flatnonzero(touched), 2 * RADIUS + 1
    return slice(max(int(found[0]) - margin, 0), int(found[-1]) + margin + 1)


def _mean(values: Floats) -> Floats:
    side = 2 * RADIUS + 1
    return np.asarray(cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)


def _slopes(colour: Floats, target: Floats) -> Floats:
    """Return [h, w, 3]: the inverse of the windows' colour variance times their covariance of colour and target."""
    mean = _mean(colour)
    with_target = _mean(colour * target[..., None]) - mean * _mean(target)[..., None]
    pairs = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    rr, rg, rb, gg, gb, bb = (
        _mean(colour[..., i] * colour[..., j]) - mean[..., i] * mean[..., j] + np.float32(NOISE * (i == j))
        for i, j in pairs
    )
    first, second, third = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    middle, cross, last = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    r, g, b = (with_target[..., i] for i in range(3))
    slopes = np.dstack(
        [first * r + second * g + third * b, second * r + middle * g + cross * b, third * r + cross * g + last * b]
    )
    return np.asarray(slopes / (rr * first + rg * second + rb * third)[..., None], np.float32)
