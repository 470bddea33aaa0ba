"""What evaluations and searches leave to read: `report.html`, one file with its pictures, and `report.json`."""

import base64
import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training.dataset.shards import Shards
from training.heads.head import replace
from training.keywords import charts
from training.keywords.evaluation import Evaluation
from training.keywords.trials import Table

TEMPLATE = Path(__file__).with_name("report.html")
PAGE, FACTS, ANSWERS = "report.html", "report.json", "answers.csv"


def write_report(
    folder: Path,
    title: str,
    shards: Shards,
    evaluations: Sequence[Evaluation] = (),
    trials: Table | None = None,
    mistakes: int = 24,
) -> Path:
    """Write the page, the JSON, and of evaluations every answer as CSV. Returns the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    replace(folder / FACTS, _json(title, now, shards, evaluations, trials))
    if evaluations:
        replace(folder / ANSWERS, _answers(evaluations))
    told = {
        "title": title,
        "subtitle": f"{shards.folder}, manifest {str(shards.content.get('manifest', 'unknown'))[:12]}; {now}",
        "evaluations": [_shown(one, evaluations[0], shards, mistakes) for one in evaluations],
        "trials": trials,
    }
    replace(folder / PAGE, _page(told))
    return folder / PAGE


def _page(told: dict[str, Any]) -> bytes:
    from jinja2 import Environment, StrictUndefined

    surroundings = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return surroundings.from_string(TEMPLATE.read_text(encoding="utf-8")).render(told).encode()


def _shown(evaluation: Evaluation, first: Evaluation, shards: Shards, mistakes: int) -> dict[str, Any]:
    sheet = charts.mistakes(evaluation, shards, mistakes)
    return {
        "network": evaluation.network,
        "weights": evaluation.weights,
        "agreement": _agreement(evaluation, first),
        "figures": evaluation.figures,
        "confusion": _base64(charts.confusion(evaluation.figures, evaluation.labels)),
        "reliability": _base64(charts.reliability(evaluation.figures)),
        "mistakes": None if sheet is None else _base64(sheet),
    }


def _agreement(evaluation: Evaluation, first: Evaluation) -> float | None:
    """With the first network of the report; none where it was asked about other pictures."""
    return evaluation.agreement(first) if evaluation.names == first.names else None


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _json(title: str, now: str, shards: Shards, evaluations: Sequence[Evaluation], trials: Table | None) -> bytes:
    facts: dict[str, Any] = {
        "title": title,
        "date": now,
        "dataset": str(shards.folder),
        "manifest": shards.content.get("manifest"),
        "evaluations": [
            {
                "network": one.network,
                **asdict(one.weights),
                "agreement": _agreement(one, evaluations[0]),
                "split": one.split,
                "labels": one.labels,
                **asdict(one.figures),
            }
            for one in evaluations
        ],
    }
    if trials is not None:
        facts["trials"] = trials.facts()
    return (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode()


def _answers(evaluations: Sequence[Evaluation]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["network", "name", "keyword", "answer", "confidence"])
    for one in evaluations:
        for index, name in enumerate(one.names):
            said = int(one.said[index])
            confidence = f"{one.probabilities[index, said]:.6f}"
            writer.writerow([one.network, name, one.labels[one.truth[index]], one.labels[said], confidence])
    return file.getvalue().encode()
