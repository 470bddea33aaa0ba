"""How good a cut-out is, as numbers: against an exact alpha, exact colours, and the middle of the canvas.

Nothing here is shared with the steps under test: a mistake in their linear light would otherwise cancel out.
Mattes are UINT8 [h, w], cut-outs UINT8 [h, w, 4] with straight colours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Bytes: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]
Reals: TypeAlias = NDArray[np.float64]

HALF = 128
BOUNDARY_SHARE = 0.02
EDGE_SHARE = 0.002
SOFT = (8, 247)  # alpha between which a pixel belongs to an edge, whatever the rounding
NEW_GROUNDS = ((0, 0, 0), (0, 170, 60))


def iou(found: Bytes, wanted: Bytes) -> float:
    """Intersection over union of two mattes cut at a half; 1 where both are empty."""
    return _overlap(found >= HALF, wanted >= HALF)


def boundary_iou(found: Bytes, wanted: Bytes, share: float = BOUNDARY_SHARE) -> float:
    """IoU of the two inner contours, as wide as `share` of the diagonal; the frame counts as an edge.

    Cheng et al., "Boundary IoU: Improving Object-Centric Image Segmentation Evaluation", CVPR 2021.
    """
    width = max(1, round(share * float(np.hypot(*wanted.shape))))
    return _overlap(_contour(found >= HALF, width), _contour(wanted >= HALF, width))


def _contour(mask: Mask, width: int) -> Mask:
    """What `width` erosions with a 3x3 square would take: where the frame or the outside is as near as that."""
    padded = np.pad(mask, 1).astype(np.uint8)
    inwards = cv2.distanceTransform(padded, cv2.DIST_C, 3)[1:-1, 1:-1]
    return np.asarray(mask & (inwards <= width), dtype=np.bool_)


def _overlap(found: Mask, wanted: Mask) -> float:
    union = int((found | wanted).sum())
    return int((found & wanted).sum()) / union if union else 1.0


def linear(levels: NDArray[np.uint8]) -> Reals:
    """Linear light of sRGB levels."""
    share = np.arange(256) / 255
    return np.asarray(np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)[levels])  # noqa: PLR2004


def levels(light: Reals) -> Reals:
    """Levels 0..255 under sRGB of linear light, not rounded."""
    bounded = np.clip(light, 0, 1)
    return np.asarray(np.where(bounded <= 0.0031308, bounded * 12.92, 1.055 * bounded ** (1 / 2.4) - 0.055) * 255)  # noqa: PLR2004


def on(cut: Bytes, colour: Sequence[int]) -> Reals:
    """The cut-out on a plain ground, blended in linear light: levels [n, 3] of pixels [n, 4]."""
    share = cut[..., 3:].astype(np.float64) / 255
    ground = linear(np.array(colour, np.uint8))
    return levels(linear(cut[..., :3]) * share + ground * (1 - share))


def edge(alpha: Bytes) -> Mask:
    """The pixels of partial alpha and what lies within 0.2 % of the diagonal of them or of the outline."""
    reach = max(1, round(EDGE_SHARE * float(np.hypot(*alpha.shape))))
    solid = (alpha >= HALF).astype(np.uint8)
    line = cv2.morphologyEx(solid, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    near = line | ((alpha > SOFT[0]) & (alpha < SOFT[1])).astype(np.uint8)
    return np.asarray(cv2.dilate(near, np.ones((2 * reach + 1,) * 2, np.uint8)) > 0)


def halo(found: Bytes, true: Bytes) -> float:
    """Mean colour error along the edge, in levels, of a cut-out put on black and on green instead of the true one."""
    band = edge(true[..., 3])
    if not band.any():
        return 0.0
    errors = [np.abs(on(found[band], colour) - on(true[band], colour)).mean() for colour in NEW_GROUNDS]
    return float(np.mean(errors))


def box(alpha: Bytes) -> tuple[float, float, float, float] | None:
    """Left, top, right, bottom of what is at least half opaque, parts of a pixel by its neighbours; None if nothing."""
    if not (alpha >= HALF).any():
        return None
    left, right = _ends(alpha.max(axis=0))
    top, bottom = _ends(alpha.max(axis=1))
    return left, top, right, bottom


def _ends(line: Bytes) -> tuple[float, float]:
    """Where the line first and last crosses a half, pixel 0 reaching from 0 to 1."""
    found = np.flatnonzero(line >= HALF)
    first, last = int(found[0]), int(found[-1])
    values = np.concatenate([[0.0], line.astype(np.float64), [0.0]])
    start = first + 1 - min(1.0, float(values[first + 1]) / 255)
    end = last + min(1.0, float(values[last + 1]) / 255)
    return start - float(values[first]) / 255, end + float(values[last + 2]) / 255


def cut_sides(alpha: Bytes) -> tuple[str, ...]:
    """The sides at which the frame cuts the subject."""
    lines = {"left": alpha[:, 0], "top": alpha[0], "right": alpha[:, -1], "bottom": alpha[-1]}
    return tuple(side for side, line in lines.items() if line.max() >= HALF)


def centring(cut: Bytes, placed: Bytes, true: Bytes) -> float | None:
    """How far the true subject's middle lies from the canvas' middle after placing, in pixels of the canvas.

    `cut` and `true` are mattes of the photo, `placed` is that of the canvas. The way from photo to canvas is read off
    the matte in both (its centre of mass and spread move with any scaling and shift), so that a speck or a lost part
    that pulls the box aside counts. Along an axis on which the frame cuts the subject nothing is asked; None if along
    both.
    """
    wanted, before, after = box(true), _spread(cut), _spread(placed)
    if wanted is None or before is None or after is None:
        return None
    scale = after[2] / before[2]
    offsets = []
    cut_at = set(cut_sides(true))
    for axis, sides in enumerate((("left", "right"), ("top", "bottom"))):
        if not cut_at & set(sides):
            middle = (wanted[axis] + wanted[axis + 2]) / 2
            there = (middle - before[axis]) * scale + after[axis]
            offsets.append(there - placed.shape[1 - axis] / 2)
    return float(np.hypot.reduce(offsets)) if offsets else None


def _spread(alpha: Bytes) -> tuple[float, float, float] | None:
    """Centre of mass (x, y) and standard deviation about it, in pixels; None of an empty matte."""
    total = float(alpha.sum(dtype=np.float64))
    if total == 0:
        return None
    columns, rows = alpha.sum(axis=0, dtype=np.float64) / total, alpha.sum(axis=1, dtype=np.float64) / total
    x, y = np.arange(len(columns)) + 0.5, np.arange(len(rows)) + 0.5
    middle_x, middle_y = float(columns @ x), float(rows @ y)
    variance = float(columns @ (x - middle_x) ** 2 + rows @ (y - middle_y) ** 2)
    return middle_x, middle_y, max(variance, 1e-9) ** 0.5
