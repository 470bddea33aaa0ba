"""Shrinking with smoothing as plain matrix products, exactly what Pillow and torch compute. ONNX has a Resize for it,
but TensorRT has none, and only opset 18 and later do.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BLOCK = 8  # rows made at a time; whole-picture matrices are mostly zeros, and three times as slow


@dataclass(frozen=True)
class Windows:
    """One side's resize in blocks: `reads` [blocks, window] are the rows that a block needs, `weights` [blocks, rows,
    window] what it makes of them.
    """

    reads: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]


def windows(before: int, after: int) -> Windows:
    rows = math.gcd(after, BLOCK)
    matrix = triangle(before, after).reshape(-1, rows, before)
    read = np.asarray(matrix.any(axis=1))
    first, last = read.argmax(axis=1), before - read[:, ::-1].argmax(axis=1)
    width = int((last - first).max())
    reads = np.minimum(first, before - width)[:, None] + np.arange(width)
    weights = np.take_along_axis(matrix, reads[:, None, :], axis=2)
    return Windows(reads.astype(np.int64), weights.astype(np.float32))


def triangle(before: int, after: int) -> npt.NDArray[np.float64]:
    """[after, before]: bilinear weights, as wide as a pixel of the result or, where that is finer, of the source; what
    lies beyond the border counts as none, as in Pillow and torch.
    """
    ratio = before / after
    centres = (np.arange(after) + 0.5) * ratio - 0.5
    weights = np.maximum(0, 1 - np.abs(np.arange(before) - centres[:, None]) / max(ratio, 1))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
