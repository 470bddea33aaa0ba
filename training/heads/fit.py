"""Logistic regression on a collection's samples."""

import warnings
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

import numpy as np

from training.heads.head import Card, Head, Origin, prepared
from training.heads.metrics import measure
from training.heads.source import Collection
from training.heads.split import Split

SOLVERS = ("liblinear", "lbfgs", "newton-cg", "newton-cholesky", "sag", "saga")


@dataclass(frozen=True)
class Recipe:
    """Options of scikit-learn's LogisticRegression; class weights are always balanced. `c` is the inverse penalty."""

    c: float = 0.1
    solver: str = "liblinear"
    max_iterations: int = 1000
    seed: int = 1
    threshold: float = 0.5


def fit(collection: Collection, split: Split, recipe: Recipe, origin: Origin, now: datetime) -> Head:
    """Train on the older samples and measure on the held-out ones. Same samples and seed, same head."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        C=recipe.c,
        class_weight="balanced",
        solver=recipe.solver,
        max_iter=recipe.max_iterations,
        random_state=recipe.seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the card says whether it converged
        model.fit(prepared(split.training.vectors, origin.vector), split.training.labels)
    converged = int(np.max(model.n_iter_)) < recipe.max_iterations
    card = Card(
        collection=collection.number,
        name=collection.name,
        version=version_name(collection.number, now),
        trained=now.astimezone(UTC).isoformat(),
        width=split.training.width,
        **asdict(origin),
        threshold=recipe.threshold,
        settings=asdict(recipe) | {"samples": len(split.training), "converged": converged},
    )
    head = Head(card, np.asarray(model.coef_[0], np.float64), float(model.intercept_[0]))
    figures = measure(head.probabilities(split.held_out.vectors), split.held_out.labels, recipe.threshold)
    return replace(head, card=replace(card, metrics=figures))


def version_name(number: int, moment: datetime) -> str:
    """`collection_7_classifier_20260131T120000123456Z`: the names of one collection sort by time."""
    return f"collection_{number}_classifier_{moment.astimezone(UTC):%Y%m%dT%H%M%S%fZ}"
