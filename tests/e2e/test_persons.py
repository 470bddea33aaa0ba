"""Persons on the real server: a photo's bytes in, the boxes out that transformers finds in the same file."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tritonclient import grpc
from tritonclient.utils import InferenceServerException

from imaging.detections import THRESHOLD
from perf.corpus import photo
from serving.session import Session
from tests.e2e.networks import PERSON, Networks
from tests.export import people

pytestmark = pytest.mark.e2e

PIPELINE = "detect_person"
Found = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def checkpoint(networks: Networks) -> Path:
    """Random weights of RT-DETR v2 at the contract's size; it knows persons only, so that no other class hides one."""
    return networks.checkpoints[PERSON]


@pytest.fixture(scope="module")
def server(analysing: Session) -> Session:
    return analysing


def detect(server: Session, *files: bytes) -> list[Found]:
    """Boxes [n, 4] and scores [n] of every picture of one request, without what it was filled up with."""
    tensor = grpc.InferInput("image", [len(files), 1], "BYTES")
    tensor.set_data_from_numpy(np.array(files, np.object_)[:, None])
    with grpc.InferenceServerClient(server.grpc_url) as client:
        answer = client.infer(PIPELINE, [tensor])
    boxes, scores, counts = (answer.as_numpy(name) for name in ("boxes", "scores", "count"))
    assert max(counts[:, 0]) == boxes.shape[1] == scores.shape[1]
    assert all(not boxes[index, count:].any() for index, (count,) in enumerate(counts))
    return [(boxes[index, :count], scores[index, :count]) for index, (count,) in enumerate(counts)]


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def share_matched(found: Found, wanted: Found) -> float:
    """How many of the one's boxes are within 2 pixels and a thousandth of the score of one of the other's."""
    apart = np.abs(found[0][:, None] - wanted[0][None]).max(axis=2)
    alike = (apart <= 2) & (np.abs(found[1][:, None] - wanted[1][None]) <= 1e-3)
    return float(alike.any(axis=1).mean())


@pytest.mark.parametrize("size", [(400, 300), (301, 500), (1800, 1200)], ids=str)
def test_a_photo_has_the_persons_that_transformers_finds(
    size: tuple[int, int], server: Session, checkpoint: Path
) -> None:
    data = photo(*size, seed=1)
    (found,) = detect(server, data)
    boxes, scores = people.by_transformers(checkpoint, opened(data), THRESHOLD)
    wanted = (np.clip(boxes, 0, np.array(size * 2, np.float32)), scores)
    assert 5 <= len(scores) <= 300
    assert abs(len(found[1]) - len(scores)) <= 2
    # Of 8400 places the best 300 are looked at; which is the last of them may be a matter of the last digit.
    assert share_matched(found, wanted) >= 0.99
    assert share_matched(wanted, found) >= 0.99
    assert found[1][0] == pytest.approx(scores[0], abs=1e-3)
    assert (np.diff(found[1]) <= 0).all()
    assert np.ptp(scores) > 0.05


def test_pictures_of_different_sizes_in_one_request_answer_as_they_do_alone(server: Session) -> None:
    files = [photo(320, 240, 1), photo(200, 500, 2)]
    for together, data in zip(detect(server, *files), files, strict=True):
        (alone,) = detect(server, data)
        assert share_matched(together, alone) >= 0.99
        assert share_matched(alone, together) >= 0.99


def test_a_broken_picture_fails_alone(server: Session) -> None:
    good = photo(320, 240, 1)
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(detect, server, data) for data in (good, good[:2000], good)]
        with pytest.raises(InferenceServerException, match="truncated") as caught:
            waiting[1].result()
        first, last = (waiting[index].result()[0] for index in (0, 2))
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"
    assert share_matched(first, last) >= 0.99
