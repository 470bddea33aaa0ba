"""Recipe keywords from generated photos to a finished picture, step by step, with the commands that a user types."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tritonclient import grpc

from export.__main__ import main as export_main
from gateway.cli.__main__ import main as gateway_main
from serving.session import Session, running
from tests.e2e.gateways import gateway, state, wait_until
from tests.e2e.messy_kitchen import LABELS, MAPPING, disturbed
from tests.e2e.repositories import NETWORK, copied, settings
from tests.export.keyword_checkpoints import by_transformers
from training.__main__ import main as training_main
from training.dataset.shards import Row, Shards

pytestmark = pytest.mark.e2e

STEPS = ("decode", "cutout", "alpha_png", "keywords", "step_matte", "recipe_photo", NETWORK)
PIPELINES = ("classify_keywords", "cutout_step", "alpha_step")
# What a network of two epochs can reach, and what it cannot.
LENIENT = "version: 1\nmacro_accuracy: 0.02\nece: 1.0\n"
STRICT = "version: 1\nmacro_accuracy: 0.99\n"
ROUTED = {"pan": "step_cutout", "pot": "step_cutout"} | dict.fromkeys(("finalstep", "group_step", "oven"), "as_is")
ROUTES = "version: 1\nreview_below: 0\nroutes:\n" + "".join(f"  {k}: {{pipeline: {p}}}\n" for k, p in ROUTED.items())
BATCH = 4
LEARNING = (
    *("--fresh", "tiny", "--head", "prototypes", "--sizes", "64:1", "--batch", BATCH),
    *("--learning-rate", "3e-4", "--plain", "--patience", "0", "--evaluate-every", "10", "--workers", "0"),
)
COUNT = 56  # photos
NEAR = 1e-3  # of a probability
MOST = 8  # pictures in a request


def told(main: Callable[[list[str]], int | None], *words: object, status: int = 0) -> str:
    """What a command says."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        found = main(list(map(str, words)))
    assert (found or 0) == status, said.getvalue()
    return said.getvalue()


