"""What a detector found: boxes with scores, from shares of the picture's sides to its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imaging.errors import ShapeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from imaging.arrays import Floats

THRESHOLD = 0.3
CORNERS = 4


@dataclass(frozen=True, slots=True)
class Detections:
    """`boxes` FP32 [n, 4] (xmin, ymin, xmax, ymax) in pixels within the picture, `scores` FP32 [n], the best first."""

    boxes: Floats
    scores: Floats


def likely(boxes: Floats, scores: Floats, size: tuple[int, int], threshold: float = THRESHOLD) -> Detections:
    """Return those of score >= `threshold` in a picture of `size` (height, width). `boxes` [n, 4] are shares of width
    and height; what lies outside the picture is cut off, and a box that lies there wholly is left out.

    Raises ShapeError for arrays that do not belong together and for a size that no picture has.
    """
    height, width = size
    if boxes.shape != (len(scores), CORNERS):
        raise ShapeError(f"boxes {list(boxes.shape)} and scores {list(scores.shape)} do not belong together")
    if height < 1 or width < 1:
        raise ShapeError(f"size {height} x {width} is no size of a picture")
    sides = np.array([width, height, width, height], np.float32)
    inside = np.clip(boxes, 0, 1) * sides
    seen = (inside[:, 2] > inside[:, 0]) & (inside[:, 3] > inside[:, 1])
    kept = np.flatnonzero(seen & (scores >= threshold))
    order = kept[np.argsort(-scores[kept], kind="stable")]
    return Detections(inside[order].astype(np.float32), scores[order].astype(np.float32))


def padded(found: Sequence[Detections]) -> tuple[Floats, Floats, NDArray[np.int32]]:
    """Return boxes [pictures, most, 4] and scores [pictures, most], filled up with zeros, and INT32 counts
    [pictures, 1] of what is real.
    """
    most = max((len(one.scores) for one in found), default=0)
    boxes = np.zeros((len(found), most, CORNERS), np.float32)
    scores = np.zeros((len(found), most), np.float32)
    for index, one in enumerate(found):
        boxes[index, : len(one.boxes)] = one.boxes
        scores[index, : len(one.scores)] = one.scores
    return boxes, scores, np.array([[len(one.scores)] for one in found], np.int32)
