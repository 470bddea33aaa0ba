"""The keyword classifier on the real server: exported, asked by plain clients and over REST, rolled back, refused."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from tritonclient import grpc
from tritonclient.utils import InferenceServerException

from export.exporter import export
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import ROLES, KeywordRole
from perf.corpus import photo
from serving.session import Session, running
from tests.e2e.conftest import CONTROL_KEY
from tests.e2e.gateways import gateway, pictures_served, wait_until
from tests.e2e.repositories import NETWORK, copied, settings
from tests.export.keyword_checkpoints import LABELS, by_transformers, make_classifier

pytestmark = pytest.mark.e2e

PIPELINE = "classify_keywords"
OTHER_LABELS = ("whisk", "saucepan", "oven-tray")
SIZES = [(400, 300), (301, 500), (1600, 1200)]


def exported(folder: Path, models: Path, labels: tuple[str, ...], seed: int) -> Path:
    """One more version of the network; its checkpoint."""
    role = ROLES[NETWORK]
    assert isinstance(role, KeywordRole)
    checkpoint = make_classifier(folder, labels=labels, side=role.size, seed=seed)
    with quiet_libraries():
        export(role, str(checkpoint), Options(models, licence="MIT"))
    return checkpoint


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The steps and the pipeline; the classifier's versions are a test's to make."""
    return copied(tmp_path_factory.mktemp("keywords"), ("decode", "keywords", NETWORK), (PIPELINE,))


@pytest.fixture(scope="module")
def checkpoint(repository: Path) -> Path:
    return exported(repository / "checkpoint", repository / "models", LABELS, seed=3)


@pytest.fixture(scope="module")
def server(repository: Path, checkpoint: Path) -> Iterator[Session]:
    assert checkpoint.is_dir(), "exported before"
    with running(settings(repository)) as session:
        yield session


