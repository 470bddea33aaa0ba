"""How good a classifier is: per keyword, over all keywords alike, and how true its confidence is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15
_RESAMPLES = 1000

Probabilities = NDArray[np.float64]
Labels = NDArray[np.int32]


@dataclass(frozen=True)
class OfKeyword:
    """Figures of a keyword with test pictures, 0..1; `support` are these pictures, `named` how often it was said."""

    keyword: str
    support: int
    named: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Bin:
    """Pictures whose confidence is in one bin: its mean, and the share that is right."""

    confidence: float
    accuracy: float
    pictures: int


@dataclass(frozen=True)
class Figures:
    """Figures of a set of pictures.

    `macro_accuracy` is the mean of the recalls of the keywords that have pictures, `interval` its 95 % bootstrap
    interval over the pictures of each keyword, `ece` the expected calibration error in 15 bins of equal width (Guo et
    al. 2017). Keywords without pictures count in nothing; they stand in `untested`.
    """

    pictures: int
    accuracy: float
    macro_accuracy: float
    interval: tuple[float, float]
    macro_precision: float
    macro_f1: float
    top_3: float
    ece: float
    log_loss: float
    keywords: tuple[OfKeyword, ...]
    untested: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Rows are the truth, columns the answer, both in the order of the network's labels."""
    reliability: tuple[Bin, ...]


def measure(probabilities: Probabilities, truth: Labels, labels: Sequence[str]) -> Figures:
    """Measure [n, labels] against the right labels [n], at least one.

    Precision of a keyword that was never said is 0.
    """
    from sklearn import metrics

    if not len(truth):
        raise ValueError("no pictures to measure on")
    said = probabilities.argmax(axis=1)
    every = np.arange(len(labels))
    confusion = metrics.confusion_matrix(truth, said, labels=every)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(truth, said, labels=every, zero_division=0)
    tested = support > 0
    bins = reliability(probabilities.max(axis=1), said == truth)
    return Figures(
        pictures=len(truth),
        accuracy=float((said == truth).mean()),
        macro_accuracy=float(recall[tested].mean()),
        interval=_interval(confusion, said == truth, truth),
        macro_precision=float(precision[tested].mean()),
        macro_f1=float(f1[tested].mean()),
        top_3=_top(probabilities, truth, 3),
        ece=sum(abs(one.accuracy - one.confidence) * one.pictures for one in bins) / len(truth),
        log_loss=float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean()),
        keywords=tuple(
            OfKeyword(
                labels[i],
                int(support[i]),
                int(confusion[:, i].sum()),
                *(float(column[i]) for column in (precision, recall, f1)),
            )
            for i in every[tested]
        ),
        untested=tuple(labels[i] for i in every[~tested]),
        confusion=tuple(tuple(map(int, row)) for row in confusion),
        reliability=bins,
    )


def macro_accuracy(said: NDArray[np.integer], truth: NDArray[np.integer]) -> float:
    """The mean share of right answers over the keywords that have pictures."""
    return float(np.mean([(said[truth == label] == label).mean() for label in np.unique(truth)]))


def reliability(confidence: Probabilities, right: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """The bins that hold pictures, from the least confident."""
    places = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(float(confidence[places == one].mean()), float(right[places == one].mean()), int((places == one).sum()))
        for one in np.unique(places)
    )


def _top(probabilities: Probabilities, truth: Labels, count: int) -> float:
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :count]
    return float((best == truth[:, None]).any(axis=1).mean())


def _interval(confusion: NDArray[np.int64], right: NDArray[np.bool_], truth: Labels) -> tuple[float, float]:
    """Bootstrap within each keyword: the number of right answers among as many draws is binomial."""
    rng = np.random.default_rng(0)
    present = np.unique(truth)
    counts = confusion.sum(axis=1)[present]
    shares = np.array([right[truth == label].mean() for label in present])
    means = (rng.binomial(counts, shares, (_RESAMPLES, len(present))) / counts).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
