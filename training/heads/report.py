"""What a run leaves to read: `report.json`, `report.md`, curves, and `best_models.json` for programs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from training.heads.bake_off import BakeOff, Result
from training.heads.head import replace
from training.heads.samples import Samples
from training.heads.source import Collection

BEST = "best_models.json"
SHOWN = ("precision_macro", "precision_true", "recall_true", "roc_auc", "average_precision", "brier")


@dataclass(frozen=True)
class Outcome:
    """One collection of a run: trained, or skipped with the reason (then there is no `bake_off`)."""

    collection: Collection
    samples: Samples | None = None
    held_out: int = 0
    bake_off: BakeOff | None = None
    skipped: str = ""
    published: bool = False


def write_best(outcomes: Sequence[Outcome], folder: Path) -> Path:
    """Bring `best_models.json` up to date: collection -> best model's file and figures. What this run did not train
    stays, as long as its file is there.
    """
    path = folder / BEST
    best = {number: entry for number, entry in _read(path).items() if (folder / str(entry.get("model"))).is_file()}
    for outcome in outcomes:
        if outcome.bake_off is not None:
            best[str(outcome.collection.number)] = _best_entry(outcome.collection, outcome.bake_off.winner)
    ordered = dict(sorted(best.items(), key=lambda item: (len(item[0]), item[0])))
    replace(path, (json.dumps(ordered, indent=2) + "\n").encode())
    return path


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, dict)} if isinstance(found, dict) else {}


def _best_entry(collection: Collection, winner: Result) -> dict[str, Any]:
    card = winner.head.card
    return {"model": card.weights, "name": collection.name, "version": card.version, "trained": card.trained} | (
        winner.figures
    )


def write_report(
    outcomes: Sequence[Outcome], problems: Sequence[str], source: str, now: datetime, folder: Path
) -> None:
    """Write the run's `report.json` and `report.md`."""
    content = {
        "source": source,
        "date": now.isoformat(),
        "problems": list(problems),
        "collections": [_described(outcome) for outcome in outcomes],
    }
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / "report.json", (json.dumps(content, indent=2) + "\n").encode())
    sections = [_section(outcome) for outcome in outcomes]
    head = [f"# Collections, {now:%Y-%m-%d %H:%M:%S} UTC", f"Source: {source}", *(f"- {one}" for one in problems)]
    replace(folder / "report.md", ("\n\n".join([*head, *sections]) + "\n").encode())


def _described(outcome: Outcome) -> dict[str, Any]:
    samples, found = outcome.samples, outcome.bake_off
    described: dict[str, Any] = {
        "id": outcome.collection.number,
        "name": outcome.collection.name,
        "skipped": outcome.skipped or None,
        "published": outcome.published,
    }
    if samples is not None:
        described |= {
            "samples": len(samples),
            "true": samples.of_class(label=True),
            "held_out": outcome.held_out,
            "newest_by": samples.order,
            "unusable": list(samples.problems),
        }
    if found is not None:
        described |= {
            "best": found.winner.head.card.version,
            "ranking": [{"version": one.head.card.version} | one.figures for one in found.ranking],
            "pruned": list(found.pruned),
            "left_out": list(found.left_out),
        }
    return described


def _section(outcome: Outcome) -> str:
    lines = [f"## {outcome.collection.number}: {outcome.collection.name}", ""]
    samples, found = outcome.samples, outcome.bake_off
    if samples is not None:
        true = samples.of_class(label=True)
        lines += [
            f"{len(samples)} samples, {true} true; {outcome.held_out} held out, the newest by {samples.order}.",
            *(f"- unusable: {problem}" for problem in samples.problems),
        ]
    if outcome.skipped:
        lines += ["", f"**Skipped**: {outcome.skipped}"]
    if found is not None:
        served = "published" if outcome.published else "not published"
        number = outcome.collection.number
        lines += ["", f"Best: `{found.winner.head.card.version}` ({served}).", ""]
        lines += [*_table(found), "", f"![curves](curves/collection_{number}.png)"]
        lines += [f"- pruned: `{version}`" for version in found.pruned]
        lines += [f"- not compared: {reason}" for reason in found.left_out]
    return "\n".join(lines)


def _table(found: BakeOff) -> list[str]:
    rows = [
        f"| `{result.head.card.version}` | {' | '.join(f'{result.figures[name]:.4f}' for name in SHOWN)} |"
        for result in found.ranking
    ]
    return [f"| version | {' | '.join(SHOWN)} |", f"|---|{'---:|' * len(SHOWN)}", *rows]
