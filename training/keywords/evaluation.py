"""How a network does on a split of a prepared data set, with pixels as the server makes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.dataset.shards import Shards
from training.keywords.errors import KeywordsError
from training.keywords.metrics import Figures, measure
from training.keywords.pictures import Pixels, decoded, framed, labels_of
from training.keywords.predictor import Predictor, Weights, positions

_AT_ONCE = 16


@dataclass(frozen=True)
class Evaluation:
    """`rows` are the pictures' places in the split, `truth` [n] their labels in the network's order, `probabilities`
    FP64 [n, labels].
    """

    network: str
    weights: Weights
    split: str
    labels: tuple[str, ...]
    rows: NDArray[np.int64]
    names: tuple[str, ...]
    truth: NDArray[np.int32]
    probabilities: NDArray[np.float64]
    figures: Figures

    @property
    def said(self) -> NDArray[np.int64]:
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    def agreement(self, other: "Evaluation") -> float:
        """The share of the same pictures that both networks give the same keyword."""
        pairs = zip(self.said, other.said, strict=True)
        return float(np.mean([self.labels[one] == other.labels[another] for one, another in pairs]))

    def mistakes(self, count: int) -> list[int]:
        """Indices of wrong answers, the most confident first."""
        wrong = np.flatnonzero(self.said != self.truth)
        confidence = self.probabilities.max(axis=1)[wrong]
        return [int(i) for i in wrong[np.argsort(-confidence, kind="stable")][:count]]


def evaluate(predict: Predictor, shards: Shards, split: str, only: Sequence[str] | None = None) -> Evaluation:
    """Ask the network about every picture of a split, or about those of `only` these keywords.

    Raises:
        KeywordsError: no pictures, a broken one, or pictures of a keyword that the network does not know.
        DatasetError: the data set cannot be read.
    """
    rows = _rows(shards, split, only)
    if not len(rows):
        kept = "" if only is None else f" of {', '.join(only)}"
        raise KeywordsError(f"{shards.folder}: no pictures{kept} in {split}")
    places = positions(predict.labels, shards.labels)
    labels = labels_of(shards, split)[rows]
    truth = places[labels]
    if (truth < 0).any():
        present = {shards.labels[one] for one in labels}
        unknown = sorted(present - {*predict.labels})
        raise KeywordsError(f"{predict.name}: does not know {', '.join(unknown)}, of which {split} has pictures")
    names: list[str] = []
    answers = []
    for some_names, pixels in _batches(shards, split, rows):
        names += some_names
        answers.append(predict(pixels))
    probabilities = np.concatenate(answers)
    figures = measure(probabilities, truth, predict.labels)
    return Evaluation(
        network=predict.name,
        weights=predict.weights,
        split=split,
        labels=predict.labels,
        rows=rows,
        names=tuple(names),
        truth=truth,
        probabilities=probabilities,
        figures=figures,
    )


def _rows(shards: Shards, split: str, only: Sequence[str] | None) -> NDArray[np.int64]:
    labels = labels_of(shards, split)
    if only is None:
        return np.arange(len(labels), dtype=np.int64)
    kept = positions(shards.labels, [label for label in only if label in shards.labels])
    return np.flatnonzero(np.isin(labels, kept)).astype(np.int64)


def _batches(shards: Shards, split: str, rows: NDArray[np.int64]) -> Iterator[tuple[list[str], Pixels]]:
    for first in range(0, len(rows), _AT_ONCE):
        some = [shards.row(split, int(index)) for index in rows[first : first + _AT_ONCE]]
        yield [row.name for row in some], np.stack([framed(decoded(row, split)) for row in some])
