"""Training, bake-off, pruning, reports and publishing, from a folder."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_score

from tests.training.collection_data import NOON, WIDTH, entries, train, write_source
from training.__main__ import main
from training.heads.bake_off import bake_off
from training.heads.errors import HeadsError
from training.heads.fit import Recipe, version_name
from training.heads.head import Card, Head, Origin, read, write
from training.heads.publish import publish
from training.heads.run import Plan
from training.heads.samples import Samples, parse_samples
from training.heads.source import Limits, open_source
from training.heads.split import split


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_source(tmp_path / "source", {7: entries()})


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(tmp_path / "output", tmp_path / "heads")


def held_out(source: Path) -> Samples:
    found = open_source(str(source), Limits()).training_data(7)
    return split(parse_samples(found, "there"), 0.2, 10).held_out


def test_the_head_is_scikit_learns_on_the_older_samples(source: Path, plan: Plan) -> None:
    (outcome,) = train(source, plan)
    assert outcome.bake_off is not None
    head = outcome.bake_off.winner.head
    parts = split(parse_samples(entries(), "there"), 0.2, 10)
    model = LogisticRegression(C=0.1, class_weight="balanced", solver="liblinear", random_state=1)
    model.fit(parts.training.vectors.astype(np.float64), parts.training.labels)
    wanted = model.predict_proba(parts.held_out.vectors)[:, 1]
    assert head.probabilities(parts.held_out.vectors) == pytest.approx(wanted, abs=1e-6)
    macro = precision_score(parts.held_out.labels, wanted >= 0.5, average="macro", zero_division=0)
    assert outcome.bake_off.winner.figures["precision_macro"] == pytest.approx(macro)
    assert 0.5 < macro < 1
    assert 0 < outcome.bake_off.winner.figures["brier"] < 0.25


@pytest.mark.parametrize("solver", ["liblinear", "lbfgs", "saga"])
def test_the_same_samples_and_seed_make_the_same_files(source: Path, plan: Plan, tmp_path: Path, solver: str) -> None:
    for name in ("one", "two"):
        train(source, replace(plan, output=tmp_path / name, heads=None, recipe=Recipe(solver=solver)))
    one, two = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "two")
    )
    assert len(one) == 6
    assert one == two


def test_the_files_of_a_run(source: Path, plan: Plan) -> None:
    train(source, plan)
    version = "collection_7_classifier_20260131T120000000000Z"
    card = json.loads((plan.output / f"{version}.json").read_text())
    assert (card["collection"], card["name"], card["version"], card["width"]) == (7, "name of 7", version, WIDTH)
    assert (card["embedder"], card["vector"], card["target"], card["threshold"]) == (
        "embed_clip_vit_b_32",
        "embedding",
        "whole_image",
        0.5,
    )
    assert card["settings"]["converged"] is True
    best = json.loads((plan.output / "best_models.json").read_text())
    assert best["7"]["model"] == f"{version}.safetensors"
    assert best["7"]["precision_macro"] == card["metrics"]["precision_macro"]
    report = json.loads((plan.output / "report.json").read_text())["collections"][0]
    assert (report["samples"], report["true"], report["held_out"], report["best"]) == (120, 40, 24, version)
    assert f"| `{version}` |" in (plan.output / "report.md").read_text()
    with Image.open(plan.output / "curves" / "collection_7.png") as curves:
        assert curves.size == (1200, 400)
        assert len(np.unique(np.asarray(curves.convert("L")))) > 10


def test_the_winner_is_published_with_the_figures_of_the_bake_off(source: Path, plan: Plan) -> None:
    (outcome,) = train(source, plan)
    assert plan.heads is not None
    assert outcome.bake_off is not None
    served = read(plan.heads / "7" / "head.json")
    assert served.card.version == outcome.bake_off.winner.head.card.version
    assert served.card.metrics == outcome.bake_off.winner.figures
    assert served.weight.tolist() == outcome.bake_off.winner.head.weight.tolist()


def test_without_a_place_to_publish_nothing_is(source: Path, plan: Plan) -> None:
    (outcome,) = train(source, replace(plan, heads=None))
    assert not outcome.published
    assert "not published" in (plan.output / "report.md").read_text()


def test_publishing_again_leaves_the_head_before_and_no_older_one(tmp_path: Path) -> None:
    for number in range(4):
        publish(made(7, NOON + timedelta(days=number), np.ones(WIDTH)), tmp_path)
    names = {path.name for path in (tmp_path / "7").iterdir()}
    assert names == {"head.json", *(f"{version_name(7, NOON + timedelta(days=day))}.safetensors" for day in (2, 3))}
    assert read(tmp_path / "7" / "head.json").card.version == version_name(7, NOON + timedelta(days=3))


def made(number: int, moment: datetime, weight: np.ndarray, bias: float = 0.0, origin: Origin | None = None) -> Head:
    chosen = origin or Origin()
    version = version_name(number, moment)
    return Head(
        Card(
            number, "made", version, moment.isoformat(), len(weight), chosen.embedder, chosen.vector, chosen.target, 0.5
        ),
        weight.astype(np.float64),
        bias,
    )


def test_the_bake_off_ranks_by_macro_precision_and_equals_by_time(source: Path, tmp_path: Path) -> None:
    samples = held_out(source)
    direction = samples.vectors[samples.labels].mean(axis=0) - samples.vectors[~samples.labels].mean(axis=0)
    bad, none = -direction, np.zeros(WIDTH)
    for day, (weight, bias) in enumerate([(direction, -1.0), (bad, 0.0), (direction, -1.0), (none, -9.0)]):
        write(made(7, NOON + timedelta(days=day), weight, bias), tmp_path)
    found = bake_off(tmp_path, 7, samples, Origin(), kept=2)
    days = [(datetime.fromisoformat(result.head.card.trained) - NOON).days for result in found.ranking]
    assert days == [2, 0]
    assert found.winner.figures["precision_macro"] == found.ranking[1].figures["precision_macro"] > 0.6
    assert set(found.pruned) == {version_name(7, NOON + timedelta(days=day)) for day in (1, 3)}
    assert len(list(tmp_path.glob("collection_*"))) == 4


def test_a_class_that_is_never_predicted_counts_as_nothing(source: Path, tmp_path: Path) -> None:
    write(made(7, NOON, np.zeros(WIDTH), -9.0), tmp_path)
    figures = bake_off(tmp_path, 7, held_out(source), Origin()).winner.figures
    assert (figures["precision_true"], figures["precision_macro"]) == (0, figures["precision_false"] / 2)


def test_versions_that_cannot_be_compared_are_left_alone_and_named(source: Path, tmp_path: Path) -> None:
    write(made(7, NOON, np.ones(WIDTH)), tmp_path)
    write(made(7, NOON + timedelta(1), np.ones(3)), tmp_path)
    write(made(7, NOON + timedelta(2), np.ones(WIDTH), origin=Origin(target="prominent_face")), tmp_path)
    (tmp_path / f"{version_name(7, NOON + timedelta(3))}.json").write_text("{")
    write(made(71, NOON, np.ones(WIDTH)), tmp_path)
    found = bake_off(tmp_path, 7, held_out(source), Origin(), kept=1)
    assert found.winner.head.card.trained == NOON.isoformat()
    assert found.pruned == ()
    assert [words in text for words, text in zip(("readable", "face", " 3 numbers"), found.left_out, strict=True)] == [
        True
    ] * 3
    assert len(list(tmp_path.glob("collection_*"))) == 9


def test_many_runs_leave_the_best_ten_and_the_newest_of_equals_wins(source: Path, plan: Plan) -> None:
    for day in range(12):
        (outcome,) = train(source, plan, NOON + timedelta(days=day))
    assert outcome.bake_off is not None
    versions = sorted(path.stem for path in plan.output.glob("collection_*.json"))
    assert versions == [version_name(7, NOON + timedelta(days=day)) for day in range(2, 12)]
    assert {path.stem for path in plan.output.glob("*.safetensors")} == set(versions)
    assert outcome.bake_off.winner.head.card.version == versions[-1]
    assert outcome.bake_off.pruned == (version_name(7, NOON + timedelta(days=1)),)


def test_one_bad_collection_does_not_stop_the_others(
    tmp_path: Path, plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    one_class = [entry | {"label": True} for entry in entries(30)]
    data = {1: one_class, 2: entries(6), 3: "<html>please log in</html>", 4: entries(), 5: [{"label": 1}] * 30}
    source = write_source(tmp_path / "source", data)
    (source / "collections" / "3b").mkdir()
    outcomes = train(source, plan)
    reasons = [outcome.skipped for outcome in outcomes]
    assert "one class only" in reasons[0]
    assert "only 6 usable samples, at least 10" in reasons[1]
    assert "there is no JSON array" in reasons[2]
    assert reasons[3] == ""
    assert "only 0 usable samples" in reasons[4]
    assert set(json.loads((plan.output / "best_models.json").read_text())) == {"4"}
    assert "1 (name of 1): skipped: all 30 samples" in capsys.readouterr().out
    assert "30 entries: embedding is no list" in (plan.output / "report.md").read_text()


def test_best_models_keeps_what_a_later_run_does_not_train(tmp_path: Path, plan: Plan) -> None:
    train(write_source(tmp_path / "both", {7: entries(), 10: entries(seed=2)}), plan)
    train(write_source(tmp_path / "one", {10: entries(seed=2), 7: []}), plan, NOON + timedelta(days=1))
    best = json.loads((plan.output / "best_models.json").read_text())
    assert list(best) == ["7", "10"]
    assert best["7"]["trained"] == NOON.isoformat()
    (plan.output / best["7"]["model"]).unlink()
    train(tmp_path / "one", plan, NOON + timedelta(days=2))
    assert list(json.loads((plan.output / "best_models.json").read_text())) == ["10"]


def test_the_command_trains_and_publishes(source: Path, plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--output", str(plan.output), "--heads", str(plan.heads), "--vector", "normalized", "--seed", "3"]
    assert main(["collections", "--source", str(source), *options]) == 0
    assert plan.heads is not None
    card = read(plan.heads / "7" / "head.json").card
    assert (card.vector, card.settings["seed"]) == ("normalized", 3)
    assert "1 of 1 collections trained" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--source ADDRESS"),
        (["--source", "/nowhere"], "no such folder"),
        (["--source", ".", "--solver", "magic"], "--solver is one of liblinear"),
        (["--source", ".", "--hold-out", "1"], "--hold-out is between"),
        (["--source", ".", "--c", "0"], "--c is more than 0"),
        (["--source", ".", "--keep", "0"], "--keep is 1 or more"),
    ],
)
def test_wrong_options_are_named(options: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collections", *options]) == 2
    assert words in capsys.readouterr().err


def test_a_run_without_any_trained_collection_is_a_failure(tmp_path: Path, plan: Plan) -> None:
    source = write_source(tmp_path / "source", {7: []})
    assert main(["collections", "--source", str(source), "--output", str(plan.output), "--no-publish"]) == 1


def test_a_collection_that_is_not_listed_is_named(source: Path, plan: Plan) -> None:
    with pytest.raises(HeadsError, match="lists no collection 8, 9"):
        train(source, replace(plan, only=frozenset({7, 8, 9})))
