"""How a shelf segmenter does on pictures with known classes, as it is served."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.shelves.errors import ShelvesError
from training.shelves.figures import Confusion, Figures, at_size_of, stretched
from training.shelves.pictures import ShelfPicture, read, read_instances
from training.shelves.precision import Instances, MaskPrecision
from training.shelves.predictor import Answer, Predictor
from training.shelves.profile import Look, look


@dataclass(frozen=True)
class Score:
    """Of one picture."""

    picture: ShelfPicture
    figures: Figures


@dataclass(frozen=True, eq=False)
class Evaluation:
    """`milliseconds` is the median of one frame through the bare network; `instances` None where nothing knew them."""

    predictor: Predictor
    confusion: Confusion
    scores: tuple[Score, ...]
    looks: tuple[Look, ...]
    instances: MaskPrecision | None
    milliseconds: float

    @property
    def figures(self) -> Figures:
        return self.confusion.figures

    def worst(self, count: int) -> list[Score]:
        return sorted(self.scores, key=lambda score: score.figures.miou)[:count]


def evaluate(predict: Predictor, pictures: Sequence[ShelfPicture]) -> Evaluation:
    """Ask the network about every picture and compare at the picture's own size.

    Raises:
        ShelvesError: no pictures, a broken mask, or an answer that is none.
        MatteError: a broken picture.
    """
    if not pictures:
        raise ShelvesError("no pictures to evaluate with")
    confusion, instances = Confusion(), Instances()
    scores, looks, seconds = [], [], []
    for picture in pictures:
        pixels, truth = read(picture)
        frame = stretched(pixels, predict.side)
        began = time.perf_counter()
        answer = predict(frame)
        seconds.append(time.perf_counter() - began)
        scores.append(Score(picture, confusion.add(truth, at_size_of(answer.mask, truth)).figures))
        looks.append(look(pixels, answer))
        _add_instances(instances, picture, answer)
    return Evaluation(
        predictor=predict,
        confusion=confusion,
        scores=tuple(scores),
        looks=tuple(looks),
        instances=instances.figures,
        milliseconds=1000 * float(np.median(seconds)),
    )


def _add_instances(instances: Instances, picture: ShelfPicture, answer: Answer) -> None:
    if answer.things is None:
        return
    numbers = read_instances(picture)
    if numbers is not None:
        instances.add(numbers, answer.things)


def shortfall(evaluation: Evaluation, gate: float) -> float:
    """By how much the mIoU is under the gate; 0 or less where it passes."""
    return gate - evaluation.figures.miou
