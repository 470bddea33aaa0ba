"""Captions on the real server: a photo's bytes in, the words out that `generate()` of transformers finds for them."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tritonclient import grpc
from tritonclient.utils import InferenceServerException

from perf.corpus import photo
from serving.session import Session
from tests.e2e.networks import CAPTIONER, Networks
from tests.export import captioning

pytestmark = pytest.mark.e2e

PHOTOS = [photo(320, 240, 1), photo(200, 500, 2)]
LENGTH = 20


@pytest.fixture(scope="module")
def checkpoint(networks: Networks) -> Path:
    return networks.checkpoints[CAPTIONER]


@pytest.fixture(scope="module")
def server(analysing: Session) -> Session:
    return analysing


def describe(server: Session, *files: bytes, **options: object) -> tuple[list[str], list[int]]:
    """Caption and number of tokens of each file."""
    inputs = [grpc.InferInput("image", [len(files), 1], "BYTES")]
    inputs[0].set_data_from_numpy(np.array(files, np.object_)[:, None])
    if options:
        inputs.append(grpc.InferInput("options", [len(files), 1], "BYTES"))
        inputs[1].set_data_from_numpy(np.array([json.dumps(options).encode()] * len(files), np.object_)[:, None])
    with grpc.InferenceServerClient(server.grpc_url) as client:
        answer = client.infer("describe", inputs)
    words = [text.decode() for text in answer.as_numpy("caption")[:, 0]]
    return words, answer.as_numpy("tokens")[:, 0].tolist()


def wanted(checkpoint: Path, *files: bytes, **asked: object) -> tuple[list[str], list[int]]:
    pictures = [Image.open(io.BytesIO(file)).convert("RGB") for file in files]
    rows = captioning.by_transformers(checkpoint, pictures, **asked)
    return [captioning.written(checkpoint, row) for row in rows], [len(row) - 1 for row in rows]


@pytest.mark.parametrize("beams", [1, 3])
def test_photos_of_one_request_are_described_as_transformers_does(
    beams: int, server: Session, checkpoint: Path
) -> None:
    found = describe(server, *PHOTOS, num_beams=beams, max_length=LENGTH)
    assert found == wanted(checkpoint, *PHOTOS, num_beams=beams, max_length=LENGTH)
    (one, other), lengths = found
    assert one != other
    assert min(lengths) < max(lengths) <= LENGTH - 1


def test_a_photo_alone_without_options_is_read_to_fifty_tokens_or_the_networks_limit(
    server: Session, checkpoint: Path
) -> None:
    assert describe(server, PHOTOS[1]) == wanted(checkpoint, PHOTOS[1], max_length=captioning.LIMIT)


@pytest.mark.parametrize("length", [2, 5])
def test_a_caption_ends_at_its_greatest_length(length: int, server: Session, checkpoint: Path) -> None:
    words, tokens = describe(server, PHOTOS[0], max_length=length)
    assert (words, tokens) == wanted(checkpoint, PHOTOS[0], max_length=length)
    assert tokens == [length - 1]


def test_a_prompt_is_continued_as_transformers_does(server: Session, checkpoint: Path) -> None:
    asked = {"prompt": "a d word3", "max_length": LENGTH}
    (words,), _ = describe(server, PHOTOS[0], **asked)
    assert [words] == wanted(checkpoint, PHOTOS[0], **asked)[0]
    assert words.startswith("a d word3")


def test_requests_with_different_options_at_once_get_what_each_would_alone(server: Session) -> None:
    asked = [{"num_beams": beams, "max_length": length} for beams in (1, 2, 3) for length in (6, 12)]
    alone = [describe(server, PHOTOS[0], **options) for options in asked]
    with ThreadPoolExecutor(len(asked)) as pool:
        together = list(pool.map(lambda options: describe(server, PHOTOS[0], **options), asked))
    assert together == alone


@pytest.mark.parametrize(
    ("options", "words"),
    [({"beams": 2}, "unknown field 'beams'"), ({"max_length": 99}, "max_length must be an integer from 1 to 40")],
)
def test_bad_options_are_the_callers_error(options: dict[str, object], words: str, server: Session) -> None:
    with pytest.raises(InferenceServerException, match=words) as caught:
        describe(server, PHOTOS[0], **options)
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"


def test_a_broken_picture_is_the_callers_error(server: Session) -> None:
    with pytest.raises(InferenceServerException, match="truncated") as caught:
        describe(server, PHOTOS[0][:2000])
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"
