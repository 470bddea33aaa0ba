"""Greedy non-maximum suppression: of boxes that overlap, only the best-scored stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Floats


def by_union(boxes: Floats, scores: Floats, most: float) -> NDArray[np.int64]:
    """Return the indices of what stays of boxes [n, 4] (xmin, ymin, xmax, ymax), best first, of equals the earlier.

    A box goes where its intersection with a better one is more than `most` of their union, as in torchvision's nms.
    """
    order = np.argsort(-scores, kind="stable")
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept = []
    while order.size:
        best, others = order[0], order[1:]
        kept.append(best)
        shared = _shared(boxes[best], boxes[others], 0)
        with np.errstate(invalid="ignore"):  # two boxes without an area: no number is not more
            order = others[~(shared / (areas[best] + areas[others] - shared) > most)]
    return np.array(kept, np.int64)


def by_smaller(boxes: Floats, scores: Floats, most: float) -> NDArray[np.int64]:
    """Return the indices of what stays of boxes [n, 4] in pixels, maxima inclusive, best first.

    A box goes where its intersection with a better one is more than `most` of the smaller of the two.
    """
    order = np.argsort(scores)[::-1]
    areas = (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
    kept = []
    while order.size:
        best, others = order[0], order[1:]
        kept.append(best)
        shared = _shared(boxes[best], boxes[others], 1)
        with np.errstate(invalid="ignore"):
            order = others[~(shared / np.minimum(areas[best], areas[others]) > most)]
    return np.array(kept, np.int64)


def _shared(one: Floats, others: Floats, inclusive: int) -> Floats:
    """Return the area of the intersection of one box [4] with each of others [n, 4]."""
    width = np.minimum(one[2], others[:, 2]) - np.maximum(one[0], others[:, 0]) + inclusive
    height = np.minimum(one[3], others[:, 3]) - np.maximum(one[1], others[:, 1]) + inclusive
    shared: Floats = np.maximum(0, width) * np.maximum(0, height)
    return shared
