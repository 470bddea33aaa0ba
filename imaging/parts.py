"""Holes in the subject and loose specks beside it, told by their area.

Both are found on a copy of at most SIDE pixels a side in which a cell counts as soon as one of its pixels does, so
that nothing thin is torn off. A speck that nowhere is opaque, although it is wide enough to be so, is something that
the network was unsure of, a reflection or a spot of the ground: it may be larger than others. What lies closer to a
speck than to anything that stays is its soft fringe and goes along; in the same way a filled hole takes its fringe
along.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging import box
from imaging.cutout import around

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Bytes, Mask

SIDE = 2048
FRINGE = 6 / 1024  # of the picture's longer side: how wide the soft edge of a hole may be
NEAR = np.ones((3, 3), np.uint8)  # parts this close are one: what a network tore into dashes stays together
ON = 255
UNSURE = 160  # nothing in such a part is more opaque, but for a twentieth of it
UNSURE_SHARE = 20  # so many times the area of a speck
WIDE = 3 / 1024  # of the picture's longer side: what is narrower is as faint as it is because it is thin


@dataclass(frozen=True, slots=True)
class _Grid:
    """The reduced copy of a picture of `height` x `width` pixels, `scale` pixels a cell."""

    height: int
    width: int
    scale: int

    def any_of(self, mask: Bytes) -> Bytes:
        """Return for each cell whether one of its pixels is set, 0 or 255."""
        if self.scale == 1:
            return mask
        below, right = -self.height % self.scale, -self.width % self.scale
        whole = cv2.copyMakeBorder(mask, 0, below, 0, right, cv2.BORDER_REPLICATE)
        size = whole.shape[1] // self.scale, whole.shape[0] // self.scale
        mean = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.threshold(mean, 0, ON, cv2.THRESH_BINARY)[1], np.uint8)

    def pixels(self, cells: Bytes) -> Bytes:
        """Return the value of each pixel's cell."""
        if self.scale == 1:
            return cells
        size = cells.shape[1] * self.scale, cells.shape[0] * self.scale
        whole = cv2.resize(cells, size, interpolation=cv2.INTER_NEAREST)
        return np.asarray(whole[: self.height, : self.width], np.uint8)


