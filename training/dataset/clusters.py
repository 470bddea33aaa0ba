"""Clusters from pairs: connected components that grow as pairs come in."""

import numpy as np
from numpy.typing import NDArray

WAITING = 1_000_000


class Clusters:
    """`count` things, each alone at first. Memory goes by their number, not by that of the pairs."""

    def __init__(self, count: int) -> None:
        self._labels = np.arange(count)
        self._waiting: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        self._number = 0

    def join(self, one: NDArray[np.integer], other: NDArray[np.integer]) -> None:
        """Put the clusters of `one[i]` and `other[i]` together, for every i."""
        self._waiting.append((one.astype(np.int64), other.astype(np.int64)))
        self._number += len(one)
        if self._number > WAITING:
            self._merge()

    def labels(self) -> NDArray[np.int64]:
        """For each thing the first one of its cluster."""
        self._merge()
        return self._labels

    def _merge(self) -> None:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        if not self._number:
            return
        ends = [self._labels[np.concatenate(side)] for side in zip(*self._waiting, strict=True)]
        count = len(self._labels)
        graph = coo_array((np.ones(self._number, np.bool_), tuple(ends)), shape=(count, count))
        _, components = connected_components(graph, directed=False)
        components = components[self._labels]
        first = np.full(count, count)
        np.minimum.at(first, components, np.arange(count))
        self._labels = first[components]
        self._waiting, self._number = [], 0
