"""What a network makes of pictures with known mattes: the features of its doubt, and whether it went wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging import uncertainty
from imaging.uncertainty import Features
from training.matte.evaluation import Predictor
from training.matte.metrics import THRESHOLD, boundary_iou
from training.matte.pairs import Pair, read_pair


@dataclass(frozen=True)
class Event:
    """A cut-out needs a person where its true IoU or boundary IoU is below these."""

    iou: float = 0.9
    boundary_iou: float = 0.75

    def __str__(self) -> str:
        return f"true IoU below {self.iou:g} or true boundary IoU below {self.boundary_iou:g}"


@dataclass(frozen=True)
class Sample:
    """A picture: its features (with those of its mirror image), its true figures."""

    name: str
    features: Features
    iou: float
    boundary_iou: float

    def bad(self, event: Event) -> bool:
        return self.iou < event.iou or self.boundary_iou < event.boundary_iou


def samples(predict: Predictor, pairs: Sequence[Pair]) -> Iterator[Sample]:
    """Ask the network about every picture and its mirror image."""
    for pair in pairs:
        picture, truth = read_pair(pair)
        matte, mirrored = _mattes(predict, picture)
        height, width = truth.shape
        found = cv2.resize(matte, (width, height), interpolation=cv2.INTER_LINEAR) >= THRESHOLD
        wanted = truth >= THRESHOLD
        union = int((found | wanted).sum())
        yield Sample(
            pair.name,
            uncertainty.raw(matte, mirrored),
            int((found & wanted).sum()) / union if union else 1.0,
            boundary_iou(found, wanted),
        )


def _mattes(predict: Predictor, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    way = cv2.INTER_AREA if picture.shape[0] * picture.shape[1] > predict.size**2 else cv2.INTER_LINEAR
    square = np.asarray(cv2.resize(picture, (predict.size, predict.size), interpolation=way), np.uint8)
    return np.stack([predict(np.ascontiguousarray(one)[None])[0] for one in (square, square[:, ::-1])])
