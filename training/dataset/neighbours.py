"""Pairs of near signatures among millions, without comparing everything with everything."""

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from training.dataset.errors import DatasetError

PARTS = 8
FARTHEST = 6
"""Bits. Of eight parts of a hash at least two are equal where no more than six bits differ."""

Words = NDArray[np.uint32]
Places = NDArray[np.int64]


def near_pairs(words: Words, distance: int) -> Iterator[tuple[Places, Places]]:
    """All pairs of rows of `words` [n, 3] in which at most `distance` of 96 bits differ, some of them repeatedly.

    Rows should be distinct. For every two of the eight bytes of the hash, rows that share both are compared; every pair
    in reach shares two (pigeonhole), so none is missed. Memory goes by n, time by how many rows share two bytes.
    """
    check(distance)
    parts = np.ascontiguousarray(words[:, :2].astype(">u4")).view(np.uint8).reshape(len(words), PARTS)
    for one, other in itertools.combinations(range(PARTS), 2):
        keys = (parts[:, one].astype(np.uint16) << 8 | parts[:, other]).astype(np.uint16)
        order = np.argsort(keys, kind="stable")
        yield from _in_buckets(words, order, keys[order], distance)


def check(distance: int) -> None:
    """Raises DatasetError."""
    if not 0 <= distance <= FARTHEST:
        raise DatasetError(f"--distance {distance}: 0 to {FARTHEST} bits are allowed")


def _in_buckets(
    words: Words, order: Places, keys: NDArray[np.uint16], distance: int
) -> Iterator[tuple[Places, Places]]:
    """Compare each row with the next, the one after it, ... for as long as any two have the same key."""
    here = np.arange(len(keys) - 1)
    step = 1
    while len(here):
        here = here[here + step < len(keys)]
        here = here[keys[here] == keys[here + step]]
        one, other = order[here], order[here + step]
        near = np.bitwise_count(words[one] ^ words[other]).sum(axis=1) <= distance
        if near.any():
            yield one[near], other[near]
        step += 1
