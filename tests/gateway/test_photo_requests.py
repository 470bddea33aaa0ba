"""What a request for a photo may look like, what is refused, and what is told beside the photo."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from obstore.store import LocalStore

from gateway import errors
from gateway.app import create_app
from gateway.settings import Settings
from imaging.product_options import Encode
from tests.gateway.conftest import PHOTO_URL
from tests.gateway.fakes import FakeFetcher, FakeInference, client_of, hang_up, picture
from tests.gateway.photos import ROUTES, answered, file, post, sent, settings_in, studio


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def inference() -> FakeInference:
    return studio()


@ROUTES
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", (422, "unreadable_picture")),
        (picture()[:20], (422, "unreadable_picture")),
        (b"<html></html>", (415, "unsupported_type")),
        (bytes(100_001), (413, "too_large")),
        (bytes(300_000), (413, "too_large")),
        (picture(101, 100), (422, "too_many_pixels")),
    ],
)
async def test_a_file_that_is_no_picture_gets_its_error(
    client: httpx.AsyncClient, inference: FakeInference, path: str, data: bytes, expected: tuple[int, str]
) -> None:
    answer = await post(client, path, data)
    assert (answer.status_code, answer.json()["code"]) == expected
    assert not inference.calls


@ROUTES
@pytest.mark.parametrize(
    "files",
    [
        {"padding": (None, "0.1")},
        {"image_url": (None, "")},
        {"image": ("a.png", picture()), "image_url": (None, PHOTO_URL)},
        {"image": ("a.png", picture()), "other": ("b.png", picture())},
    ],
)
async def test_a_form_holds_exactly_one_picture(
    client: httpx.AsyncClient, inference: FakeInference, path: str, files: dict[str, Any]
) -> None:
    answer = await client.post(path, files=files)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_upload")
    assert "image" in answer.json()["detail"]
    assert not inference.calls


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b'{"image_url": 3}', b'{"image_url": "http://h/", "padding": 1}'],
)
async def test_a_body_that_is_no_request_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/process", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_another_kind_of_body_is_told_what_is_read(client: httpx.AsyncClient) -> None:
    answer = await client.post("/process", content=picture(), headers={"Content-Type": "image/png"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_upload")
    assert "multipart/form-data" in answer.json()["detail"]


@pytest.mark.parametrize("body", ["form", "json"])
async def test_a_wrong_option_is_named_before_anything_is_fetched_or_sent(
    client: httpx.AsyncClient, inference: FakeInference, fetcher: FakeFetcher, body: str
) -> None:
    if body == "form":
        files = {"image_url": (None, PHOTO_URL), "quality": (None, "0")}
        answer = await client.post("/process", files=files)
    else:
        answer = await client.post("/process", json={"image_url": PHOTO_URL, "options": {"encode": {"quality": 0}}})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_option")
    assert "quality: Input should be greater than or equal to 1" in answer.json()["detail"]
    assert not inference.calls
    assert not fetcher.asked


@pytest.mark.parametrize(("query", "code"), [("?format=webp", "invalid_option"), ("?response=xml", "invalid_request")])
async def test_an_unknown_query_is_named(client: httpx.AsyncClient, query: str, code: str) -> None:
    answer = await post(client, f"/process{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert "response" in answer.json()["detail"]


async def test_what_a_step_does_not_take_is_told_in_its_words(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.failure = errors.UnreadablePictureError("template bar: title is too long", private="secret")
    answer = await post(client, "/render-template")
    assert (answer.status_code, answer.json()["code"]) == (422, "photo_refused")
    assert answer.json()["detail"] == "template bar: title is too long"


@pytest.mark.parametrize(
    "changed",
    [
        {"report": np.array([b"{}"], np.object_)},
        {"report": np.array([b"no json"], np.object_)},
        {"report": np.array([], np.object_)},
        {"picture": np.array([], np.object_)},
    ],
)
async def test_an_answer_that_cannot_be_read_is_a_502(
    client: httpx.AsyncClient, inference: FakeInference, changed: dict[str, Any]
) -> None:
    inference.tensors = {**inference.tensors, **changed}
    answer = await post(client, "/process")
    assert (answer.status_code, answer.json()["code"]) == (502, "inference_failed")


async def test_more_photos_than_may_wait_are_turned_away(client: httpx.AsyncClient, inference: FakeInference) -> None:
    inference.delay_s = 0.1
    answers = await asyncio.gather(*(post(client, "/process", padding=f"{n}px") for n in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429]


@ROUTES
async def test_a_photo_whose_client_hangs_up_is_cancelled(
    app: FastAPI, client: httpx.AsyncClient, inference: FakeInference, path: str
) -> None:
    inference.delay_s = 30
    assert await hang_up(app, client, inference, path, {"image": picture()}) == 499
    assert (inference.cancelled, inference.running) == (1, 0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lens.png", 'inline; filename="lens.png"'),
        ("", 'inline; filename="photo.png"'),
        ("../../etc/passwd", 'inline; filename="passwd.png"'),
        ("C:\\photos\\lens.jpg", 'inline; filename="lens.png"'),
        ("a;b.jpg", 'inline; filename="a;b.png"'),
        (
            "Objektiv für 50 €.jpg",
            "inline; filename=\"Objektiv f_r 50 _.png\"; filename*=UTF-8''Objektiv%20f%C3%BCr%2050%20%E2%82%AC.png",
        ),
    ],
)
async def test_the_answer_has_a_name_of_its_own(client: httpx.AsyncClient, name: str, expected: str) -> None:
    disposition = f'form-data; name="image"; filename="{name}"'
    body = f"--frontier\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + picture() + b"\r\n--frontier--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=frontier"}
    answer = await client.post("/process", content=body, headers=headers)
    assert answer.headers["content-disposition"] == expected


async def test_a_large_photo_is_read_from_the_store(settings: Settings, fetcher: FakeFetcher, tmp_path: Path) -> None:
    inference = studio()
    large = file() + bytes(3_000_000)
    inference.tensors = answered(large)
    app = create_app(settings, inference, LocalStore(tmp_path / "store", mkdir=True), fetcher)
    async with client_of(app) as client:
        assert (await post(client, "/process")).content == large


async def test_a_wish_may_hold_a_picture(client: httpx.AsyncClient, inference: FakeInference) -> None:
    ground = {"ground": {"picture": {"data": "A" * 50_000}}}
    assert (await post(client, "/process", options=json.dumps(ground))).status_code == 200
    assert sent(inference)["ground"]["picture"]["data"] == "A" * 50_000
    assert (await client.post("/process", json={"image_url": PHOTO_URL, "options": ground})).status_code == 200


async def test_a_body_in_small_pieces_is_read(client: httpx.AsyncClient) -> None:
    request = client.build_request("POST", "/process", files={"image": picture()}, data={"padding": "5%"})
    whole = await request.aread()

    async def pieces() -> AsyncIterator[bytes]:
        stream = io.BytesIO(whole)
        while piece := stream.read(7):
            yield piece

    answer = await client.post("/process", content=pieces(), headers={"Content-Type": request.headers["content-type"]})
    assert answer.status_code == 200


async def test_counts_and_times_are_told_as_the_old_service_did(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    before = (await client.get("/metrics?format=json")).json()
    assert (before["total"], before["average_processing_seconds"], before["last_processing_seconds"]) == (0, None, None)
    inference.delay_s = 0.02
    await post(client, "/process")
    await post(client, "/process", padding="5%")
    inference.failure = errors.InferenceTimeoutError("too slow")
    await post(client, "/process", padding="6%")
    found = (await client.get("/metrics", headers={"Accept": "application/json"})).json()
    assert {name: found[name] for name in ("total", "successful", "failed", "active", "queue", "fallback")} == {
        "total": 3,
        "successful": 2,
        "failed": 1,
        "active": 0,
        "queue": 0,
        "fallback": 0,
    }
    least, most = found["min_processing_seconds"], found["max_processing_seconds"]
    assert 0.02 <= least <= found["average_processing_seconds"] <= most
    assert found["last_processing_seconds"] in {least, most}
    assert found["uptime_seconds"] > 0
    plain = await client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain")
    assert 'gateway_inference_seconds_count{pipeline="product_photo"} 2.0' in plain.text


async def test_health_tells_what_the_machine_has_left(client: httpx.AsyncClient, inference: FakeInference) -> None:
    found = (await client.get("/health")).json()
    assert found["model_loaded"]
    assert found["uptime_seconds"] >= 0
    assert 0 < found["system"]["memory_percent"] < 100
    assert 0 <= found["system"]["cpu_percent"] <= 100
    assert found["system"]["memory_available_mb"] > 0
    assert 0 <= found["system"]["disk_percent"] <= 100
    assert found["system"]["disk_free_mb"] > 0
    inference.down = {"product_photo": "it failed"}
    assert not (await client.get("/health")).json()["model_loaded"]


@ROUTES
async def test_the_docs_have_the_fields_in_the_schemas_words(client: httpx.AsyncClient, path: str) -> None:
    document = (await client.get("/openapi.json")).json()
    content = document["paths"][path]["post"]["requestBody"]["content"]
    fields = content["multipart/form-data"]["schema"]["properties"]
    assert fields["image"]["format"] == "binary"
    assert all(field["description"] for field in fields.values())
    assert (fields["quality"]["minimum"], fields["quality"]["maximum"]) == (1, 100)
    assert fields["quality"]["description"] == Encode.model_fields["quality"].description
    assert "$ref" not in json.dumps(content)
    (example,) = content["application/json"]["schema"]["examples"]
    assert example["options"]