@pytest.fixture(scope="module")
def client(server: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    variables = {
        "GATEWAY_TRITON_URL": server.grpc_url,
        "GATEWAY_STORE_URL": str(tmp_path_factory.mktemp("store")),
        "GATEWAY_FETCH_ALLOWED_NETWORKS": "127.0.0.0/8",
    }
    with gateway(variables) as (client, _):
        wait_until(lambda: client.get("/api/v1/health").status_code == 200)
        yield client


@pytest.fixture(scope="module")
def pictures() -> Iterator[str]:
    with pictures_served(lambda path: photo(320, 240, 1) if path == "/1.jpg" else None) as address:
        yield address


def infer(server: Session, *files: bytes, classes: int = 0) -> Callable[[str], np.ndarray]:
    """The pipeline's outputs by name; with `classes` the probabilities through the classification extension."""
    tensor = grpc.InferInput("image", [len(files), 1], "BYTES")
    tensor.set_data_from_numpy(np.array(files, np.object_)[:, None])
    outputs = [grpc.InferRequestedOutput("probabilities", class_count=classes)] if classes else None
    with grpc.InferenceServerClient(server.grpc_url) as client:
        answer = client.infer(PIPELINE, [tensor], outputs=outputs)
    return lambda name: np.asarray(answer.as_numpy(name))


def truth(checkpoint: Path, data: bytes) -> np.ndarray:
    return by_transformers(checkpoint, Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_photo_has_the_probabilities_that_transformers_gives(
    size: tuple[int, int], server: Session, checkpoint: Path
) -> None:
    data = photo(*size, seed=1)
    answer, wanted = infer(server, data), truth(checkpoint, data)
    assert answer("probabilities")[0] == pytest.approx(wanted, abs=0.02)  # pixels of a reduced JPEG differ by a level
    order = np.argsort(-wanted)
    assert [one.decode() for one in answer("keywords")[0]] == [LABELS[place] for place in order]
    assert answer("confidences")[0] == pytest.approx(answer("probabilities")[0][order])


def test_pictures_of_one_request_answer_in_order(server: Session) -> None:
    files = [photo(320, 240, 1), photo(200, 500, 2), photo(240, 240, 5)]
    together = infer(server, *files)
    for row, file in enumerate(files):
        alone = infer(server, file)
        assert together("probabilities")[row] == pytest.approx(alone("probabilities")[0], abs=1e-5)
        assert together("keywords")[row].tolist() == alone("keywords")[0].tolist()


def best(wanted: np.ndarray, labels: tuple[str, ...], count: int) -> list[str]:
    return [f"{place}:{labels[place]}" for place in np.argsort(-wanted)[:count]]


def test_the_classification_extension_names_the_labels_of_the_pipeline(server: Session, checkpoint: Path) -> None:
    files = [photo(320, 240, 1), photo(200, 500, 2)]
    rows = infer(server, *files, classes=3)("probabilities")
    for row, file in zip(rows, files, strict=True):
        found = [one.decode().partition(":") for one in row]
        wanted = truth(checkpoint, file)
        assert [rest for _, _, rest in found] == best(wanted, LABELS, 3)
        assert [float(value) for value, _, _ in found] == pytest.approx(sorted(wanted)[::-1][:3], abs=0.02)


def test_the_classification_extension_names_the_labels_of_the_network_over_http(server: Session) -> None:
    pixels = np.asarray(Image.open(io.BytesIO(photo(300, 300, 1))).convert("RGB").resize((224, 224)))
    request = {
        "inputs": [{"name": "pixels", "shape": [1, 224, 224, 3], "datatype": "UINT8", "data": pixels.ravel().tolist()}],
        "outputs": [
            {"name": "probabilities", "parameters": {"classification": 3}},
            {"name": "labels", "parameters": {"binary_data": False}},
        ],
    }
    answer = httpx.post(f"{server.http_url}/v2/models/{NETWORK}/infer", json=request, timeout=60).json()
    found = {output["name"]: output["data"] for output in answer["outputs"]}
    named, labels = found["probabilities"], found["labels"]
    assert bytes(labels).decode().splitlines() == list(LABELS)
    assert all(LABELS[int(place)] == label for _, place, label in (one.split(":") for one in named))
    assert len(named) == 3


def test_a_broken_picture_is_the_callers_error(server: Session) -> None:
    with pytest.raises(InferenceServerException, match="truncated") as caught:
        infer(server, photo(320, 240, 1)[:2000])
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"


def test_the_answer_has_the_shape_of_the_recipe_classifier(
    client: httpx.Client, pictures: str, checkpoint: Path
) -> None:
    data = photo(320, 240, 1)
    uploaded = client.post("/api/v1/predict", files={"file": ("photo.jpg", data)})
    assert uploaded.status_code == 200, uploaded.text
    wanted = truth(checkpoint, data)
    order = np.argsort(-wanted)[:3]
    assert [list(one) for one in uploaded.json()] == [["keyword", "confidence"]] * 3
    assert [one["keyword"] for one in uploaded.json()] == [LABELS[place] for place in order]
    assert [one["confidence"] for one in uploaded.json()] == pytest.approx(wanted[order] * 100, abs=2)
    for query in (f"{pictures}/1.jpg?w=1&h=2", f"image_url={pictures}/1.jpg"):
        assert client.post(f"/api/v1/classify?{query}").json() == uploaded.json()


def test_a_broken_picture_in_a_batch_touches_no_other(client: httpx.Client, pictures: str) -> None:
    whole = photo(320, 240, 1)
    files = [("file", ("a.jpg", whole)), ("file", ("b.jpg", whole[:2000])), ("file", ("c.jpg", b"no picture"))]
    answer = client.post("/api/v1/predict_batch", files=[*files, ("file", ("d.jpg", whole))], data={"top_k": "2"})
    found = {line["filename"]: line for line in map(json.loads, answer.text.splitlines())}
    assert found["a.jpg"]["keywords"] == found["d.jpg"]["keywords"]
    assert len(found["a.jpg"]["keywords"]) == 2
    assert [found[name]["code"] for name in ("b.jpg", "c.jpg")] == ["unreadable_picture", "unsupported_type"]
    by_url = client.post(
        "/api/v1/predict_batch", json={"image_urls": [f"{pictures}/2.jpg", f"{pictures}/1.jpg"], "top_k": 2}
    )
    lines = {line["index"]: line for line in map(json.loads, by_url.text.splitlines())}
    assert lines[0]["code"] == "source_not_found"
    assert lines[1]["keywords"] == found["a.jpg"]["keywords"]


def named(server: Session, data: bytes) -> tuple[list[str], list[str]]:
    """The three best labels by the extension, and by the pipeline's own step."""
    extended = [one.decode().split(":")[2] for one in infer(server, data, classes=3)("probabilities")[0]]
    return extended, [one.decode() for one in infer(server, data)("keywords")[0][:3]]


def test_another_version_brings_its_labels_and_takes_them_away_again(repository: Path, checkpoint: Path) -> None:
    data, models = photo(320, 240, 1), repository / "models"
    first = [LABELS[place] for place in np.argsort(-truth(checkpoint, data))[:3]]
    with running(settings(repository)) as server:
        assert named(server, data) == (first, first)
        other = exported(repository / "other", models, OTHER_LABELS, seed=4)
        second = [OTHER_LABELS[place] for place in np.argsort(-truth(other, data))[:3]]
        assert named(server, data)[1] == first, "an exported version that is not loaded yet names nothing"
        key = {"darkroom-key": CONTROL_KEY}
        url = f"{server.http_url}/v2/repository/models/{NETWORK}/load"
        assert httpx.post(url, headers=key, timeout=60).status_code == 200
        assert named(server, data) == (second, second)
    shutil.rmtree(models / NETWORK / "2")
    with running(settings(repository)) as server:
        assert named(server, data) == (first, first)
        assert (models / NETWORK / "labels.txt").read_text().splitlines() == list(LABELS)


@pytest.mark.usefixtures("checkpoint")
def test_labels_that_are_not_the_networks_are_refused_at_start(repository: Path) -> None:
    labels = repository / "models" / NETWORK / "1" / "labels.txt"
    whole = labels.read_text()
    labels.write_text("oven-tray\n")
    try:
        with running(settings(repository)) as server:
            line = server.wait_for(NETWORK)
            assert "labels.txt with 1 labels that are not the 4 of its model.json" in line
    finally:
        labels.write_text(whole)
