"""The network's small matte at the picture's size, its edges on those of the picture.

Fast guided filter (He and Sun 2015, arXiv:1505.00996): alpha is locally a linear function of colour; the function is
fitted at the network's size and applied at full size. Only tiles that an edge touches are computed, the rest is 0, 255
or an even tone already, and no pixel leaves the range that the matte has around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from imaging import tiles

if TYPE_CHECKING:
    from imaging.arrays import Bytes, Floats

NOTHING, EVERYTHING = 6, 249  # of 255: what a network says where it is sure
RADIUS = 3  # of the windows in which the linear function is fitted, in pixels of the matte
REACH = 2  # how far an edge may move, in pixels of the matte
EVENNESS = 3e-4  # of squared colour (0..1): below this variance a window counts as even
LEVELS = np.clip((np.arange(256) - NOTHING) * 255.0 / (EVERYTHING - NOTHING) + 0.5, 0, 255).astype(np.uint8)


def upsample(matte: Bytes, full: Bytes) -> Bytes:
    """Return alpha UINT8 [H, W] for the picture `full` UINT8 [H, W, 3] from the network's `matte` UINT8 [h, w].

    Values up to NOTHING and from EVERYTHING on become exactly 0 and 255.
    """
    height, width = full.shape[:2]
    certain = sure(matte)
    alpha = plain(certain, height, width)
    if height <= matte.shape[0] and width <= matte.shape[1]:
        return alpha
    low, high = _range(certain)
    edge = low != high
    if not edge.any():
        return alpha
    weights = _linear(_small(full, matte.shape[0], matte.shape[1]), certain)
    bounds = np.dstack([low, high])
    for tile in tiles.touching(edge, height, width):
        fitted = _apply(tiles.enlarge(weights, tile, height, width), full[tile.region])
        limits = tiles.enlarge(bounds, tile, height, width)
        alpha[tile.region] = np.clip(fitted, limits[..., 0], limits[..., 1])
    return alpha


def sure(matte: Bytes) -> Bytes:
    """Return the matte stretched so that what the network is sure of is exactly 0 or 255."""
    return cast("Bytes", LEVELS[matte])


def plain(matte: Bytes, height: int, width: int) -> Bytes:
    """Return `matte` resized without a guide."""
    shrinks = height <= matte.shape[0] and width <= matte.shape[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(matte, (width, height), interpolation=way), np.uint8)


def _small(full: Bytes, height: int, width: int) -> Bytes:
    return np.asarray(cv2.resize(full, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _range(matte: Bytes) -> tuple[Bytes, Bytes]:
    kernel = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    return cast("Bytes", cv2.erode(matte, kernel)), cast("Bytes", cv2.dilate(matte, kernel))


def _mean(values: Floats) -> Floats:
    side = 2 * RADIUS + 1
    return cast("Floats", cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT))


def _linear(guide: Bytes, matte: Bytes) -> Floats:
    """Return [h, w, 4]: three weights for the colour (0..255) and a constant, each the mean over its windows."""
    colour, target = guide.astype(np.float32) / 255, matte.astype(np.float32)
    mean, mean_target = _mean(colour), _mean(target)
    covariance = _mean(colour * target[..., None]) - mean * mean_target[..., None]
    slope = _solve(colour, mean, covariance)
    constant = mean_target - np.einsum("ijk,ijk->ij", slope, mean)
    return _mean(np.dstack([slope / 255, constant]).astype(np.float32))


def _solve(colour: Floats, mean: Floats, covariance: Floats) -> Floats:
    """Return the slopes: per pixel the inverse of the symmetric 3x3 colour variance, times the covariance."""
    r, g, b = (colour[..., i] for i in range(3))
    products = [np.dstack([r * r, r * g, r * b]), np.dstack([g * g, g * b, b * b])]
    mr, mg, mb = (mean[..., i] for i in range(3))
    rr, rg, rb = np.moveaxis(_mean(products[0]) - np.dstack([mr * mr, mr * mg, mr * mb]), -1, 0)
    gg, gb, bb = np.moveaxis(_mean(products[1]) - np.dstack([mg * mg, mg * mb, mb * mb]), -1, 0)
    rr, gg, bb = rr + EVENNESS, gg + EVENNESS, bb + EVENNESS
    i00, i01, i02 = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    i11, i12, i22 = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    cr, cg, cb = (covariance[..., i] for i in range(3))
    slopes = np.dstack([i00 * cr + i01 * cg + i02 * cb, i01 * cr + i11 * cg + i12 * cb, i02 * cr + i12 * cg + i22 * cb])
    return cast("Floats", slopes / (rr * i00 + rg * i01 + rb * i02)[..., None])


def _apply(weights: Floats, colours: Bytes) -> Floats:
    weighted = cv2.transform(weights[..., :3] * colours, np.ones((1, 3), np.float32))
    return cast("Floats", weighted + weights[..., 3] + np.float32(0.5))
