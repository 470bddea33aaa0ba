"""A window of observations beside the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pydantic import BaseModel, Field

from gateway.drift.divergence import Distance, Kernel, ks, psi
from gateway.drift.observation import Observation
from gateway.drift.profile import Floats, Reference

EMBEDDING = "embedding"
LEAST_EMBEDDINGS = 20


class Compared(BaseModel):
    """One test of one figure; a `ratio` above 1, or the operator's threshold, is drift."""

    figure: str = Field(examples=["brightness"])
    test: str = Field(description="psi, ks or mmd", examples=["psi"])
    value: float
    threshold: float
    ratio: float = Field(description="value divided by threshold")


@dataclass(frozen=True, eq=False)
class Comparison:
    """Compares windows with one reference, again and again."""

    reference: Reference

    @cached_property
    def _kernel(self) -> Kernel | None:
        embeddings = self.reference.embeddings
        return Kernel(embeddings) if len(embeddings) >= LEAST_EMBEDDINGS else None

    def compare(self, window: Sequence[Observation]) -> list[Compared]:
        """The worst first. Figures that only one side has are left out."""
        profile = self.reference.profile
        found = []
        for name, values in figures_of(window).items():
            if name in profile.figures:
                bins = profile.figures[name]
                found.append(_compared(name, "psi", psi(bins, values, profile.pictures)))
                found.append(_compared(name, "ks", ks(bins, values, profile.pictures)))
        found += self._embeddings(window)
        return sorted(found, key=lambda compared: -compared.ratio)

    def _embeddings(self, window: Sequence[Observation]) -> list[Compared]:
        if self._kernel is None:
            return []
        rows = [item.embedding for item in window if item.embedding.shape == (self._kernel.width,)]
        rows = [row for row in rows if np.all(np.isfinite(row))]
        if len(rows) < LEAST_EMBEDDINGS:
            return []
        return [_compared(EMBEDDING, "mmd", self._kernel.distance(np.stack(rows)))]


def figures_of(window: Sequence[Observation]) -> Mapping[str, Floats]:
    """The finite values of each figure that all frames have."""
    names = set.intersection(*(set(item.figures) for item in window)) if window else set[str]()
    found = {name: np.array([item.figures[name] for item in window]) for name in sorted(names)}
    return {name: values[np.isfinite(values)] for name, values in found.items() if np.isfinite(values).any()}


def _compared(figure: str, test: str, distance: Distance) -> Compared:
    rounded = (round(value, 5) for value in (distance.value, distance.threshold, distance.ratio))
    value, threshold, ratio = rounded
    return Compared(figure=figure, test=test, value=value, threshold=threshold, ratio=ratio)
