"""Curves of a version on the hold-out: precision over recall, ROC, and how true its probabilities are."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BINS = 10


def draw(probabilities: NDArray[np.float64], labels: NDArray[np.bool_], title: str, path: Path) -> None:
    """Write a PNG with the three curves; `labels` hold both classes."""
    from matplotlib.figure import Figure
    from sklearn.calibration import calibration_curve
    from sklearn.metrics import precision_recall_curve, roc_curve

    figure = Figure(figsize=(12, 4), layout="constrained")
    figure.suptitle(title)
    ranking, roc, calibration = figure.subplots(1, 3)
    precision, recall, _ = precision_recall_curve(labels, probabilities)
    ranking.step(recall, precision, where="post")
    ranking.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.05))
    false_rate, true_rate, _ = roc_curve(labels, probabilities)
    roc.plot(false_rate, true_rate)
    roc.plot([0, 1], [0, 1], linestyle=":", color="grey")
    roc.set(xlabel="false positive rate", ylabel="true positive rate (ROC)", xlim=(0, 1), ylim=(0, 1.05))
    true_share, mean_probability = calibration_curve(labels, probabilities, n_bins=BINS)
    calibration.plot(mean_probability, true_share, marker="o")
    calibration.plot([0, 1], [0, 1], linestyle=":", color="grey")
    calibration.set(xlabel="mean probability", ylabel="share of true", xlim=(0, 1), ylim=(0, 1.05))
    path.parent.mkdir(parents=True, exist_ok=True)
    # The library writes its version into the picture; without it the same figures make the same file.
    figure.savefig(path, format="png", dpi=100, metadata={"Software": None})
