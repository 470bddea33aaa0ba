"""How right masks of classes are: IoU of each class, their mean, pixel accuracy, F1."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.shelves.pictures import CLASSES, UNKNOWN


class Confusion:
    """Pixels by class: rows are the truth, columns what was found; UNKNOWN ones are left out."""

    def __init__(self, counts: NDArray[np.int64] | None = None) -> None:
        self.counts = np.zeros((len(CLASSES), len(CLASSES)), np.int64) if counts is None else counts

    def add(self, truth: NDArray[np.uint8], found: NDArray[np.uint8]) -> "Confusion":
        """Both UINT8 of one size; answers with the counts of these alone."""
        from sklearn.metrics import confusion_matrix

        known = truth != UNKNOWN
        one = np.zeros_like(self.counts)
        if known.any():
            one = confusion_matrix(truth[known], found[known], labels=range(len(CLASSES))).astype(np.int64)
        self.counts += one
        return Confusion(one)

    @property
    def figures(self) -> "Figures":
        right = np.diag(self.counts).astype(np.float64)
        real, held = self.counts.sum(axis=1), self.counts.sum(axis=0)
        union = real + held - right
        # A class that is nowhere, neither in truth nor in what was found, counts in no figure.
        there = union > 0
        iou = right[there] / union[there]
        f1 = 2 * right[there] / (real + held)[there]
        names = [name for name, seen in zip(CLASSES, there, strict=True) if seen]
        return Figures(
            miou=float(iou.mean()) if len(iou) else 1.0,
            accuracy=float(right.sum() / self.counts.sum()) if self.counts.sum() else 1.0,
            f1=float(f1.mean()) if len(f1) else 1.0,
            iou=dict(zip(names, iou.tolist(), strict=True)),
            f1_of=dict(zip(names, f1.tolist(), strict=True)),
        )


@dataclass(frozen=True)
class Figures:
    """All 0..1; `miou` and `f1` are means over the classes that are there."""

    miou: float
    accuracy: float
    f1: float
    iou: Mapping[str, float]
    f1_of: Mapping[str, float]


def at_size_of(mask: NDArray[np.uint8], truth: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A served mask as it is laid over its picture."""
    size = (truth.shape[1], truth.shape[0])
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def stretched(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A picture as it is served: UINT8 [side, side, 3], without keeping its aspect."""
    shrinks = picture.shape[0] * picture.shape[1] > side * side
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (side, side), interpolation=way), np.uint8)
