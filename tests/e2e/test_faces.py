"""Faces on the real server, with the real weights: a photo's bytes in, the boxes of facenet-pytorch's MTCNN out."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tritonclient import grpc
from tritonclient.utils import InferenceServerException

from serving.session import Session
from tests.faces import photographs

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
ANSWERS: dict[str, Any] = json.loads((ROOT / "tests" / "faces" / "answers.json").read_text())["pictures"]
OUTPUTS = ("boxes", "scores", "landmarks", "count")


@pytest.fixture(scope="module")
def server(analysing: Session) -> Session:
    return analysing


def infer(server: Session, model: str, **arrays: np.ndarray) -> dict[str, np.ndarray]:
    types = {"object": "BYTES", "uint8": "UINT8", "int32": "INT32"}
    inputs = [grpc.InferInput(name, values.shape, types[values.dtype.name]) for name, values in arrays.items()]
    for tensor, values in zip(inputs, arrays.values(), strict=True):
        tensor.set_data_from_numpy(values)
    with grpc.InferenceServerClient(server.grpc_url) as client:
        answer = client.infer(model, inputs)
    return {name: answer.as_numpy(name) for name in OUTPUTS}


def detect(server: Session, *files: bytes) -> dict[str, np.ndarray]:
    return infer(server, "detect_face", image=np.array(files, np.object_)[:, None])


def png(name: str) -> bytes:
    target = io.BytesIO()
    Image.fromarray(photographs.pixels(name)).save(target, "PNG", compress_level=1)
    return target.getvalue()


def assert_found(found: dict[str, np.ndarray], number: int, name: str) -> None:
    """Picture `number` of an answer has the faces of the picture of that name, and zeros after them."""
    wanted = ANSWERS[name]
    count = len(wanted["scores"])
    assert found["count"][number].tolist() == [count]
    assert found["boxes"][number, :count] == pytest.approx(np.reshape(wanted["boxes"], (-1, 4)), abs=0.02)
    assert found["scores"][number, :count] == pytest.approx(np.array(wanted["scores"]), abs=1e-4)
    assert found["landmarks"][number, :count] == pytest.approx(np.reshape(wanted["landmarks"], (-1, 5, 2)), abs=0.02)
    assert not any(found[output][number, count:].any() for output in OUTPUTS[:3])


def test_a_jpeg_has_the_boxes_that_the_original_finds(server: Session) -> None:
    assert_found(detect(server, photographs.jpeg()), 0, "jpeg")


@pytest.mark.parametrize("name", ["several", "crowd", "coffee", "grey"])
def test_pictures_of_many_faces_and_none(name: str, server: Session) -> None:
    found = detect(server, png(name))
    assert found["boxes"].shape == (1, len(ANSWERS[name]["scores"]), 4)
    assert_found(found, 0, name)


def test_pictures_of_different_sizes_in_one_request(server: Session) -> None:
    names = ("several", "small", "rocket", "astronaut")
    found = detect(server, *map(png, names))
    for number, name in enumerate(names):
        assert_found(found, number, name)


def test_requests_at_the_same_time_each_get_their_own_faces(server: Session) -> None:
    names = ("astronaut", "odd", "small", "mirrored", "noise", "least") * 2
    with ThreadPoolExecutor(len(names)) as pool:
        for name, found in zip(names, pool.map(lambda name: detect(server, png(name)), names), strict=True):
            assert_found(found, 0, name)


def test_a_region_is_searched_as_if_it_were_the_picture(server: Session) -> None:
    pixels = photographs.pixels("astronaut")[None]
    size, region = np.array([pixels.shape[1:3]], np.int32), np.array([photographs.REGION], np.int32)
    found = infer(server, "face_detector", full=pixels, size=size, region=region)
    x, y = photographs.REGION[:2]
    assert_found(
        found | {"boxes": found["boxes"] - [x, y, x, y], "landmarks": found["landmarks"] - [x, y]}, 0, "region"
    )


def test_broken_pictures_and_unsound_regions_fail_alone(server: Session) -> None:
    pixels = photographs.pixels("small")[None]
    size, region = np.array([pixels.shape[1:3]], np.int32), np.array([[0, 0, 129, 50]], np.int32)
    with ThreadPoolExecutor(4) as pool:
        good = pool.submit(detect, server, png("small"))
        broken = pool.submit(detect, server, png("small")[:2000])
        unsound = pool.submit(infer, server, "face_detector", full=pixels, size=size, region=region)
        assert_found(good.result(), 0, "small")
    for failed, text in (
        (broken, "truncated"),
        (unsound, "region 0, 0, 129, 50 .* is no part of a picture of 128 x 128"),
    ):
        with pytest.raises(InferenceServerException, match=text) as caught:
            failed.result()
        assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"
