"""Embedders on the real server: a photo's bytes in, the vector out that transformers gives for the same file."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from tritonclient import grpc
from tritonclient.utils import InferenceServerException

from perf.corpus import photo
from serving.session import Session
from tests.e2e.networks import Networks
from tests.export import towers

pytestmark = pytest.mark.e2e

PIPELINES = {
    "embed_clip": "embed_clip_vit_b_32",
    "embed_dino_v2": "embed_dino_v2_vit_b_14",
    "embed_dino_v3": "embed_dino_v3_vit_l_16",
}


@pytest.fixture(scope="module")
def server(analysing: Session) -> Session:
    return analysing


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
    pipeline: str, size: tuple[int, int], server: Session, networks: Networks
) -> None:
    data = photo(*size, seed=1)
    (found,) = embed(server, pipeline, data)
    wanted = towers.by_transformers(
        networks.checkpoints[PIPELINES[pipeline]], Image.open(io.BytesIO(data)).convert("RGB")
    )
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
