"""How far a window of frames is from the reference: per figure PSI and Kolmogorov-Smirnov, of embeddings MMD.

Each comes with a threshold, the larger of two: the size from which a difference matters, and what windows of this size,
drawn from the reference's own world frame by frame, stay below but once in ten thousand times.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gateway.drift.profile import Bins, Floats

PSI_MATTERS = 0.25  # "major change" in the usual reading
KS_MATTERS = 0.2
MMD_MATTERS = 0.03
RARE = 1e-4
SPLITS = 200
SEED = 20
LEAST_MEDIAN = 1e-12  # of embeddings that are all the same
DEVIATIONS = 6.0  # of the split halves' MMD, whose tail is longer than a normal one's


@dataclass(frozen=True, slots=True)
class Distance:
    """`value` above `threshold` is drift."""

    value: float
    threshold: float

    @property
    def ratio(self) -> float:
        return self.value / self.threshold


def psi(bins: Bins, values: Floats, pictures: int) -> Distance:
    """Population stability index of values [n] against the bins of `pictures` values."""
    from scipy.stats import chi2

    shares = np.asarray(bins.shares)
    counts = np.bincount(np.searchsorted(bins.edges[1:-1], values, side="right"), minlength=shares.size)
    now, then = _smooth(counts / values.size, values.size), _smooth(shares, pictures)
    value = float(np.sum((now - then) * np.log(now / then)))
    # Twice the Kullback-Leibler distance times the number of values is chi-squared, in both directions.
    noise = float(chi2.ppf(1 - RARE, shares.size - 1)) * (1 / values.size + 1 / pictures)
    return Distance(value, max(PSI_MATTERS, noise))


def _smooth(shares: Floats, size: int) -> Floats:
    """Shares of counts with half of one more in each bin, so that an empty bin is rare, not impossible."""
    counts = shares * size + 0.5
    return np.asarray(counts / counts.sum())


def ks(bins: Bins, values: Floats, pictures: int) -> Distance:
    """Largest distance between both distribution functions at the inner edges.

    Only there are both known, so whole numbers, or many equal values, are no drift within a bin.
    """
    from scipy.stats import kstwobign

    then = np.cumsum(bins.shares)[:-1]
    now = np.searchsorted(np.sort(values), bins.edges[1:-1], side="left") / values.size
    noise = float(kstwobign.ppf(1 - RARE)) * float(np.sqrt(1 / values.size + 1 / pictures))
    return Distance(float(np.max(np.abs(now - then))), max(KS_MATTERS, noise))


class Kernel:
    """Maximum mean discrepancy (Gretton et al., 2012); its Gaussian is as wide as the reference's median distance."""

    def __init__(self, reference: NDArray[np.float32]) -> None:
        """`reference`: FP32 [m, d], m at least 20."""
        from scipy.spatial.distance import cdist

        self._reference = reference.astype(np.float64)
        squared = cdist(self._reference, self._reference, "sqeuclidean")
        median = float(np.median(squared[np.triu_indices_from(squared, 1)]))
        self._scale = 1 / max(median, LEAST_MEDIAN)
        self._own = np.exp(-squared * self._scale)

    @property
    def width(self) -> int:
        return int(self._reference.shape[1])

    def distance(self, window: NDArray[np.float32]) -> Distance:
        """Unbiased squared MMD of a window FP32 [n, d]; it may be a little below 0."""
        from scipy.spatial.distance import cdist

        rows = window.astype(np.float64)
        within = np.exp(-cdist(rows, rows, "sqeuclidean") * self._scale)
        across = np.exp(-cdist(rows, self._reference, "sqeuclidean") * self._scale)
        value = _off_diagonal(within) + _off_diagonal(self._own) - 2 * float(across.mean())
        pairs = 1 / len(rows) + 1 / len(self._reference)
        return Distance(value, max(MMD_MATTERS, DEVIATIONS * self._noise * pairs))

    @cached_property
    def _noise(self) -> float:
        """Deviation of the MMD between halves of the reference, for a sum of 1 / sizes of 1."""
        rng, size = np.random.default_rng(SEED), len(self._reference)
        half = size // 2
        found = [_split(self._own, rng.permutation(size), half) for _ in range(SPLITS)]
        return float(np.std(found)) / (1 / half + 1 / (size - half))


def _split(kernel: Floats, order: NDArray[np.int64], half: int) -> float:
    one, other = order[:half], order[half:]
    own = [_off_diagonal(kernel[np.ix_(part, part)]) for part in (one, other)]
    return sum(own) - 2 * float(kernel[np.ix_(one, other)].mean())


def _off_diagonal(kernel: Floats) -> float:
    size = len(kernel)
    return float(kernel.sum() - np.trace(kernel)) / (size * (size - 1))


def largest(distances: Sequence[Distance]) -> float:
    """How many times over its threshold the worst one is; 0 without any."""
    return max((distance.ratio for distance in distances), default=0.0)
