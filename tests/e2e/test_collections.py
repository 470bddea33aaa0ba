"""Collections on the real server: trained, published, asked, published again and deleted while it serves."""

from __future__ import annotations

import asyncio
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tritonclient import grpc
from tritonclient.utils import InferenceServerException

from export.exporter import export
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import ROLES, EmbedderRole
from perf.corpus import photo
from serving import canary
from serving.session import Session, running
from tests.e2e.conftest import QUICK
from tests.e2e.processes import wait_until
from tests.export import towers
from tests.training.collection_data import entries, write_source
from training.heads.head import Head, read
from training.heads.run import Plan, run
from training.heads.samples import parse_samples
from training.heads.source import Limits, open_source
from training.heads.split import split

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
NETWORK = "embed_clip_vit_b_32"
WIDTH = 512
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The steps and a CLIP of random weights, two layers deep; no collection."""
    folder = tmp_path_factory.mktemp("collections")
    role = ROLES[NETWORK]
    assert isinstance(role, EmbedderRole)
    for name in ("decode", "collections", NETWORK):
        shutil.copytree(
            ROOT / "model_repository" / name, folder / "models" / name, ignore=shutil.ignore_patterns("heads")
        )
    config = folder / "models" / "collections" / "config.pbtxt"
    seldom = 'key: "check_seconds" value { string_value: "1" }'
    assert seldom in config.read_text()
    config.write_text(config.read_text().replace(seldom, seldom.replace('"1"', '"0.02"')))
    for name in ("embed_clip", "classify_collection"):
        shutil.copytree(ROOT / "ensembles" / name, folder / "pipelines" / name)
    with quiet_libraries():
        checkpoint = towers.make_clip(folder / "clip", role.size, role.width)
        export(role, str(checkpoint), Options(folder / "models", licence="MIT"))
    return folder


@pytest.fixture(scope="module")
def server(repository: Path) -> Iterator[Session]:
    with running(QUICK | {"SERVING_MODEL_REPOSITORIES": f"{repository}/models,{repository}/pipelines"}) as session:
        yield session


@pytest.fixture
def heads(repository: Path) -> Iterator[Path]:
    """Where the server looks; empty again after the test."""
    folder = repository / "models" / "collections" / "heads"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def train(folder: Path, heads: Path, seeds: dict[int, int], day: int = 0) -> None:
    """Train collection -> seed of its data, and publish."""
    data = {number: entries(90, seed=seed, width=WIDTH, shift=0.2) for number, seed in seeds.items()}
    source = open_source(str(write_source(folder / f"source-{day}", data)), Limits())
    run(source, Plan(folder / "output", heads), "there", NOON + timedelta(days=day))


def ask(server: Session, vectors: np.ndarray, *collections: int, outputs: tuple[str, ...] = ()) -> dict[str, Any]:
    inputs = [grpc.InferInput("embedding", list(vectors.shape), "FP32")]
    inputs[0].set_data_from_numpy(vectors.astype(np.float32))
    inputs.append(_numbers(collections))
    wanted = outputs or ("probability", "member", "version")
    with grpc.InferenceServerClient(server.grpc_url) as client:
        answer = client.infer("collections", inputs, outputs=[grpc.InferRequestedOutput(name) for name in wanted])
    return {name: answer.as_numpy(name) for name in wanted}


def _numbers(collections: tuple[int, ...]) -> grpc.InferInput:
    tensor = grpc.InferInput("collection", [len(collections), 1], "INT32")
    tensor.set_data_from_numpy(np.array(collections, np.int32)[:, None])
    return tensor


def served_version(server: Session, number: int) -> str:
    """The version that answers for the collection; empty when there is none."""
    try:
        return str(ask(server, np.zeros((1, WIDTH)), number)["version"][0, 0].decode())
    except InferenceServerException as error:
        if error.status() != "StatusCode.NOT_FOUND":
            raise
        return ""


def vectors(count: int) -> np.ndarray:
    return np.random.default_rng(9).normal(size=(count, WIDTH)).astype(np.float32)


def test_a_published_head_answers_as_scikit_learn_does(server: Session, heads: Path, tmp_path: Path) -> None:
    train(tmp_path, heads, {7: 1})
    wait_until(lambda: served_version(server, 7) != "")
    data = entries(90, seed=1, width=WIDTH, shift=0.2)
    older = split(parse_samples(data, "there"), 0.2, 10).training
    model = LogisticRegression(C=0.1, class_weight="balanced", solver="liblinear", random_state=1)
    model.fit(older.vectors.astype(np.float64), older.labels)
    found = ask(server, vectors(5), 7, 7, 7, 7, 7)
    wanted = model.predict_proba(vectors(5).astype(np.float64))[:, 1]
    assert found["probability"][:, 0] == pytest.approx(wanted, abs=1e-6)
    assert found["member"].tolist() == [[bool(one)] for one in wanted >= 0.5]
    (card,) = json.loads(ask(server, np.zeros((1, 1)), 0, outputs=("available",))["available"][0, 0])
    assert (card["collection"], card["name"], card["version"]) == (7, "name of 7", served_version(server, 7))
    assert card["metrics"]["samples"] == 18


def test_a_running_server_notices_new_versions_and_deleted_heads(server: Session, heads: Path, tmp_path: Path) -> None:
    train(tmp_path, heads, {7: 1, 8: 2})
    wait_until(lambda: served_version(server, 7) != "")
    old = served_version(server, 7)
    before = ask(server, vectors(1), 7)["probability"]
    train(tmp_path / "again", heads, {7: 3}, day=1)
    wait_until(lambda: served_version(server, 7) not in ("", old))
    after = ask(server, vectors(1), 7)["probability"]
    assert after[:, 0] == pytest.approx(read(heads / "7" / "head.json").probabilities(vectors(1)), abs=1e-6)
    assert abs(float(after[0, 0]) - float(before[0, 0])) > 1e-3
    shutil.rmtree(heads / "7")
    wait_until(lambda: served_version(server, 7) == "")
    assert served_version(server, 8) != ""


def test_a_broken_new_head_leaves_the_old_one_serving_and_is_logged_once(
    server: Session, heads: Path, tmp_path: Path
) -> None:
    train(tmp_path, heads, {7: 1})
    wait_until(lambda: served_version(server, 7) != "")
    version, lines = served_version(server, 7), len(server.lines)
    (heads / "7" / "head.json").write_text("{")
    wait_until(lambda: served_version(server, 7) == version and _complaints(server, lines) > 0)
    assert [served_version(server, 7) for _ in range(30)] == [version] * 30
    assert _complaints(server, lines) == 1
    train(tmp_path / "again", heads, {7: 3}, day=1)
    wait_until(lambda: served_version(server, 7) not in ("", version))


def _complaints(server: Session, after: int) -> int:
    return sum("collection 7" in line and "still served" in line for line in server.lines[after:])


def test_bad_requests_fail_alone_among_many(server: Session, heads: Path, tmp_path: Path) -> None:
    train(tmp_path, heads, {7: 1, 8: 2})
    wait_until(lambda: served_version(server, 8) != "")
    known: dict[int, Head] = {number: read(heads / str(number) / "head.json") for number in (7, 8)}

    def one(turn: int) -> str:
        number, width = (7, 8, 99, 7)[turn % 4], WIDTH if turn % 4 < 3 else 3
        vector = np.random.default_rng(turn).normal(size=(1, width)).astype(np.float32)
        try:
            found = ask(server, vector, number)
        except InferenceServerException as error:
            return f"{error.status()} {error.message()}"
        assert found["probability"][:, 0] == pytest.approx(known[number].probabilities(vector), abs=1e-6)
        return "answered"

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(one, range(64)))
    assert [answers[turn] for turn in range(64) if turn % 4 < 2] == ["answered"] * 32
    assert all("NOT_FOUND" in one and "not found for collection_id 99: there are 7, 8" in one for one in answers[2::4])
    assert all("INVALID_ARGUMENT" in one and "has 3 numbers" in one for one in answers[3::4])


def test_a_picture_is_classified_as_its_vector_is(server: Session, heads: Path, tmp_path: Path) -> None:
    train(tmp_path, heads, {7: 1})
    wait_until(lambda: served_version(server, 7) != "")
    image = grpc.InferInput("image", [2, 1], "BYTES")
    image.set_data_from_numpy(np.array([[photo(320, 240, 1)], [photo(200, 300, 2)]], np.object_))
    with grpc.InferenceServerClient(server.grpc_url) as client:
        embedding = client.infer("embed_clip", [image]).as_numpy("embedding")
        found = client.infer("classify_collection", [image, _numbers((7, 7))]).as_numpy("probability")
        with pytest.raises(InferenceServerException, match="Classifier not found for collection_id 9") as caught:
            client.infer("classify_collection", [image, _numbers((7, 9))])
    assert caught.value.status() == "StatusCode.NOT_FOUND"
    assert found[:, 0] == pytest.approx(read(heads / "7" / "head.json").probabilities(embedding), abs=1e-5)


def test_the_canary_finds_the_pipeline_well_without_any_collection(server: Session) -> None:
    async def look() -> list[canary.CanaryResult]:
        async with canary.connect(server.grpc_url) as client:
            return await canary.probe(client, ["classify_collection", "no_such_pipeline"], 30)

    well, missing = asyncio.run(look())
    assert (well.ok, well.reason) == (True, "")
    assert not missing.ok
