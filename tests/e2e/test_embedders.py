"""Embedders on the real server: a photo's bytes in, the vector out that transformers gives for the same file."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tritonclient import grpc
from tritonclient.utils import InferenceServerException

from export.exporter import export
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import ROLES, EmbedderRole
from perf.corpus import photo
from serving.session import Session, running
from tests.e2e.conftest import QUICK
from tests.export import towers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = {
    "embed_clip": "embed_clip_vit_b_32",
    "embed_dino_v2": "embed_dino_v2_vit_b_14",
    "embed_dino_v3": "embed_dino_v3_vit_l_16",
}
MAKE: dict[str, Callable[..., Path]] = {
    "embed_clip": towers.make_clip,
    "embed_dino_v2": towers.make_dino_v2,
    "embed_dino_v3": towers.make_dino_v3,
}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Random weights of the families' real shapes at their ends, two layers deep."""
    folder = tmp_path_factory.mktemp("checkpoints")
    made = {}
    for pipeline, network in PIPELINES.items():
        role = ROLES[network]
        assert isinstance(role, EmbedderRole)
        made[pipeline] = MAKE[pipeline](folder / pipeline, role.size, role.width)
    return made


@pytest.fixture(scope="module")
def server(checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The project's own repositories with the three networks exported into a copy."""
    copy = tmp_path_factory.mktemp("repository")
    for name in ("decode", *PIPELINES.values()):
        shutil.copytree(ROOT / "model_repository" / name, copy / name)
    with quiet_libraries():
        for pipeline, network in PIPELINES.items():
            export(ROLES[network], str(checkpoints[pipeline]), Options(copy, licence="MIT"))
    repositories = {"SERVING_MODEL_REPOSITORIES": f"{copy},{ROOT / 'ensembles'}"}
    with running(QUICK | repositories) as session:
        yield session


def embed(server: Session, pipeline: str, *files: bytes) -> np.ndarray:
    tensor = grpc.InferInput("image", [len(files), 1], "BYTES")
    tensor.set_data_from_numpy(np.array(files, np.object_)[:, None])
    with grpc.InferenceServerClient(server.grpc_url) as client:
        answer = client.infer(pipeline, [tensor])
    vectors, unit = answer.as_numpy("embedding"), answer.as_numpy("normalized")
    assert unit == pytest.approx(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), abs=1e-5)
    return np.asarray(vectors)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("size", [(400, 300), (301, 500), (2400, 1800)], ids=str)
def test_a_photo_has_the_vector_that_transformers_gives(
    pipeline: str, size: tuple[int, int], server: Session, checkpoints: dict[str, Path]
) -> None:
    data = photo(*size, seed=1)
    (found,) = embed(server, pipeline, data)
    wanted = towers.by_transformers(checkpoints[pipeline], Image.open(io.BytesIO(data)).convert("RGB"))
    assert cosine(found, wanted) > 0.999


def test_pictures_of_one_request_answer_in_order(server: Session) -> None:
    files = [photo(320, 240, 1), photo(200, 500, 2)]
    together = embed(server, "embed_clip", *files)
    alone = [embed(server, "embed_clip", file)[0] for file in files]
    assert together == pytest.approx(np.stack(alone), abs=1e-4)
    assert cosine(alone[0], alone[1]) < 0.9999


def test_a_broken_picture_is_the_callers_error(server: Session) -> None:
    with pytest.raises(InferenceServerException, match="truncated") as caught:
        embed(server, "embed_clip", photo(320, 240, 1)[:2000])
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"
