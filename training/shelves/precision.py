"""How well products are found one by one: average precision of their masks, as COCO measures it."""

import contextlib
import io
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.matte.pairs import Values
from training.scenes.shelf.classes import ShelfClass
from training.shelves.errors import ShelvesError
from training.shelves.predictor import Things

SLIVER = 2e-4  # of the picture: what is seen of a product and smaller counts neither as found nor as missed
_PRODUCT = 1


@dataclass(frozen=True)
class MaskPrecision:
    """Means over IoU 0.5 to 0.95, at 0.5 and at 0.75; `recall` with 100 answers a picture."""

    mean: float
    at_50: float
    at_75: float
    recall: float
    products: int


@dataclass
class Instances:
    """Collects pictures; `figures` is None where no network or no truth knew products one by one."""

    _pictures: list[dict[str, Any]] = field(default_factory=list)
    _truth: list[dict[str, Any]] = field(default_factory=list)
    _found: list[dict[str, Any]] = field(default_factory=list)

    def add(self, truth: Values, things: Things) -> None:
        """`truth` [H, W]: 0 or a product's number."""
        number, (height, width) = len(self._pictures) + 1, truth.shape
        self._pictures.append({"id": number, "height": height, "width": width})
        for value in np.unique(truth[truth > 0]):
            held = truth == value
            area = int(held.sum())
            place = {"image_id": number, "category_id": _PRODUCT, "area": area, "segmentation": _rle(held)}
            crowd = int(area < SLIVER * truth.size)
            self._truth.append({**place, "id": len(self._truth) + 1, "iscrowd": crowd, "bbox": _box(held)})
        mask = cv2.resize(things.mask.astype(np.int16), (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        for row in np.flatnonzero((things.scores > 0) & (things.classes == ShelfClass.PRODUCT)):
            held = mask == row + 1
            if held.any():
                answer = {"image_id": number, "category_id": _PRODUCT, "segmentation": _rle(held)}
                self._found.append({**answer, "score": float(things.scores[row])})

    @property
    def figures(self) -> MaskPrecision | None:
        products = sum(not one["iscrowd"] for one in self._truth)
        if not products:
            return None
        if not self._found:
            return MaskPrecision(0.0, 0.0, 0.0, 0.0, products)
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

        truth = COCO()
        truth.dataset = {
            "info": {},
            "images": self._pictures,
            "annotations": self._truth,
            "categories": [{"id": _PRODUCT, "name": "product"}],
        }
        with contextlib.redirect_stdout(io.StringIO()):  # the library prints as it goes
            truth.createIndex()
            judge = COCOeval(truth, truth.loadRes(self._found), "segm")
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
        mean, at_50, at_75 = (max(0.0, float(judge.stats[index])) for index in range(3))
        return MaskPrecision(mean, at_50, at_75, max(0.0, float(judge.stats[8])), products)


def _rle(held: NDArray[np.bool_]) -> dict[str, Any]:
    try:
        from pycocotools import mask
    except ImportError as error:
        raise ShelvesError(f"networks that find products one by one are judged by pycocotools: {error}") from error
    found: dict[str, Any] = mask.encode(np.asfortranarray(held.astype(np.uint8)))
    return found


def _box(held: NDArray[np.bool_]) -> list[int]:
    rows, columns = np.flatnonzero(held.any(axis=1)), np.flatnonzero(held.any(axis=0))
    left, top = int(columns[0]), int(rows[0])
    return [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1]
