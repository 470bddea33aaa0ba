"""The ground of a booth: one even, light surface, a little darker towards the corners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging.resize import resized

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Bytes, Floats, Mask

CELLS = 64  # a side of the grid on which the field is fitted
FRAME = 6  # cells along each side, where a booth's picture shows its ground
PASSES = 8  # of the robust fit at the frame
PLAIN = 6  # terms that are free; those of higher order, badly known from a frame alone, are held by STIFF
STIFF = 0.02
SMOOTH = 4.0  # cells: what the terms leave is ground, too, where it is as smooth as that
GROWTH = 3  # cells by which the known ground grows with a pass
LIGHT = 190  # of 255: darker grounds are no booth's
CHROMA = 14  # levels by which a neutral ground's channels may differ
EVEN = 2.0  # levels by which a cell of the field strays at most
LEAST_EVEN, LEAST_EVEN_FRAME = 0.2, 0.75  # shares of all cells, and of those at the frame
LEAST_SCALE, LARGEST_SCALE = 0.25, 2.5  # levels of noise: eight bits and JPEG know no less; a surface has no more
TUKEY = 3.5
ALL = 0.99


@dataclass(frozen=True, slots=True)
class Field:
    """`colours` FP32 [h, w, 3] of the bare ground, also under the subject; `noise` in levels of a cell's mean."""

    colours: Floats
    noise: float


def fitted(pixels: Bytes, allowed: Mask | None = None) -> Field | None:
    """Return the field that lies behind what `pixels` UINT8 [h, w, 3] show; None where it is no booth's.

    Inside the frame only what `allowed` [any height and width] sets is taken for ground.
    """
    cells = resized(pixels, CELLS, CELLS).astype(np.float64)
    terms = _terms(CELLS, CELLS)
    frame = framed((CELLS, CELLS), FRAME)
    factors, scale = _robust(terms[frame], cells[frame])
    if scale > LARGEST_SCALE:
        return None
    known, factors = _grown(terms, cells, factors, TUKEY * scale * _whole(allowed))
    bare = (terms @ factors).astype(np.float32)
    bare += _smoothed(cells - bare, known)
    even = np.abs(cells - bare).max(axis=2) <= EVEN
    if even.mean() < LEAST_EVEN or even[frame].mean() < LEAST_EVEN_FRAME or not _light(bare):
        return None
    colours = cv2.resize(bare, pixels.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return Field(np.asarray(colours, np.float32), scale)


def framed(shape: tuple[int, ...], wide: int) -> Mask:
    """Return a mask [h, w], set `wide` pixels along each side."""
    frame = np.ones(shape, np.bool_)
    frame[wide:-wide, wide:-wide] = False
    return frame


def _terms(height: int, width: int) -> NDArray[np.float64]:
    """Return [h, w, 8]: a tilt, a bowl, the fourth power of vignetting, and the bend of a sweep from floor to wall."""
    y, x = np.meshgrid(*((np.arange(side) + 0.5) / side * 2 - 1 for side in (height, width)), indexing="ij")
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y, y**3, (x * x + y * y) ** 2], axis=-1)


def _robust(terms: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return factors [8, 3] that leave the least absolute deviations, and the spread around them in levels."""
    weights = np.ones(len(terms))
    for _ in range(PASSES):
        factors = _solved(terms, values, weights)
        away = np.abs(values - terms @ factors).max(axis=1)
        weights = 1 / np.maximum(away, LEAST_SCALE)
    return factors, max(1.4826 * float(np.median(away)), LEAST_SCALE)


def _whole(allowed: Mask | None) -> NDArray[np.float64]:
    """Return [CELLS, CELLS]: 1 where a cell is allowed all over, else 0; at the frame always 1."""
    if allowed is None:
        return np.ones((CELLS, CELLS))
    share = cv2.resize(allowed.astype(np.float32), (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return np.where((share > ALL) | framed((CELLS, CELLS), FRAME), 1.0, 0.0)


def _grown(
    terms: NDArray[np.float64],
    cells: NDArray[np.float64],
    factors: NDArray[np.float64],
    tolerance: NDArray[np.float64],
) -> tuple[Mask, NDArray[np.float64]]:
    """Return the cells that go on as the frame does, some further in with each pass, and their factors [8, 3]."""
    known = framed((CELLS, CELLS), FRAME)
    for _ in range(CELLS // 2 // GROWTH):
        near = cv2.dilate(known.astype(np.uint8), np.ones((2 * GROWTH + 1, 2 * GROWTH + 1), np.uint8)) > 0
        away = np.abs(cells - terms @ factors).max(axis=2)
        known = np.asarray(near & (away < tolerance))
        factors = _solved(terms[known], cells[known], (1 - (away[known] / tolerance[known]) ** 2) ** 2)
    return known, factors


def _smoothed(rest: NDArray[np.float64], known: Mask) -> Floats:
    """Return FP32 [h, w, 3]: what the terms leave of the known ground, and what follows for the cells between."""
    weight = known.astype(np.float32)
    mean, share = (
        cv2.GaussianBlur(plane, (0, 0), SMOOTH, borderType=cv2.BORDER_REFLECT)
        for plane in (rest.astype(np.float32) * weight[..., None], weight)
    )
    return np.asarray(mean / np.maximum(share, np.float32(1e-3))[..., None], np.float32)


def _solved(
    terms: NDArray[np.float64], values: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    weighted = terms * weights[:, None]
    bent = np.diag([1e-6] * PLAIN + [1e-6 + STIFF * float(weights.sum())] * (terms.shape[1] - PLAIN))
    return np.asarray(np.linalg.solve(weighted.T @ terms + bent, weighted.T @ values))


def _light(colours: Floats) -> bool:
    chroma = colours.max(axis=2) - colours.min(axis=2)
    return bool(colours.min() >= LIGHT and np.median(chroma) <= CHROMA)
