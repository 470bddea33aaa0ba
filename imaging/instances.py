"""The things that an instance network finds in a frame, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Floats


@dataclass(frozen=True, slots=True)
class Instances:
    """`mask` int32 [S, S]: 0 nothing, i the thing of row i - 1; `boxes` float32 [n, 4] xmin, ymin, xmax, ymax as shares
    0..1 of the frame, `scores` float32 [n], `classes` int32 [n]; the best first.
    """

    mask: NDArray[np.int32]
    boxes: Floats
    scores: Floats
    classes: NDArray[np.int32]


def found(mask: NDArray[np.int32], boxes: Floats, scores: Floats, classes: NDArray[np.int32]) -> Instances:
    """Return what a network's lists of fixed length hold: rows beyond the found ones have the score 0."""
    count = int(np.count_nonzero(scores > 0))
    return Instances(mask, boxes[:count], scores[:count], classes[:count])
