"""A classifier in each precision: what is written, and how all of them do in one report beside the checkpoint."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto

from export.__main__ import main as export
from tests.export.keyword_checkpoints import make_classifier
from tests.training.keyword_data import LABELS, prepare
from training.__main__ import main

ROLE = "keyword_classifier"
PRECISIONS = {"fp32": TensorProto.FLOAT, "fp16": TensorProto.FLOAT16, "int8": TensorProto.INT8}
SERVED = Path(__file__).parents[2] / "model_repository" / ROLE / "config.pbtxt"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random classifier, and what is exported of it by the command, versions 1 to 3."""
    folder = tmp_path_factory.mktemp("precisions")
    checkpoint = make_classifier(folder / "checkpoint", labels=LABELS, side=224)
    (folder / ROLE).mkdir()
    shutil.copy(SERVED, folder / ROLE)
    words = [ROLE, "--checkpoint", str(checkpoint), "--licence", "MIT", "--repository", str(folder)]
    for precision in PRECISIONS:
        assert export([*words, "--precision", precision]) == 0
    return folder


@pytest.fixture(scope="module")
def report(home: Path) -> Path:
    networks = [home / "checkpoint", *(home / ROLE / str(number) for number in (1, 2, 3))]
    options = ["--data", str(prepare(home / "data")), "--output", str(home / "report")]
    assert main(["keywords", "evaluate", *map(str, networks), *options]) == 0
    return home / "report"


@pytest.mark.parametrize(("number", "precision"), list(enumerate(PRECISIONS, 1)))
def test_smaller_weights_are_proven_like_others(number: int, precision: str, home: Path) -> None:
    version = home / ROLE / str(number)
    kinds = {tensor.data_type for tensor in onnx.load(version / "model.onnx").graph.initializer}
    assert PRECISIONS[precision] in kinds
    card = json.loads((version / "model.json").read_text())
    assert card["precision"] == precision
    checks = [row for row in card["proof"] if row["unit"].endswith("best labels changed")]
    assert [row["ok"] for row in checks] == [True] * 4
    assert (version / "labels.txt").read_text().splitlines() == list(LABELS)


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
