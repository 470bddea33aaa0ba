"""What the exporter makes of a classifier, in each precision, measured in one report beside the checkpoint."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from export.__main__ import main as export
from tests.export.keyword_checkpoints import make_classifier
from tests.training.keyword_data import LABELS, prepare
from training.__main__ import main

ROLE = "keyword_classifier"
PRECISIONS = ("fp32", "fp16", "int8")
SERVED = Path(__file__).parents[2] / "model_repository" / ROLE / "config.pbtxt"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a random classifier and what is exported of it, versions 1 to 3."""
    folder = tmp_path_factory.mktemp("exported")
    checkpoint = make_classifier(folder / "checkpoint", labels=LABELS, side=224)
    (folder / "models" / ROLE).mkdir(parents=True)
    shutil.copy(SERVED, folder / "models" / ROLE)
    words = [ROLE, "--checkpoint", str(checkpoint), "--licence", "MIT", "--repository", str(folder / "models")]
    for precision in PRECISIONS:
        assert export([*words, "--precision", precision]) == 0
    networks = [checkpoint, *(folder / "models" / ROLE / str(number) for number in (1, 2, 3))]
    data = prepare(folder / "data")
    options = ["--data", str(data), "--output", str(folder / "report")]
    assert main(["keywords", "evaluate", *map(str, networks), *options]) == 0
    return folder / "report"


def evaluations(report: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((report / "report.json").read_text())["evaluations"]
    return found


def test_every_precision_is_measured_and_named(report: Path) -> None:
    checkpoint, *versions = evaluations(report)
    assert [one["precision"] for one in versions] == list(PRECISIONS)
    assert [one["pictures"] for one in (checkpoint, *versions)] == [12] * 4
    whole, half, eighth = (one["size_bytes"] for one in versions)
    assert half < 0.8 * whole
    assert eighth < whole
    page = (report / "report.html").read_text()
    assert all(f"<td>{precision}</td>" in page for precision in PRECISIONS)


def test_the_answers_are_those_of_the_checkpoint_within_what_the_proof_allows(report: Path) -> None:
    answers: dict[str, dict[str, tuple[str, float]]] = {}
    for row in csv.DictReader((report / "answers.csv").read_text().splitlines()):
        answers.setdefault(row["network"], {})[row["name"]] = row["answer"], float(row["confidence"])
    wanted, *found = answers.values()
    assert len({confidence for _, confidence in wanted.values()}) > 6, "different pictures are told apart"
    for version, tolerance in zip(found, (1e-4, 0.02, 0.1), strict=True):
        assert version.keys() == wanted.keys()
        for name, (keyword, confidence) in version.items():
            assert confidence == pytest.approx(wanted[name][1], abs=tolerance)
            assert keyword == wanted[name][0] or confidence < 0.5 + tolerance
    assert [one["agreement"] for one in evaluations(report)][:2] == [1.0, 1.0]
