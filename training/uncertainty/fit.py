"""Fit a calibration of the uncertainty, and measure how true its probabilities are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging import uncertainty
from imaging.uncertainty import Calibration, Features
from training.matte.errors import MatteError
from training.uncertainty.samples import Event, Sample

STRENGTH = 1.0  # of the fit, as scikit-learn's C: on standardised features, so that a few hundred pictures do
BINS = 10

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Reliability:
    """Of probabilities: `bins` hold (mean probability, share that went wrong, pictures), equally many in each."""

    pictures: int
    bad: int
    auc: float
    brier: float
    ece: float
    bins: tuple[tuple[float, float, int], ...]


def calibrated(found: Sequence[Sample], event: Event) -> Calibration:
    """Fit both forms. Raises MatteError where the pictures are all good or all bad."""
    kept = [sample for sample in found if sample.features.found]
    bad = np.array([sample.bad(event) for sample in kept])
    if not kept or bad.all() or not bad.any():
        raise MatteError(f"cannot fit: of {len(kept)} pictures with a subject, {int(bad.sum())} have a {event}")
    alone = np.array([sample.features.values for sample in kept])
    mirrored = np.array([(*sample.features.values, sample.features.disagreement) for sample in kept], np.float64)
    return Calibration(_factors(alone, bad), _factors(mirrored, bad))


def _factors(values: Vector, bad: NDArray[np.bool_]) -> tuple[float, ...]:
    from sklearn.linear_model import LogisticRegression

    mean, spread = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
    fitted = LogisticRegression(C=STRENGTH, max_iter=1000).fit((values - mean) / spread, bad)
    factors = fitted.coef_[0] / spread
    constant = float(fitted.intercept_[0]) - float(factors @ mean)
    return tuple(round(float(one), 4) for one in (constant, *factors))


def probabilities(found: Sequence[Sample], calibration: Calibration, *, mirrored: bool) -> Vector:
    def asked(features: Features) -> Features:
        return features if mirrored else Features(features.found, features.values)

    return np.array([uncertainty.score(asked(sample.features), calibration) for sample in found])


def reliability(scores: Vector, bad: NDArray[np.bool_]) -> Reliability:
    """Measure scores on pictures of which some, not all, are bad."""
    from sklearn.metrics import brier_score_loss, roc_auc_score

    parts = np.array_split(np.argsort(scores, kind="stable"), min(BINS, len(scores)))
    bins = tuple((float(scores[part].mean()), float(bad[part].mean()), len(part)) for part in parts)
    error = sum(abs(mean - share) * count for mean, share, count in bins) / len(scores)
    return Reliability(
        pictures=len(scores),
        bad=int(bad.sum()),
        auc=float(roc_auc_score(bad, scores)) if 0 < bad.sum() < len(bad) else float("nan"),
        brier=float(brier_score_loss(bad, scores)),
        ece=float(error),
        bins=bins,
    )
