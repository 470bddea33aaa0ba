"""How well probabilities tell the members of a collection from the others."""

import numpy as np
from numpy.typing import NDArray

RANKED_BY = "precision_macro"


def measure(probabilities: NDArray[np.float64], labels: NDArray[np.bool_], threshold: float) -> dict[str, float]:
    """Return the figures, all from 0 to 1 but for `samples`; precision of a class that is never predicted is 0.

    `labels` hold both classes. `brier` is the mean squared error of the probability, smaller is better.
    """
    from sklearn import metrics

    predicted = probabilities >= threshold
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        labels, predicted, labels=[False, True], zero_division=0
    )
    return {
        "precision_macro": float(precision.mean()),
        "precision_true": float(precision[1]),
        "precision_false": float(precision[0]),
        "recall_true": float(recall[1]),
        "recall_false": float(recall[0]),
        "f1_true": float(f1[1]),
        "accuracy": float(metrics.accuracy_score(labels, predicted)),
        "roc_auc": float(metrics.roc_auc_score(labels, probabilities)),
        "average_precision": float(metrics.average_precision_score(labels, probabilities)),
        "brier": float(metrics.brier_score_loss(labels, probabilities)),
        "samples": float(len(labels)),
    }