def training(*words: object, status: int = 0) -> str:
    return told(training_main, *words, status=status)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chain")
    for name, text in (("mapping", MAPPING), ("lenient", LENIENT), ("strict", STRICT)):
        (folder / f"{name}.yaml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def photos(home: Path) -> Path:
    kitchen = home / "kitchen"
    training("scenes", "--source", "kitchen", "--out", kitchen, "--count", COUNT, "--size", 128, "--workers", 1)
    return disturbed(kitchen)


@pytest.fixture(scope="module")
def report(photos: Path, home: Path) -> Path:
    training("dataset", "report", photos, "--mapping", home / "mapping.yaml", "--out", home / "eda")
    return home / "eda"


@pytest.fixture(scope="module")
def standard(photos: Path, home: Path) -> tuple[Path, str]:
    """The standardised manifest, and what the command said."""
    path = home / "standard.parquet"
    words = ("--mapping", home / "mapping.yaml", "--unknown", "drop", "--out", path)
    return path, training("dataset", "standardise", photos, *words)


@pytest.fixture(scope="module")
def data(report: Path, standard: tuple[Path, str], home: Path) -> Path:
    words = ("--shares", "60,20,20", "--duplicates", report / "duplicates.parquet", "--out", home / "split.parquet")
    training("dataset", "split", standard[0], *words)
    training("dataset", "prepare", home / "split.parquet", "--size", 96, "--out", home / "data")
    return home / "data"


@pytest.fixture(scope="module")
def checkpoint(data: Path, home: Path) -> Path:
    training("keywords", "--data", data, *LEARNING, "--epochs", 2, "--output", home / "run")
    return home / "run" / "model"


@pytest.fixture(scope="module")
def search(data: Path, home: Path) -> Path:
    (home / "space.yaml").write_text("learning_rate: {low: 3e-4, high: 3e-3, log: true}\n")
    words = ("--space", home / "space.yaml", "--trials", 2, "--epochs", 1, "--output", home / "search")
    training("keywords", "search", "--data", data, *LEARNING, *words)
    return home / "search"


@pytest.fixture(scope="module")
def candidate(checkpoint: Path, home: Path) -> Path:
    """The exported version, in a repository that is not served."""
    copied(home / "candidates", (NETWORK,), ())
    words = ("--checkpoint", checkpoint, "--licence", "MIT", "--repository", home / "candidates" / "models")
    told(export_main, NETWORK, *words)
    return home / "candidates" / "models" / NETWORK / "1"


@pytest.fixture(scope="module")
def repository(candidate: Path, data: Path, home: Path) -> Path:
    """What is served: the candidate, promoted into it."""
    folder = copied(home / "served", STEPS, PIPELINES)
    (folder / "models" / "recipe_photo" / "routes.yaml").write_text(ROUTES)
    said = promoted(candidate, data, folder, home / "lenient.yaml")
    assert f"served once the server loads it: {folder / 'models' / NETWORK / '1'}" in said
    return folder


def promoted(candidate: Path, data: Path, folder: Path, gate: Path, status: int = 0) -> str:
    words = ("--repository", folder / "models", "--gate", gate, "--output", folder / "promotion")
    return training("keywords", "promote", candidate, "--data", data, *words, status=status)


@pytest.fixture(scope="module")
def server(repository: Path) -> Iterator[Session]:
    with running(settings(repository)) as session:
        yield session


@pytest.fixture(scope="module")
def client(server: Session, repository: Path, home: Path) -> Iterator[httpx.Client]:
    variables = {
        "GATEWAY_TRITON_URL": server.grpc_url,
        "GATEWAY_MODEL_REPOSITORY": str(repository / "models"),
        "GATEWAY_STORE_URL": str(home / "store"),
    }
    with gateway(variables) as (client, _):
        wait_until(lambda: client.get("/api/v1/health").status_code == 200)
        wait_until(lambda: state(client, "recipe_photo").get("status") == "ok")
        yield client


@pytest.fixture(scope="module")
def tested(data: Path) -> list[Row]:
    """Test pictures, as many as go into one request."""
    return list(islice(Shards.open(data).rows("test"), MOST))


@pytest.fixture(scope="module")
def truth(tested: list[Row], checkpoint: Path) -> list[np.ndarray]:
    """The probabilities of each test picture as transformers computes them from the checkpoint's files."""
    return [by_transformers(checkpoint, opened(row.image).convert("RGB")) for row in tested]


def is_best(keyword: str, probabilities: np.ndarray) -> bool:
    """Two epochs leave some keywords nearly as probable as the best one."""
    return bool(probabilities[LABELS.index(keyword)] > probabilities.max() - NEAR)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_the_report_names_what_is_wrong_with_the_photos(report: Path) -> None:
    facts = json.loads((report / "report.json").read_text())
    assert facts["rows"] == COUNT + 2
    assert [one["keyword"] for one in facts["unknown_keywords"]] == ["wok"]
    assert set(facts["keywords"]["after"]) == {*LABELS, "wok"}
    (broken,) = csv.DictReader((report / "broken.csv").read_text().splitlines())
    assert broken["image"].endswith("images/cut.jpg")
    assert "truncated" in broken["error"]
    alike = [str(row["image"]) for row in pq.read_table(report / "duplicates.parquet").to_pylist()]
    assert {name.rpartition("/")[2] for name in alike} >= {"000000.jpg", "copy.jpg"}
    assert "wok" in (report / "index.html").read_text()


def test_spellings_and_synonyms_become_one_keyword_and_the_unknown_one_is_listed(standard: tuple[Path, str]) -> None:
    path, said = standard
    assert "wok (1)" in said
    keywords = pq.read_table(path)["keyword"].to_pylist()
    assert set(keywords) == {*LABELS, None}
    assert (keywords.count("pot"), keywords.count(None)) == (12, 1)


def test_what_can_be_used_is_prepared_and_no_group_or_duplicate_is_in_two_splits(data: Path) -> None:
    shards = Shards.open(data)
    assert shards.labels == LABELS
    assert sum(shards.count(split) for split in ("train", "validation", "test")) == COUNT
    reasons = [row["reason"] for row in csv.DictReader((data / "left_out.csv").read_text().splitlines())]
    assert sorted(reasons) == ["no keyword", "the JPEG file is truncated: its end is missing"]
    places: dict[str, set[str]] = {}
    for path in data.rglob("*.parquet"):
        for row in pq.read_table(path, columns=["name", "group"]).to_pylist():
            group = "recipe of the copy" if row["name"].endswith("000000.jpg") else row["group"]
            places.setdefault(group, set()).add(path.parent.name)
    assert {len(splits) for splits in places.values()} == {1}


def test_two_epochs_are_trained(checkpoint: Path, data: Path) -> None:
    notes = json.loads((checkpoint / "keywords" / "training.json").read_text())
    assert notes["validation"]["steps"] == math.ceil(2 * Shards.open(data).count("train") / BATCH)


def test_two_trials_are_made_and_the_better_one_is_kept(search: Path) -> None:
    table = json.loads((search / "search.json").read_text())
    assert [one["state"] for one in table["rows"]] == ["done", "done"]
    assert len({one["settings"]["learning_rate"] for one in table["rows"]}) == 2
    kept = [path.parent.name for path in search.glob("trial-*/model")]
    assert kept == [f"trial-{table['best']:03d}"]


def test_one_report_measures_checkpoint_and_exported_file_and_shows_the_trials(
    checkpoint: Path, candidate: Path, search: Path, data: Path, home: Path
) -> None:
    words = ("--data", data, "--search", search, "--output", home / "figures")
    training("keywords", "evaluate", checkpoint, candidate, *words)
    first, second = json.loads((home / "figures" / "report.json").read_text())["evaluations"]
    assert first["confusion"] == second["confusion"]
    assert first["ece"] == pytest.approx(second["ece"], abs=1e-4)
    assert "<h2>Trials</h2>" in (home / "figures" / "report.html").read_text()


def test_a_strict_gate_refuses_the_candidate_and_changes_nothing(candidate: Path, data: Path, home: Path) -> None:
    folder = copied(home / "guarded", (NETWORK,), ())
    said = promoted(candidate, data, folder, home / "strict.yaml", status=1)
    assert "refused: macro_accuracy is" in said
    assert not list((folder / "models" / NETWORK).glob("[0-9]*"))
    assert not (folder / "models" / NETWORK / "labels.txt").exists()


def test_the_promoted_version_says_how_it_did_and_brings_its_labels(repository: Path, candidate: Path) -> None:
    version = repository / "models" / NETWORK / "1"
    assert (version / "model.onnx").read_bytes() == (candidate / "model.onnx").read_bytes()
    card = json.loads((version / "model.json").read_text())
    assert card["figures"]["test_pictures"] > 0
    assert card["promoted"]["gate"]["macro_accuracy"] == 0.02
    assert (repository / "models" / NETWORK / "labels.txt").read_text().splitlines() == list(LABELS)


def test_the_server_answers_as_transformers_does_from_the_jpeg_on(
    server: Session, tested: list[Row], truth: list[np.ndarray]
) -> None:
    assert np.stack(truth).std(axis=0).max() > 10 * NEAR, "different pictures are told apart"
    tensor = grpc.InferInput("image", [len(tested), 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[row.image] for row in tested], np.object_))
    with grpc.InferenceServerClient(server.grpc_url) as plain:
        found = plain.infer("classify_keywords", [tensor])
    assert found.as_numpy("probabilities") == pytest.approx(np.stack(truth), abs=NEAR)
    named = [one.decode() for one in found.as_numpy("keywords")[:, 0]]
    assert all(is_best(*pair) for pair in zip(named, truth, strict=True))


