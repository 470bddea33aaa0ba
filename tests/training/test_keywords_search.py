import json
from pathlib import Path

import pytest

from tests.training.keyword_data import prepare, tiny_clip
from training.__main__ import main
from training.keywords.errors import KeywordsError
from training.keywords.recipe import Recipe
from training.keywords.space import read_space, varied
from training.keywords.tracking import open_store


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("search")
    data, clip = prepare(folder / "data"), tiny_clip(folder / "clip")
    return ["keywords", "search", "--data", str(data), "--checkpoint", str(clip), "--batch", "6", "--workers", "0"]


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_grid_is_walked_once_and_noted_in_mlflow(options: list[str], tmp_path: Path) -> None:
    from mlflow import MlflowClient

    space = write(tmp_path / "space.yaml", "head_learning_rate: [3e-2, 1e-9]\nhead: [prototypes]\n")
    address, output = f"sqlite:///{tmp_path / 'mlflow/runs.db'}", tmp_path / "out"
    command = [*options, "--space", str(space), "--method", "grid", "--steps", "20", "--output", str(output)]
    command += ["--evaluate-every", "10"]
    assert main([*command, "--mlflow", address]) == 0
    facts = json.loads((output / "search.json").read_text())
    best, other = facts["rows"]
    assert facts["best"] == best["number"]
    assert best["score"] > other["score"]
    assert best["settings"] == {"head_learning_rate": 0.03, "head": "prototypes"}
    page = (output / "report.html").read_text()
    assert "<h2>Trials</h2>" in page
    assert "head_learning_rate" in page
    assert (output / f"trial-{best['number']:03d}/model/config.json").is_file()
    assert not (output / f"trial-{other['number']:03d}/model").exists()
    client = MlflowClient(address)
    experiment = client.get_experiment_by_name("keywords")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if run not in parents]
    assert [run.data.tags["mlflow.parentRunId"] for run in children] == [parents[0].info.run_id] * 2
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.data.metrics["macro_accuracy"] for run in children} == {best["score"], other["score"]}
    assert all("eval_macro_accuracy" in run.data.metrics for run in children)
    assert main(command) == 0
    assert json.loads((output / "search.json").read_text()) == facts, "nothing was tried again"


def test_optuna_goes_on_where_it_was_and_says_what_failed(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "tuning: [frozen, blocks]\nblocks: [5]\nhead_learning_rate: {low: 1e-3, high: 1e-1, log: true}\n"
    space, output = write(tmp_path / "space.yaml", text), tmp_path / "out"
    command = [*options, "--space", str(space), "--steps", "1", "--output", str(output)]
    main([*command, "--trials", "2"])
    assert main([*command, "--trials", "5"]) == 0
    rows = json.loads((output / "search.json").read_text())["rows"]
    assert sorted(one["number"] for one in rows) == [0, 1, 2, 3, 4]
    assert len({one["settings"]["head_learning_rate"] for one in rows}) == 5
    for one in rows:
        assert 1e-3 <= one["settings"]["head_learning_rate"] <= 1e-1
        fails = one["settings"]["tuning"] == "blocks"
        assert one["state"] == ("failed" if fails else "done")
        assert ("from 1 to 2 can learn" in one["reason"]) == fails
    space.write_text("batch: [2]\n")
    assert main([*command, "--trials", "9"]) == 2
    assert "a search of another space" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("colour: [1]", "colour: cannot be varied; these can: "),
        ("batch: []", "expected a list of different values"),
        ("batch: [2, 2]", "expected a list of different values"),
        ("batch: {low: 1}", "expected a list of different values"),
        ("batch: [many]", "'many': Input should be a valid integer"),
        ("tuning: [some]", "Input should be 'frozen', 'blocks', 'full' or 'lora'"),
        ("tuning: {low: frozen, high: full}", "has no range, a list is expected"),
        ("learning_rate: {low: 0, high: 1, log: true}", "above 0 where log is true"),
        ("- 1", "expected settings with lists or ranges"),
        ("a: [", "not readable as YAML"),
    ],
)
def test_spaces_are_checked(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(KeywordsError, match=told.replace("[", r"\[")):
        read_space(write(tmp_path / "space.yaml", text))


def test_numbers_in_a_space_are_what_the_recipe_takes(tmp_path: Path) -> None:
    axes = read_space(
        write(tmp_path / "s.yaml", "learning_rate: [1e-5, 2e-5]\nbatch: {low: 4, high: 8}\nhidden: [null, 8]")
    )
    assert axes[0].values == (1e-5, 2e-5)
    assert axes[1].whole
    assert axes[2].values == (None, 8)
    assert varied(Recipe(), {"batch": 4}).batch == 4
    with pytest.raises(KeywordsError, match="--head is then prototypes"):
        varied(Recipe(head="linear"), {"loss": "contrastive"})


def test_ranges_are_no_grid(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = write(tmp_path / "space.yaml", "learning_rate: {low: 0.1, high: 0.2}")
    command = [*options, "--output", str(tmp_path / "out")]
    assert main([*command, "--space", str(space), "--method", "grid"]) == 2
    assert "a grid takes lists" in capsys.readouterr().err
    assert main(command) == 2
    assert "--space FILE is missing" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["runs/mlflow", "file:/tmp/runs", "file:///tmp/runs"])
def test_mlflow_needs_a_database_or_a_server(address: str) -> None:
    with pytest.raises(KeywordsError, match=r"sqlite:///runs/mlflow\.db does"):
        open_store(address)
