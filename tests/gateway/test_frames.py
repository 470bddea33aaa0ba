"""One frame of a shelf over HTTP."""

import json

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from gateway.errors import PipelineDownError, UnreadablePictureError
from gateway.negotiation import picture_format
from gateway.segmentation.frame_options import Answer, FrameOptions
from imaging.shelf_options import ShelfOptions
from tests.gateway.fakes import FakeInference, hang_up, picture

PATH = "/api/segment_frame"
SEEN = {
    "width": 8,
    "height": 6,
    "counts": {"product": 3},
    "coverage": 0.5,
    "shares": {"product": 1.0},
    "confidence": 0.9,
    "instances": None,
}


@pytest.fixture
def inference() -> FakeInference:
    files = {"overlay": b"the overlay", "mask": b"the mask", "answer": json.dumps(SEEN).encode()}
    return FakeInference(tensors={name: np.array([data], np.object_) for name, data in files.items()})


async def post(client: httpx.AsyncClient, accept: str = "", **fields: str) -> httpx.Response:
    headers = {"Accept": accept} if accept else {}
    return await client.post(PATH, files={"image": ("a.png", picture())}, data=fields, headers=headers)


def asked(inference: FakeInference) -> dict[str, object]:
    found = json.loads(inference.inputs[-1]["options"])
    assert isinstance(found, dict)
    return found


async def test_the_overlay_comes_by_default(client: httpx.AsyncClient, inference: FakeInference) -> None:
    answer = await post(client)
    assert (answer.content, answer.headers["content-type"]) == (b"the overlay", "image/jpeg")
    assert inference.calls == [("segment_shelf", picture())]
    assert asked(inference) == {
        "format": "jpeg",
        "quality": 90,
        "opacity": 0.5,
        "outline": False,
        "mask": "grey",
        "rle": False,
    }


async def test_a_raw_body_takes_its_options_from_the_query(client: httpx.AsyncClient, inference: FakeInference) -> None:
    for kind in ("image/png", "application/octet-stream", "application/x-www-form-urlencoded", ""):
        query = "?opacity=0.25&outline=true&format=webp&quality=7"
        headers = {"Content-Type": kind} if kind else {}
        answer = await client.post(f"{PATH}{query}", content=picture(), headers=headers)
        assert (answer.content, answer.headers["content-type"]) == (b"the overlay", "image/webp"), answer.text
        assert asked(inference) | {"opacity": 0.25, "outline": True, "quality": 7} == asked(inference)


@pytest.mark.parametrize(
    ("output", "media_type", "rle"),
    [("mask", "image/png", False), ("json", "application/json", False), ("rle", "application/json", True)],
)
async def test_other_answers(
    client: httpx.AsyncClient,
    inference: FakeInference,
    output: str,
    media_type: str,
    rle: bool,  # noqa: FBT001 - a test's parameter
) -> None:
    answer = await post(client, output=output)
    assert answer.headers["content-type"].startswith(media_type)
    assert asked(inference)["rle"] is rle
    if output == "mask":
        assert answer.content == b"the mask"
    else:
        assert answer.json() == SEEN


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("image/webp, */*;q=0.1", "image/webp"),
        ("image/webp;q=0.5, image/png", "image/png"),
        ("application/json", "application/json"),
        ("application/json, text/plain, */*", "image/jpeg"),
        ("image/*", "image/jpeg"),
    ],
)
async def test_what_is_accepted_decides_where_nothing_was_asked_for(
    client: httpx.AsyncClient, accept: str, media_type: str
) -> None:
    assert (await post(client, accept)).headers["content-type"] == media_type
    assert (await post(client, accept, output="mask")).headers["content-type"] == "image/png"


def test_a_format_is_found_in_what_is_accepted() -> None:
    kinds = ("jpeg", "png")
    assert picture_format("image/png;q=0, image/jpeg;q=0.1", kinds) == "jpeg"
    assert picture_format("video/png, image/avif", kinds) is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"output": "video"}, "output: Input should be 'overlay', 'mask', 'rle' or 'json'"),
        ({"opacity": "1.5"}, "opacity: Input should be less than or equal to 1"),
        ({"opacity": "nan"}, "opacity: Input should be a finite number"),
        ({"quality": "x", "outline": "perhaps"}, "quality: Input should be a valid integer"),
        ({"colour": "red"}, "unknown field colour; allowed: image, output, network"),
        ({"network": "tall"}, "network: there is no 'tall' served now; there are: default"),
    ],
)
async def test_a_wrong_option_is_named(
    client: httpx.AsyncClient, inference: FakeInference, fields: dict[str, str], said: str
) -> None:
    for answer in (await post(client, **fields), await client.post(PATH, params=fields, content=picture())):
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_option"), answer.text
        assert said in answer.json()["detail"]
    assert not inference.calls


async def test_an_option_stands_in_one_place(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{PATH}?opacity=1", files={"image": picture()}, data={"opacity": "1"})
    assert answer.json()["detail"] == "opacity: in the form and in the query"


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "unreadable_picture"), (b"text", "unsupported_type"), (bytes(26_000_000), "too_large")]
)
async def test_what_is_no_picture_is_refused(client: httpx.AsyncClient, content: bytes, code: str) -> None:
    raw = await client.post(PATH, content=content, headers={"Content-Type": "image/jpeg"})
    form = await client.post(PATH, files={"image": content})
    assert [raw.json()["code"], form.json()["code"]] == [code, code]


async def test_what_the_step_says_reaches_the_client(client: httpx.AsyncClient, inference: FakeInference) -> None:
    inference.failure = UnreadablePictureError("the picture is truncated")
    answer = await post(client)
    assert (answer.status_code, answer.json()["code"]) == (422, "photo_refused")
    assert answer.json()["detail"] == "the picture is truncated"
    inference.failure = PipelineDownError("segment_shelf does not answer", retry_after_s=2)
    answer = await post(client)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_a_client_that_hangs_up_cancels_its_frame(
    app: FastAPI, client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.delay_s = 30
    assert await hang_up(app, client, inference, PATH, {"image": picture()}) == 499
    assert (inference.cancelled, inference.running) == (1, 0)


@pytest.mark.parametrize("output", ["overlay", "mask", "rle", "json"])
def test_the_step_takes_what_it_is_told(output: Answer) -> None:
    told = FrameOptions(output=output, format="webp", quality=1, opacity=0, outline=True, mask="palette").document()
    taken = ShelfOptions.model_validate_json(told)
    assert (taken.rle, taken.format, taken.opacity) == (output == "rle", "webp", 0)
    assert set(json.loads(told)) == set(ShelfOptions.model_fields)
    defaults = ShelfOptions.model_validate_json(FrameOptions().document())
    assert defaults == ShelfOptions()
