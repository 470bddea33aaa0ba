import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.keyword_data import COUNTS, LABELS, encoded, prepare, row, shape, write_shards
from tests.training.keyword_networks import COLOURS, repository, write_version
from training.__main__ import main
from training.dataset.shards import Shards
from training.keywords.errors import KeywordsError
from training.keywords.evaluation import evaluate
from training.keywords.gate import DEFAULT, Gate, failures, read_gate
from training.keywords.predictor import OnnxPredictor, load_predictor
from training.keywords.promotion import promote

# Takes every blue picture for a red one.
BLIND = np.array([[1, 0, 0], [-1, 1, 0], [1, 0, 0]], np.float32)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    return Shards.open(prepare(tmp_path_factory.mktemp("data"), {**COUNTS, "test": (6, 5, 7)}))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_exported_file_is_measured(shards: Shards, tmp_path: Path) -> None:
    version = write_version(tmp_path / "1")
    found = evaluate(load_predictor(version), shards, "test")
    assert found.figures.macro_accuracy == 1.0
    assert found.figures.pictures == 18
    assert found.mistakes(9) == []
    blind = evaluate(OnnxPredictor(write_version(tmp_path / "2", BLIND) / "model.onnx"), shards, "test")
    assert blind.figures.macro_accuracy == pytest.approx(2 / 3)
    assert [one.recall for one in blind.figures.keywords] == [1, 1, 0]
    wrong = blind.mistakes(4)
    confidence = blind.probabilities.max(axis=1)
    assert list(confidence[wrong]) == sorted(confidence[wrong], reverse=True)
    assert {blind.labels[blind.truth[i]] for i in wrong} == {"blue-bar"}


def test_labels_are_matched_by_name_not_by_place(shards: Shards, tmp_path: Path) -> None:
    order = [2, 0, 1]
    labels = [*(LABELS[i] for i in order), "never-seen"]
    weights = np.column_stack([COLOURS[:, order], [-1, -1, -1]]).astype(np.float32)
    found = evaluate(load_predictor(write_version(tmp_path / "1", weights, labels)), shards, "test")
    assert found.figures.macro_accuracy == 1.0
    assert found.figures.untested == ("never-seen",)