def test_the_gateway_names_the_keywords_and_sends_the_photo_on(
    client: httpx.Client, tested: list[Row], truth: list[np.ndarray]
) -> None:
    photo = {"file": ("photo.jpg", tested[0].image)}
    classified = client.post("/api/v1/predict", files=photo).json()
    assert len(classified) == 3
    assert is_best(classified[0]["keyword"], truth[0])
    wanted = [truth[0][LABELS.index(one["keyword"])] * 100 for one in classified]
    assert [one["confidence"] for one in classified] == pytest.approx(wanted, abs=NEAR * 100)
    routed: dict[str, Any] = client.post("/api/v1/route", files=photo).json()
    assert routed["keyword"] == classified[0]["keyword"]
    assert routed["route"] == ROUTED.get(routed["keyword"], "review")
    told_otherwise = {"options": json.dumps({"keyword": "pot"})}
    answer = client.post("/api/v1/route", files=photo, data=told_otherwise, headers={"Accept": "image/*"})
    cutout, size = opened(answer.content), opened(tested[0].image).size
    assert (answer.headers["x-route"], cutout.mode, cutout.size) == ("step_cutout", "RGBA", size)


def test_a_folder_of_photos_is_sent_where_its_keywords_lead(
    client: httpx.Client, tested: list[Row], truth: list[np.ndarray], home: Path
) -> None:
    folder = home / "photos"
    folder.mkdir()
    for number, row in enumerate(tested):
        (folder / f"{number:02d}.jpg").write_bytes(row.image)
    said = told(gateway_main, "route", folder, "--url", client.base_url, "--out", home / "finished")
    assert f"{len(tested)} routed, 0 there already, 0 failed" in said
    rows = pq.read_table(home / "finished" / "manifest.parquet").to_pylist()
    assert all(is_best(row["keyword"], one) for row, one in zip(rows, truth, strict=True))
    assert [row["route"] for row in rows] == [ROUTED.get(row["keyword"], "review") for row in rows]
    assert all((home / "finished" / row["result"]).is_file() for row in rows if row["result"])
