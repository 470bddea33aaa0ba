"""From figures to points out of 10: every formula never falls where its figure gets better."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from perf.quality.shadows import Likeness

FULL = 10.0
MASK = (0.5, 0.99)
BOUNDARY = (0.3, 0.95)
HALO = (40.0, 2.0)
CENTRING = (50.0, 0.5)

FORMULAS = """ramp(v, none, all) = 10 * min(1, max(0, (v - none) / (all - none)))
mask = ramp(IoU, 0.5, 0.99)
edge = mean of ramp(boundary IoU, 0.3, 0.95) and ramp(halo in levels, 40, 2)
centring = ramp(log of the error in pixels of a canvas of 1000, log 50, log 0.5)
shadow = 5 * correlation + 2.5 * SSIM + 2.5 * contact
overall of a picture = mean of those four that could be measured
best case = mean overall of the best category; white on white = mean mask of the pictures so marked"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one picture: `halo` in levels, `centring` in pixels of a canvas of 1000; None where no truth is known."""

    iou: float
    boundary_iou: float
    halo: float | None = None
    centring: float | None = None
    shadow: Likeness | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """Of one picture, 0..10; None where not measured."""

    mask: float
    edge: float
    centring: float | None
    shadow: float | None

    @property
    def overall(self) -> float:
        return statistics.fmean(_there(self.mask, self.edge, self.centring, self.shadow))


@dataclass(frozen=True, slots=True)
class Six:
    """The six figures that the predecessor was judged by, 0..10; None where no picture says anything about it."""

    overall: float | None
    best_case: float | None
    edge_quality: float | None
    shadow_quality: float | None
    centring_accuracy: float | None
    white_on_white: float | None


NOTHING = Points(0.0, 0.0, 0.0, None)  # of a picture that the service did not answer


def ramp(value: float, none: float, full: float) -> float:
    """0 at `none` and beyond, 10 at `full` and beyond, a straight line between; either may be the larger."""
    return FULL * min(1.0, max(0.0, (value - none) / (full - none)))


def points(one: Figures) -> Points:
    edge = [ramp(one.boundary_iou, *BOUNDARY), *([] if one.halo is None else [ramp(one.halo, *HALO)])]
    return Points(
        ramp(one.iou, *MASK),
        statistics.fmean(edge),
        None if one.centring is None else _centred(one.centring),
        None if one.shadow is None else _natural(one.shadow),
    )


def _centred(error: float) -> float:
    worst, best = (math.log(limit) for limit in CENTRING)
    return ramp(math.log(max(error, 1e-6)), worst, best)


def _natural(one: Likeness) -> float:
    return FULL * (one.correlation / 2 + one.ssim / 4 + one.contact / 4)


def six(pictures: Sequence[tuple[str, bool, Points]]) -> Six:
    """Of (category, whether white on white, points) of every picture; best case takes categories with a name."""
    names = {name for name, _, _ in pictures if name}
    categories = [mean(p.overall for name, _, p in pictures if name == one) for one in names]
    return Six(
        mean(p.overall for _, _, p in pictures),
        max((value for value in categories if value is not None), default=None),
        mean(p.edge for _, _, p in pictures),
        mean(p.shadow for _, _, p in pictures),
        mean(p.centring for _, _, p in pictures),
        mean(p.mask for _, white, p in pictures if white),
    )


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of what is there; None of nothing."""
    known = _there(*values)
    return statistics.fmean(known) if known else None


def _there(*values: float | None) -> list[float]:
    return [value for value in values if value is not None]


MEANS: Mapping[str, Callable[[Figures], float | None]] = MappingProxyType(
    {
        "iou": lambda one: one.iou,
        "boundary_iou": lambda one: one.boundary_iou,
        "halo": lambda one: one.halo,
        "centring": lambda one: one.centring,
        "shadow_correlation": lambda one: one.shadow.correlation if one.shadow else None,
        "shadow_ssim": lambda one: one.shadow.ssim if one.shadow else None,
        "shadow_contact": lambda one: one.shadow.contact if one.shadow else None,
    }
)


def means(figures: Sequence[Figures]) -> dict[str, float | None]:
    """The mean of every figure over the pictures that have it."""
    return {name: mean(take(one) for one in figures) for name, take in MEANS.items()}


SIX = tuple(field.name for field in fields(Six))
