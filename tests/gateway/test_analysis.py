"""The image_embed API, field by field as its documentation has it, over an inference server that a test decides on."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator
from typing import Any, cast

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from starlette.requests import Request

from gateway.errors import InferenceUnavailableError, UnreadablePictureError
from gateway.inference import Inventory
from gateway.routes.analysis import analyze_images
from gateway.schemas import AnalyzeManyBody
from tests.gateway.conftest import PHOTO_URL
from tests.gateway.fakes import WHOLE, FakeFetcher, FakeInference, picture

TASKS: list[dict[str, Any]] = [
    {"operation_id": "whole", "type": "embed_clip_vit_b_32", "params": {"target": "whole_image"}},
    {"operation_id": "person", "type": "detect_bounding_box", "params": {"target": "prominent_person"}},
    {"operation_id": "face", "type": "embed_clip_vit_b_32", "params": {"target": "prominent_face"}},
    {"operation_id": "odd", "type": "read_thoughts"},
]
CROP = picture(3, 4)
EMPTY = {"data": None, "vector": None, "cropped_image_bbox": None, "crop": None, "error_message": None}
DOCUMENT = {
    "results": {
        "whole": {**EMPTY, "status": "success", "vector": [0, 2]},
        "person": {**EMPTY, "status": "success", "data": [100, 150, 250, 350]},
        "face": {**EMPTY, "status": "success", "vector": [2, 2], "cropped_image_bbox": [50, 60, 150, 180], "crop": 0},
        "odd": {**EMPTY, "status": "skipped", "error_message": "Unsupported operation type"},
    },
    "timings": {"decoding": 0.01, "total": 0.05},
}
NULLS = {"cropped_image_bbox": None, "cropped_image_base64": None, "error_message": None}
RESULTS = {
    "whole": {"status": "success", "data": [0.125, 0.5], **NULLS},
    "person": {"status": "success", "data": [100, 150, 250, 350], **NULLS},
    "face": {
        "status": "success",
        "data": [0.25, 0.75],
        "cropped_image_bbox": [50, 60, 150, 180],
        "cropped_image_base64": base64.b64encode(CROP).decode(),
        "error_message": None,
    },
    "odd": {"status": "skipped", "data": None, **NULLS, "error_message": "Unsupported operation type"},
}


def with_models(*names: str) -> Inventory:
    return Inventory({**WHOLE.versions, **dict.fromkeys(names, (1,))}, WHOLE.networks, WHOLE.steps)


@pytest.fixture
def inference() -> FakeInference:
    tensors = {
        "answer": np.array([json.dumps(DOCUMENT).encode()], np.object_),
        "vectors": np.array([0.125, 0.5, 0.25, 0.75], np.float32),
        "crops": np.array([CROP], np.object_),
    }
    return FakeInference(tensors=tensors)


async def analyse(client: httpx.AsyncClient, body: object, **params: str) -> httpx.Response:
    return await client.post("/analyze_image/", json=body, params=params)


async def upload(client: httpx.AsyncClient, data: bytes, tasks: str | None) -> httpx.Response:
    form = {} if tasks is None else {"tasks_json": tasks}
    return await client.post("/analyze_image_upload/", files={"image_file": ("my photo.png", data)}, data=form)


async def test_a_picture_by_url_is_answered_as_documented(
    client: httpx.AsyncClient, inference: FakeInference, fetcher: FakeFetcher
) -> None:
    answer = await analyse(client, {"image_url": PHOTO_URL, "tasks": TASKS})
    assert answer.status_code == 200
    assert answer.json() == {"image_url": PHOTO_URL, "results": RESULTS}
    assert fetcher.asked == [PHOTO_URL]
    assert inference.calls == [("analyze", picture())]
    sent = json.loads(inference.inputs[0]["options"])["tasks"]
    assert [(task["operation_id"], task["type"]) for task in sent] == [
        (task["operation_id"], task["type"]) for task in TASKS
    ]


async def test_an_uploaded_picture_echoes_its_name(client: httpx.AsyncClient, inference: FakeInference) -> None:
    answer = await upload(client, picture(), json.dumps(TASKS))
    assert answer.json() == {"image_url": "uploaded:my photo.png", "results": RESULTS}
    assert json.loads(inference.inputs[0]["options"]) == {"tasks": TASKS}


async def test_timings_come_when_they_are_asked_for(client: httpx.AsyncClient) -> None:
    answer = await analyse(client, {"image_url": PHOTO_URL, "tasks": TASKS}, timings="true")
    assert answer.json() == {"image_url": PHOTO_URL, "results": RESULTS, "timings": DOCUMENT["timings"]}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"tasks": TASKS}, "image_url"),
        ({"image_url": PHOTO_URL}, "tasks"),
        ({"image_url": PHOTO_URL, "tasks": {}}, "tasks"),
        ({"image_url": PHOTO_URL, "tasks": [{"type": "classify"}]}, "tasks.0.operation_id"),
        ({"image_url": PHOTO_URL, "tasks": [{"operation_id": "a"}]}, "tasks.0.type"),
        ({"image_url": PHOTO_URL, "tasks": [TASKS[0], TASKS[0]]}, "'whole' is there 2 times"),
        ({"image_url": PHOTO_URL, "tasks": [{**TASKS[0], "params": "x"}]}, "tasks.0.params"),
        ([], ""),
        ({"image_url": "https://pictures.example/none.png", "tasks": TASKS}, "Could not download image from URL: "),
    ],
)
async def test_a_bad_request_is_a_400_with_its_reason(client: httpx.AsyncClient, body: object, said: str) -> None:
    answer = await analyse(client, body)
    assert answer.status_code == 400
    assert said in answer.json()["detail"]


async def test_a_body_that_is_no_json_is_a_400(client: httpx.AsyncClient) -> None:
    answer = await client.post("/analyze_image/", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        (None, "no field 'tasks_json'"),
        ("{", "Invalid tasks JSON format or structure: "),
        ("{}", "Invalid tasks JSON format or structure: tasks must be a list"),
        ("[1]", "tasks[0] is no object"),
        (json.dumps([TASKS[0], TASKS[0]]), "'whole' is there 2 times"),
    ],
)
async def test_bad_tasks_of_an_upload_are_a_400(client: httpx.AsyncClient, tasks: str | None, said: str) -> None:
    answer = await upload(client, picture(), tasks)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_tasks")
    assert said in answer.json()["detail"]


async def test_an_upload_without_a_picture_is_a_400(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/analyze_image_upload/", files={"file": ("a.png", picture())}, data={"tasks_json": "[]"}
    )
    assert answer.status_code == 400
    assert "'image_file'" in answer.json()["detail"]


async def test_an_unknown_field_is_named(client: httpx.AsyncClient) -> None:
    files = {"image_file": ("a.png", picture())}
    answer = await client.post("/analyze_image_upload/", files=files, data={"tasks_json": "[]", "tasks": "[]"})
    assert answer.status_code == 400
    assert "unknown field tasks" in answer.json()["detail"]


@pytest.mark.parametrize("data", [b"", b"no picture", picture()[:40]])
async def test_a_file_that_is_no_picture_is_a_400(
    client: httpx.AsyncClient, inference: FakeInference, data: bytes
) -> None:
    inference.failure = UnreadablePictureError("the PNG file is truncated: its end is missing")
    answer = await upload(client, data, json.dumps(TASKS))
    assert (answer.status_code, answer.json()["code"]) == (400, "image_failed")
    assert answer.json()["detail"].startswith("Could not process image: ")


async def test_a_server_that_is_away_is_a_503_and_not_the_pictures_fault(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.failure = InferenceUnavailableError("the server is not available", retry_after_s=2)
    answer = await analyse(client, {"image_url": PHOTO_URL, "tasks": TASKS})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    inference.down = {"analyze": "it failed"}
    assert (await upload(client, picture(), "[]")).status_code == 503


async def test_an_answer_that_cannot_be_read_is_a_502(client: httpx.AsyncClient, inference: FakeInference) -> None:
    inference.tensors = {**inference.tensors, "answer": np.array([b"{}"], np.object_)}
    assert (await analyse(client, {"image_url": PHOTO_URL, "tasks": TASKS})).status_code == 502


async def test_many_pictures_are_answered_line_by_line(client: httpx.AsyncClient, fetcher: FakeFetcher) -> None:
    urls = [PHOTO_URL, "https://pictures.example/none.png", "https://pictures.example/other.png"]
    fetcher.pictures[urls[2]] = picture(5, 5)
    answer = await client.post("/analyze_images/", json={"image_urls": urls, "tasks": TASKS})
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = {line["index"]: line for line in map(json.loads, answer.text.splitlines())}
    assert lines[0] == {"index": 0, "image_url": urls[0], "results": RESULTS}
    assert lines[1]["image_url"] == urls[1]
    assert (lines[1]["status"], lines[1]["code"]) == (400, "download_failed")
    assert lines[2]["results"] == RESULTS


@pytest.mark.parametrize("body", [{"image_urls": [], "tasks": []}, {"image_urls": ["x"] * 257, "tasks": []}, {}])
async def test_a_bad_batch_is_a_400(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await client.post("/analyze_images/", json=body)).status_code == 400


async def test_no_more_pictures_of_a_batch_are_worked_on_than_are_allowed_at_once(
    client: httpx.AsyncClient, inference: FakeInference, fetcher: FakeFetcher
) -> None:
    inference.delay_s = 0.01
    urls = [f"https://pictures.example/{number}.png" for number in range(12)]
    fetcher.pictures |= dict.fromkeys(urls, picture())
    answer = await client.post("/analyze_images/", json={"image_urls": urls, "tasks": []})
    assert len(answer.text.splitlines()) == 12
    assert inference.most_running == 4


async def test_a_client_that_does_not_read_is_waited_for(
    app: FastAPI, client: httpx.AsyncClient, inference: FakeInference, fetcher: FakeFetcher
) -> None:
    urls = [f"https://pictures.example/{number}.png" for number in range(30)]
    fetcher.pictures |= dict.fromkeys(urls, picture())
    answer = await analyze_images(
        AnalyzeManyBody(image_urls=urls, tasks=[]),
        Request({"type": "http", "state": {"request_id": "mine"}}),
        app.state.parts,
    )
    lines = cast("AsyncGenerator[bytes]", answer.body_iterator)
    assert json.loads(await anext(lines))["image_url"] in urls
    await asyncio.sleep(0.2)
    assert len(inference.calls) <= 4, "no picture is begun before a line is read"
    await lines.aclose()
    assert inference.running == 0
    assert client.is_closed is False


@pytest.mark.parametrize(
    ("loaded", "expected"),
    [
        ((), {}),
        (
            ("person_detector", "face_detector", "embed_clip_vit_b_32", "collections", "captioner"),
            {
                "detect_bounding_box": (["prominent_person", "prominent_face"], "prominent_person"),
                "embed_clip_vit_b_32": (["whole_image", "prominent_person", "prominent_face"], "whole_image"),
                "classify": (["whole_image", "prominent_person", "prominent_face"], "whole_image"),
                "describe_image": (["whole_image", "prominent_person", "prominent_face"], "whole_image"),
            },
        ),
        (("face_detector",), {"detect_bounding_box": (["prominent_face"], "prominent_face")}),
        (("embed_dino_v3_vit_l_16",), {"embed_dino_v3": (["whole_image"], "whole_image")}),
        (("collections",), {}),
    ],
)
async def test_the_operations_are_those_whose_models_are_served(
    app: FastAPI, client: httpx.AsyncClient, inference: FakeInference, loaded: tuple[str, ...], expected: dict[str, Any]
) -> None:
    inference.inventory_now = with_models(*loaded)
    await app.state.parts.catalogue.refresh()
    found = (await client.get("/available_operations/")).json()["operations"]
    assert {name: (info["allowed_targets"], info["default_target"]) for name, info in found.items()} == expected
    assert all(set(info) == {"description", "allowed_targets", "default_target"} for info in found.values())