def cleaned(alpha: Bytes, share: float) -> Bytes:
    """Return `alpha` UINT8 [h, w] without loose parts of up to `share` of the subject's area; the largest one stays.

    Wide parts that are nowhere opaque go up to UNSURE_SHARE times that area.
    """
    region = around(alpha)
    near = alpha[region]
    if share <= 0 or not near.size:
        return alpha
    grid = _grid(near)
    solid, visible = (grid.any_of(_at_least(near, level)) for level in (box.THRESHOLD, 1))
    tones = np.asarray(cv2.resize(near, solid.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    wide = WIDE * max(alpha.shape) / grid.scale
    erased = cv2.bitwise_or(_specks(solid, tones, share, wide), _haze(visible, solid, share))
    if not erased.any():
        return alpha
    result = alpha.copy()
    result[region] = cv2.bitwise_and(near, cv2.bitwise_not(grid.pixels(np.asarray(erased, np.uint8))))
    return result


def filled(alpha: Bytes, share: float) -> Bytes:
    """Return `alpha` UINT8 [h, w] with holes of up to `share` of the subject's area as opaque as what surrounds them.

    What is open to the picture's edge is no hole, nor is a translucent part.
    """
    region = around(alpha)
    near = alpha[region]
    if share <= 0 or not near.size:
        return alpha
    grid = _grid(near)
    empty = grid.any_of(np.asarray(cv2.bitwise_not(_at_least(near, box.THRESHOLD)), np.uint8))
    level = _fill(empty, near, share, math.ceil(FRINGE * max(alpha.shape) / grid.scale) + 1)
    if not level.any():
        return alpha
    result = alpha.copy()
    result[region] = cv2.max(near, grid.pixels(level))
    return result


def _grid(alpha: Bytes) -> _Grid:
    height, width = alpha.shape
    return _Grid(height, width, scale=-(-max(alpha.shape) // SIDE))


def _at_least(alpha: Bytes, level: int) -> Bytes:
    return np.asarray(cv2.threshold(alpha, level - 1, ON, cv2.THRESH_BINARY)[1], np.uint8)


def _specks(solid: Bytes, tones: Bytes, share: float, wide: float) -> Bytes:
    """Return 255 where a cell is nearer to a speck than to what stays."""
    number, labels, facts, _ = cv2.connectedComponentsWithStats(cv2.dilate(solid, NEAR), connectivity=8)
    areas = np.bincount(labels[solid > 0], minlength=number)
    loose = areas <= share * areas.sum()
    for label in np.flatnonzero(~loose & (areas <= UNSURE_SHARE * share * areas.sum())):
        left, top, width, height = facts[label, : cv2.CC_STAT_AREA]
        near = slice(top, top + height), slice(left, left + width)  # there may be hundreds of parts
        loose[label] = _is_unsure((labels[near] == label) & (solid[near] > 0), tones[near], wide)
    loose[[0, areas.argmax()]] = False
    if not loose.any():
        return np.zeros_like(solid)
    speck = loose[labels] & (solid > 0)
    return _nearer(speck, (solid > 0) & ~speck)


def _is_unsure(part: Mask, tones: Bytes, wide: float) -> bool:
    """Whether hardly any of a part is opaque although its middle is `wide` cells from what surrounds it."""
    if np.percentile(tones[part], 95) > UNSURE:
        return False
    ground = cv2.copyMakeBorder(part.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    return float(cv2.distanceTransform(ground, cv2.DIST_L2, 3).max()) >= wide


def _haze(visible: Bytes, solid: Bytes, share: float) -> Bytes:
    """Return 255 where something faint stands alone and is small."""
    number, labels, facts, _ = cv2.connectedComponentsWithStats(visible, connectivity=8)
    alone = facts[:, cv2.CC_STAT_AREA] <= share * max(int(np.count_nonzero(solid)), 1)
    alone[0] = False
    if number > 1:
        alone[labels[solid > 0]] = False
    return np.asarray(alone[labels] * np.uint8(ON), np.uint8)


def _nearer(wanted: Mask, other: Mask) -> Bytes:
    """Return 255 where a cell is nearer to `wanted` than to `other`."""
    there, away = (_distance(mask) for mask in (wanted, other))
    return np.asarray((there < away) * np.uint8(ON), np.uint8)


def _distance(mask: Mask) -> NDArray[np.float32]:
    """Return the distance of each cell to the nearest one of `mask`, in cells; far where there is none."""
    return np.asarray(cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3), np.float32)


def _fill(empty: Bytes, alpha: Bytes, share: float, reach: int) -> Bytes:
    """Return the opacity of each cell in a hole or on its fringe, `reach` cells wide; 0 elsewhere."""
    number, labels, facts, _ = cv2.connectedComponentsWithStats(empty, connectivity=4)
    hole = facts[:, cv2.CC_STAT_AREA] <= share * (empty.size - np.count_nonzero(empty))
    hole[[0, *_outer(np.asarray(labels, np.int32))]] = False
    inside = hole[labels]
    level = np.zeros(empty.shape, np.uint8)
    if not inside.any():
        return level
    fringe = (_distance(inside) <= reach) & (_nearer(inside, (empty > 0) & ~inside) > 0)
    # Each cell of the fringe belongs to the hole it was grown from; labels are exact in FP32 up to 2 ** 24.
    grown = cv2.dilate(np.where(inside, labels, 0).astype(np.float32), np.ones((2 * reach + 1, 2 * reach + 1)))
    owner = np.where(inside, labels, grown.astype(np.int32))
    tones = np.asarray(cv2.resize(alpha, empty.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    opacity = np.zeros(number, np.uint8)
    np.maximum.at(opacity, owner[fringe], tones[fringe])
    level[fringe] = opacity[owner[fringe]]
    return level


def _outer(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
