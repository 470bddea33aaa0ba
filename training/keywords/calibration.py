"""Temperature scaling: the one number that makes confidences true without changing an answer (Guo et al. 2017).

As in Platt's scaling (1999) the right answer of n pictures counts as (n + 1) / (n + 2): a network that is right on all
of a few pictures is not thereby sure of everything.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BOUNDS = (0.02, 50.0)


@dataclass(frozen=True)
class Calibration:
    """Fitted on `pictures`; log losses are of those, before and after, None where there were none."""

    temperature: float
    pictures: int
    loss_before: float | None
    loss_after: float | None


def fit_temperature(logits: NDArray[np.floating], truth: NDArray[np.integer]) -> Calibration:
    """The temperature of least log loss for logits [n, labels]; 1 where there are no pictures, or one label."""
    from scipy.optimize import minimize_scalar

    if not len(truth) or logits.shape[1] == 1:
        return Calibration(1.0, 0, None, None)
    wide = logits.astype(np.float64)

    def loss(log_temperature: float) -> float:
        return _loss(wide / np.exp(log_temperature), truth)

    found = minimize_scalar(loss, bounds=tuple(np.log(BOUNDS)), method="bounded")
    return Calibration(float(np.exp(found.x)), len(truth), loss(0.0), float(found.fun))


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def _loss(logits: NDArray[np.float64], truth: NDArray[np.integer]) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    surprise = np.log(np.exp(shifted).sum(axis=1, keepdims=True)) - shifted
    doubt = 1 / (len(truth) + 2)
    right = surprise[np.arange(len(truth)), truth]
    others = (surprise.sum(axis=1) - right) / (logits.shape[1] - 1)
    return float(((1 - doubt) * right + doubt * others).mean())