def test_the_report_says_all_of_it(shards: Shards, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, blind = write_version(tmp_path / "1"), write_version(tmp_path / "2", BLIND)
    options = [str(good), str(blind), "--data", str(shards.folder), "--output", str(tmp_path / "report")]
    assert main(["keywords", "evaluate", *options]) == 0
    assert "macro accuracy 0.6667" in capsys.readouterr().out
    page = (tmp_path / "report/report.html").read_text()
    for wanted in ("Confusion", "Reliability", "Most confident mistakes", "blue-bar", "0.6667"):
        assert wanted in page
    assert page.count("data:image/png") == 4
    assert page.count("data:image/jpeg") == 1
    facts = json.loads((tmp_path / "report/report.json").read_text())
    assert [one["macro_accuracy"] for one in facts["evaluations"]] == pytest.approx([1, 2 / 3])
    assert facts["evaluations"][1]["confusion"][2] == [7, 0, 0]
    with (tmp_path / "report/answers.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 36
    assert {r["answer"] for r in rows if r["keyword"] == "blue-bar" and "2" in Path(r["network"]).parts} == {
        "red-square"
    }


def test_keywords_without_test_pictures_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = prepare(tmp_path / "data", {"test": (3, 3, 0)})
    options = ["--data", str(data), "--output", str(tmp_path / "report")]
    assert main(["keywords", "evaluate", str(write_version(tmp_path / "1")), *options]) == 0
    assert "counted in no figure: blue-bar" in capsys.readouterr().out
    assert "1 keyword has no pictures here" in (tmp_path / "report/report.html").read_text()
    assert json.loads((tmp_path / "report/report.json").read_text())["evaluations"][0]["macro_accuracy"] == 1.0


def test_what_is_wrong_with_a_network_is_said(shards: Shards, tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no")
    few = write_version(tmp_path / "few", COLOURS[:, :2], LABELS[:2])
    long = write_version(tmp_path / "long", labels=[*LABELS, "one-more"])
    small = write_version(tmp_path / "small", side=64)
    bare = write_version(tmp_path / "bare")
    (bare / "labels.txt").unlink()
    for network, told in (
        (tmp_path / "broken.onnx", "not a loadable ONNX file"),
        (few, "does not know blue-bar, of which test has pictures"),
        (long, "labels.txt has 4 keywords"),
        (small, "the contract is uint8"),
        (bare, "labels.txt: not readable"),
        (tmp_path, "no classifier"),
    ):
        with pytest.raises(KeywordsError, match=told):
            evaluate(load_predictor(network), shards, "test")


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    data = prepare(tmp_path / "data", {"train": (1, 1, 1)})
    good, bad = encoded(shape(0, 1)), encoded(shape(0, 2))[:300]
    write_shards(data / "test", [row("good", LABELS[0], 0, good), row("cut", LABELS[0], 0, bad)])
    with pytest.raises(KeywordsError, match="test, cut: not a readable picture"):
        evaluate(load_predictor(write_version(tmp_path / "1")), Shards.open(data), "test")
    with pytest.raises(KeywordsError, match="no pictures in validation"):
        evaluate(load_predictor(tmp_path / "1"), Shards.open(data), "validation")


def test_a_better_candidate_becomes_the_next_version(shards: Shards, tmp_path: Path) -> None:
    models = repository(tmp_path / "models", BLIND)
    candidate = write_version(tmp_path / "candidate")
    found = promote(candidate, models, read_gate(DEFAULT), shards)
    role = models / "keyword_classifier"
    assert found.version == role / "2"
    assert found.reasons == ()
    assert found.served is not None
    assert found.served.figures.macro_accuracy == pytest.approx(2 / 3)
    assert (role / "2/model.onnx").read_bytes() == (candidate / "model.onnx").read_bytes()
    card = json.loads((role / "2/model.json").read_text())
    assert card["figures"] == {"kept": 1, **card["figures"]}
    assert card["figures"]["test_macro_accuracy"] == 1.0
    assert card["promoted"]["instead_of"] == "1"
    assert sorted(path.name for path in role.iterdir()) == ["1", "2", "config.pbtxt", "labels.txt"]


def test_new_keywords_come_with_their_labels(shards: Shards, tmp_path: Path) -> None:
    models = repository(tmp_path / "models", COLOURS[:, :2], LABELS[:2])
    found = promote(write_version(tmp_path / "candidate"), models, read_gate(DEFAULT), shards)
    assert found.version is not None
    assert found.served is not None
    assert found.served.figures.pictures == 11
    assert (models / "keyword_classifier/labels.txt").read_text().split() == list(LABELS)


WORSE = (
    "macro_accuracy is 0.6667, at least 0.85 is needed",
    "blue-bar: recall is 0.000 on 7 pictures",
    "macro_accuracy is 0.6667, the served version's 1.0000 on the same 18 pictures",
    "blue-bar: recall is 0.000, the served version's 1.000; it may be 0.05 less",
)


@pytest.mark.parametrize(("weights", "told"), [(BLIND, WORSE), (COLOURS * 0.004, ("ece is",))])
def test_a_candidate_that_is_worse_changes_nothing(
    weights: np.ndarray, told: tuple[str, ...], shards: Shards, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = repository(tmp_path / "models", COLOURS)
    before = snapshot(models)
    candidate = str(write_version(tmp_path / "candidate", weights))
    options = ["--data", str(shards.folder), "--repository", str(models), "--output", str(tmp_path / "out")]
    assert main(["keywords", "promote", candidate, *options]) == 1
    said = capsys.readouterr().out
    assert snapshot(models) == before
    decision = json.loads((tmp_path / "out/promotion.json").read_text())
    assert decision["promoted"] is False
    for one in told:
        assert f"refused: {one}" in said
        assert any(one in reason for reason in decision["reasons"])


def test_a_keyword_that_would_be_lost_refuses_the_candidate(shards: Shards, tmp_path: Path) -> None:
    weights = np.column_stack([COLOURS, [-1, -1, -1]]).astype(np.float32)
    models = repository(tmp_path / "models", weights, [*LABELS, "oven-tray"])
    found = promote(write_version(tmp_path / "candidate"), models, read_gate(DEFAULT), shards)
    assert found.version is None
    assert found.reasons == ("does not know oven-tray, which the served version knows",)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sha256": "0"}, "its SHA-256 differs"),
        ({"proof": [{"ok": False}]}, "no proof that holds"),
        ({"proof": []}, "no proof that holds"),
        ({"role": "step_matte"}, "is not of keyword_classifier"),
    ],
)
def test_only_a_proven_export_is_a_candidate(
    change: dict[str, object], told: str, shards: Shards, tmp_path: Path
) -> None:
    models, candidate = repository(tmp_path / "models"), write_version(tmp_path / "candidate")
    card = json.loads((candidate / "model.json").read_text())
    (candidate / "model.json").write_text(json.dumps(card | change))
    with pytest.raises(KeywordsError, match=told):
        promote(candidate, models, read_gate(DEFAULT), shards)
    (candidate / "model.json").unlink()
    with pytest.raises(KeywordsError, match="no version as export writes one"):
        promote(candidate, models, read_gate(DEFAULT), shards)


def test_gates_are_checked(tmp_path: Path, shards: Shards) -> None:
    path = tmp_path / "gate.yaml"
    for text, told in (
        ("version: 1\nmacro_accuracy: 2", "macro_accuracy: Input should be less than or equal to 1"),
        ("version: 1\nmacro_accuracy: 0.5\nmacro: 1", "macro: Extra inputs"),
        ("- 1", "gate.yaml: file: "),
        ("a: [", "not readable as YAML"),
    ):
        path.write_text(text)
        with pytest.raises(KeywordsError, match=told):
            read_gate(path)
    figures = evaluate(load_predictor(write_version(tmp_path / "1")), shards, "test").figures
    gate = read_gate(DEFAULT)
    wishes = {"megabytes": 0.001, "untested": "refuse", "keywords": {"pan": {"recall": 0.9}}}
    strict = Gate.model_validate({**gate.model_dump(), **wishes})
    told_all = failures(strict, replace(figures, untested=("lid",)), 2000)
    assert told_all == [
        "the file has 0.0 MB, at most 0.001 are allowed",
        "without test pictures: lid",
        "pan: the gate asks for it, there are no test pictures of it",
    ]


def test_the_sheet_shows_the_mistakes(shards: Shards, tmp_path: Path) -> None:
    import io

    from training.keywords import charts

    blind = evaluate(load_predictor(write_version(tmp_path / "2", BLIND)), shards, "test")
    sheet = charts.mistakes(blind, shards, 5)
    assert sheet is not None
    picture = Image.open(io.BytesIO(sheet))
    assert picture.size == (charts.COLUMNS * charts.TILE, 2 * (charts.TILE + charts.CAPTION))
    tile = np.asarray(picture)[charts.CAPTION + 80 : charts.CAPTION + 120, 80:120].reshape(-1, 3).mean(axis=0)
    assert tile.argmax() == 2
