"""The measured quality of each version, one JSON file per commit, so that a drop is seen."""

from __future__ import annotations

import subprocess
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from perf.quality import scores
from perf.quality.cases import QualityError, digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from perf.quality.measure import Result

TOLERANCE = 0.1  # points that a score may fall without being called a drop
DIGITS = 4

Row = dict[str, float | None]


class Version(BaseModel):
    """What one commit reached: `scores` of the six, and per category the number of pictures, points and mean figures.

    `pictures` tells which ones were measured; versions compare only over the same.
    """

    model_config = ConfigDict(frozen=True)

    commit: str
    date: datetime
    pictures: str
    count: int
    refused: int
    scores: Row
    categories: dict[str, Row]


def version(results: Sequence[Result], commit: str) -> Version:
    names = sorted({result.case.category for result in results})
    six = scores.six([(r.case.category, r.case.white_on_white, r.points) for r in results])
    return Version(
        commit=commit,
        date=datetime.now(timezone.utc).replace(microsecond=0),
        pictures=digest([result.case for result in results]),
        count=len(results),
        refused=sum(result.figures is None for result in results),
        scores={name: _rounded(getattr(six, name)) for name in scores.SIX},
        categories={name: _row([r for r in results if r.case.category == name]) for name in names},
    )


def _row(results: Sequence[Result]) -> Row:
    points = {
        "overall": scores.mean(r.points.overall for r in results),
        "mask": scores.mean(r.points.mask for r in results),
        "edge": scores.mean(r.points.edge for r in results),
        "centring_points": scores.mean(r.points.centring for r in results),
        "shadow": scores.mean(r.points.shadow for r in results),
    }
    figures = scores.means([r.figures for r in results if r.figures is not None])
    return {"pictures": float(len(results)), **{name: _rounded(value) for name, value in {**points, **figures}.items()}}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def drops(now: Version, before: Version) -> list[str]:
    """What fell by more than the tolerance, the six first, then the categories' overall; each as a sentence."""
    pairs = [(name, now.scores.get(name), value) for name, value in before.scores.items()]
    for name, row in before.categories.items():
        there = now.categories.get(name, {})
        pairs.append((f"{name}: overall", there.get("overall"), row.get("overall")))
    return [
        f"{name} fell from {was:.2f} to {'nothing' if is_ is None else f'{is_:.2f}'}"
        for name, is_, was in pairs
        if was is not None and (is_ is None or is_ < was - TOLERANCE)
    ]


def before(folder: Path, now: Version) -> Version | None:
    """The newest other version measured on the same pictures. Raises QualityError where a file is none of ours."""
    known = [_read(path) for path in sorted(folder.glob("*.json"))]
    same = [one for one in known if one.commit != now.commit and one.pictures == now.pictures]
    return max(same, key=lambda one: one.date, default=None)


def _read(path: Path) -> Version:
    try:
        return Version.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise QualityError(f"{path}: no measured version; delete it or name another folder") from error


def keep(folder: Path, now: Version) -> Path:
    """Write COMMIT.json, in place of an earlier one of the same commit."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{now.commit}.json"
    path.write_text(now.model_dump_json(indent=1) + "\n")
    return path


def commit(root: Path) -> str:
    """The short name of what is checked out, with `-dirty` where files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
