"""The whole measurement: every picture through the service, the version kept, the report written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2

from perf.quality import cases, history, page
from perf.quality.measure import AS_IS, PLACED, WHITE, Result, decoded, measured, options
from perf.quality.service import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from perf.quality.cases import Case
    from perf.quality.service import Service

BEST_AND_WORST = 1  # of each category, in the report
USUAL = cases.Throw(direction=165, length=0.25, softness=0.5, opacity=0.35, contact=0.5, flat=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """`report` takes the page and its pictures, `results` one JSON per version."""

    scenes: Path | None
    photos: Path | None
    per_category: int
    report: Path
    results: Path
    commit: str


def selected(plan: Plan) -> list[Case]:
    """Raises QualityError where neither scenes nor photos are named, or a folder holds none."""
    if plan.scenes is None and plan.photos is None:
        raise cases.QualityError("nothing to measure on: name --scenes DIR, --photos DIR or both")
    found = cases.scenes(plan.scenes, plan.per_category) if plan.scenes else []
    return found + (cases.photos(plan.photos) if plan.photos else [])


def run(plan: Plan, service: Service, done: Callable[[Result], None]) -> list[str]:
    """Measure, keep, report; returns what fell since the version before. `done` is told of each picture."""
    results = []
    for case in selected(plan):
        results.append(measured(case, service))
        done(results[-1])
    now = history.version(results, plan.commit)
    before = history.before(plan.results, now)
    fallen = history.drops(now, before) if before else []
    history.keep(plan.results, now)
    shown = [_pictured(result, service, plan.report / "pictures") for result in extremes(results)]
    (plan.report / "index.html").write_text(page.page(now, before, fallen, shown), encoding="utf-8")
    return fallen


def extremes(results: Sequence[Result]) -> list[Result]:
    """Of each category the best and the worst, the worst first; all of the photos."""
    shown: list[Result] = []
    for name in sorted({result.case.category for result in results}):
        ranked = sorted((r for r in results if r.case.category == name), key=lambda r: r.points.overall)
        if name == cases.PHOTOS or len(ranked) <= 2 * BEST_AND_WORST:
            shown += ranked
        else:
            shown += ranked[:BEST_AND_WORST] + ranked[-BEST_AND_WORST:]
    return shown


def _pictured(result: Result, service: Service, folder: Path) -> Result:
    """Writes the pictures of a case; what the service refuses now, although it did not before, is shown as refused."""
    folder.mkdir(parents=True, exist_ok=True)
    if result.figures is None:
        return result
    case, throw = result.case, result.case.throw or USUAL
    photo = case.photo.read_bytes()
    try:
        cut = decoded(service.remove_background(photo), cv2.IMREAD_UNCHANGED)
        finals = [
            decoded(service.process(photo, options(place, WHITE, throw)), cv2.IMREAD_COLOR_RGB)
            for place in (AS_IS, PLACED)
        ]
    except RefusedError as refusal:
        return replace(result, figures=None, refused=str(refusal))
    page.write_sheet(folder, case.name, decoded(photo, cv2.IMREAD_COLOR_RGB), cut, finals)
    return result
