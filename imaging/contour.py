"""A contour that is known to a few pixels, found to a fraction of one where subject and ground hardly differ.

On both sides of it the local means of what is surely subject and surely ground span a line; a pixel's alpha is where
on that line it lies. Where they are no further apart than each side is from itself (noise, the slope of a shadow),
the contour itself is drawn, smooth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from imaging.arrays import Floats, Mask

WIDE = 2  # cells on both sides of the contour in which the picture decides
REACH = 3.0  # cells, sigma of the local means
NOISE = 1.0  # pixels, sigma by which the picture is smoothed against its noise
STEEPER = 1.3  # what that took from an edge
APART = (1.0, 3.0)  # levels between the means: up to the first the contour is drawn, from the second the picture
LEAST_WEIGHT = 0.02  # with less of one side nearby, nothing is known of it
FAR = 1e3
SMOOTH = 1.2  # cells, sigma of a drawn contour


def drawn(away: Floats, subject: Mask) -> Floats:
    """Return alpha FP32 [h, w], 0 to 1, for `subject` on a coarser grid and the picture less its ground `away`
    FP32 [h, w, 3] in levels.
    """
    height, width = away.shape[:2]
    cells = np.asarray(subject, np.uint8)
    side = np.ones((2 * WIDE + 1, 2 * WIDE + 1), np.uint8)
    inner, outer = (np.asarray(change(cells, side), np.float32) for change in (cv2.erode, cv2.dilate))
    plan = np.dstack([*_line(away, inner, 1 - outer), _steeper(_blurred(cells.astype(np.float32), SMOOTH), 3.0)])
    fine = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in cv2.split(plan)]
    seen = cv2.GaussianBlur(away, (0, 0), NOISE)
    projected = fine[3] + sum(seen[..., channel] * fine[channel] for channel in range(3))
    alpha = fine[5] + fine[4] * (_steeper(np.asarray(projected, np.float32), STEEPER) - fine[5])
    low, high = (cv2.resize(plane, (width, height), interpolation=cv2.INTER_NEAREST) for plane in (inner, outer))
    return np.asarray(np.clip(alpha, low, high), np.float32)


def _line(away: Floats, inner: Floats, outer: Floats) -> Floats:
    """Return [5, h, w]: slopes for three channels, a constant, and 0 to 1 how far they are to be trusted."""
    cells = np.asarray(cv2.resize(away, inner.shape[::-1], interpolation=cv2.INTER_AREA), np.float32)
    (own, own_spread), (bare, bare_spread) = (_local(cells, weight) for weight in (inner, outer))
    apart = own - bare
    square = np.maximum(np.einsum("ijk,ijk->ij", apart, apart), np.float32(1e-3))
    slopes = apart / square[..., None]
    constant = -np.einsum("ijk,ijk->ij", slopes, bare)
    low, high = APART
    clear = np.sqrt(square / 3) - np.maximum(own_spread, bare_spread)
    trust = np.clip((clear - low) / (high - low), 0, 1)
    return np.asarray([*np.moveaxis(slopes, 2, 0), constant, trust], np.float32)


def _local(cells: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Return the mean [h, w, 3] nearby, and by how many levels what is there differs from it; by many if nothing is."""
    total = np.maximum(_blurred(weight, REACH), np.float32(1e-6))
    mean = np.asarray(_blurred(cells * weight[..., None], REACH) / total[..., None], np.float32)
    light = cells.mean(axis=2)
    square = _blurred(np.asarray(light * light * weight, np.float32), REACH) / total
    spread = np.sqrt(np.maximum(square - mean.mean(axis=2) ** 2, 0))
    return mean, np.where(total < LEAST_WEIGHT, np.float32(FAR), spread).astype(np.float32)


def _blurred(plane: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)


def _steeper(alpha: Floats, factor: float) -> Floats:
    return np.asarray(np.clip((alpha - 0.5) * factor + 0.5, 0, 1), np.float32)
