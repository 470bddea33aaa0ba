"""Which pictures a step sees, as a function of seed and step alone: a resumed run sees what it would have seen."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.keywords.errors import KeywordsError

Indices = NDArray[np.int64]


class Sampler(Protocol):
    def batch(self, step: int) -> Indices:
        """Indices of a step's pictures, steps counted from 0."""
        ...


class BalancedSampler:
    """Batches in which every keyword that has pictures stands as often as any other, give or take one.

    The same holds for all pictures from the start to any step. Within a keyword every picture comes once before any
    comes again.
    """

    def __init__(self, labels: NDArray[np.int32], batch: int, seed: int) -> None:
        _insist(labels, batch)
        self._members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        self._seed = seed
        self._each, self._rest = divmod(batch, len(self._members))
        self._cycle = np.random.default_rng((seed, 2)).permutation(len(self._members))

    def batch(self, step: int) -> Indices:
        drawn: list[int] = []
        for place, label in enumerate(self._cycle):
            first, last = (self._drawn_before(one, place) for one in (step, step + 1))
            drawn += [self._member(int(label), draw) for draw in range(first, last)]
        return np.random.default_rng((self._seed, 3, step)).permutation(np.array(drawn, np.int64))

    def _drawn_before(self, step: int, place: int) -> int:
        """How often a keyword was taken before a step: what does not divide evenly goes round the cycle."""
        count = len(self._members)
        return step * self._each + (step * self._rest - place + count - 1) // count

    def _member(self, label: int, draw: int) -> int:
        members = self._members[label]
        epoch, position = divmod(draw, len(members))
        return int(members[_order(self._seed, label, epoch, len(members))[position]])


class PlainSampler:
    """Every picture once an epoch, keywords as frequent as they are."""

    def __init__(self, labels: NDArray[np.int32], batch: int, seed: int) -> None:
        _insist(labels, batch)
        self._count, self._batch, self._seed = len(labels), batch, seed

    def batch(self, step: int) -> Indices:
        places = [divmod(draw, self._count) for draw in range(step * self._batch, (step + 1) * self._batch)]
        orders = {epoch: _order(self._seed, -1, epoch, self._count) for epoch, _ in places}
        return np.array([orders[epoch][position] for epoch, position in places], np.int64)


def class_weights(labels: NDArray[np.int32], count: int) -> NDArray[np.float32]:
    """Inverse to the frequency and 1 on average over the pictures; 0 for keywords without any."""
    counts = np.bincount(labels, minlength=count)
    present = int((counts > 0).sum())
    return np.where(counts > 0, len(labels) / np.maximum(1, counts * present), 0).astype(np.float32)


def few_shot(labels: NDArray[np.int32], shots: int, seed: int) -> Indices:
    """At most `shots` pictures of each keyword, drawn by the seed; more shots only add to fewer."""
    parts = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        parts.append(members[_order(seed, int(label), 0, len(members))[:shots]])
    return np.sort(np.concatenate(parts)).astype(np.int64) if parts else np.zeros(0, np.int64)


def _order(seed: int, label: int, epoch: int, count: int) -> Indices:
    return np.random.default_rng((seed, 1, label + 1, epoch)).permutation(count)


def _insist(labels: NDArray[np.int32], batch: int) -> None:
    if len(labels) == 0:
        raise KeywordsError("no training pictures")
    if batch < 1:
        raise KeywordsError(f"--batch {batch}: from 1")
