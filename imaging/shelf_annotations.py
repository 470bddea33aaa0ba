"""What is seen of a shelf in COCO's words: an annotation for each thing, or each class where no things are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import cv2
import numpy as np

from imaging.overlay import scaled
from imaging.rle import encode_each
from imaging.shelf_classes import OBJECTS, ShelfClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Bytes
    from imaging.instances import Instances
    from imaging.rle import Rle

DIGITS = 4


class Annotation(TypedDict, total=False):
    """`bbox` left, top, width, height and `area` in pixels; `score` 0..1, of things only."""

    category_id: int
    category: str
    segmentation: Rle
    area: int
    bbox: list[float]
    score: float


def annotated(mask: Bytes, instances: Instances | None, height: int, width: int) -> list[Annotation]:
    """Return what a picture of `height` x `width` holds by class mask [any, any], or by the instances, best first.

    What is hidden completely has no pixels and is left out.
    """
    if instances is not None:
        return _things(instances, height, width)
    classes = scaled(mask, height, width)
    runs = encode_each(classes.astype(np.int32), len(OBJECTS))
    sizes = np.bincount(classes.ravel(), minlength=len(ShelfClass))
    return [
        {**_named(int(kind), run, int(sizes[kind])), "bbox": _bounds(classes, int(kind))}
        for kind, run in zip(OBJECTS, runs, strict=True)
        if sizes[kind]
    ]


def _things(instances: Instances, height: int, width: int) -> list[Annotation]:
    count = len(instances.scores)
    size = (width, height)
    labels: NDArray[np.int32] = np.asarray(cv2.resize(instances.mask, size, interpolation=cv2.INTER_NEAREST_EXACT))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    found: list[Annotation] = []
    for row, run in enumerate(encode_each(labels, count)):
        if sizes[row + 1]:
            thing = _named(int(instances.classes[row]), run, int(sizes[row + 1]))
            thing["bbox"] = _box(instances.boxes[row], height, width)
            thing["score"] = round(float(instances.scores[row]), DIGITS)
            found.append(thing)
    return found


def _named(value: int, run: Rle, area: int) -> Annotation:
    return {"category_id": value, "category": ShelfClass(value).key, "segmentation": run, "area": area}


def _bounds(classes: Bytes, value: int) -> list[float]:
    return [float(side) for side in cv2.boundingRect((classes == value).view(np.uint8))]


def _box(shares: NDArray[np.float32], height: int, width: int) -> list[float]:
    left, top, right, bottom = (shares * np.array([width, height, width, height])).tolist()
    return [round(side, 2) for side in (left, top, right - left, bottom - top)]
