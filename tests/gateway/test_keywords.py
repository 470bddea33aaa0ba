"""The Recipe Classifier's API over an inference server that a test decides on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from obstore.store import MemoryStore

from gateway.app import create_app
from gateway.errors import InferenceUnavailableError, UnreadablePictureError
from gateway.inference import Inventory, Tensors
from gateway.settings import Settings
from tests.gateway.conftest import PHOTO_URL
from tests.gateway.fakes import WHOLE, WITHOUT_KEYWORDS, FakeFetcher, FakeInference, client_of, hang_up, picture

PIPELINE = "classify_keywords"
KEYWORDS = (b"oven-tray", b"finalstep", b"group_step", b"saucepan")
# The seed's example, as shares of one.
SHARES = (0.9998514652252197, 0.00008500693365931511, 0.00006036189370206557, 0.000003)
# The seed's example answer.
EXAMPLE = [
    {"keyword": "oven-tray", "confidence": 99.98514652252197},
    {"keyword": "finalstep", "confidence": 0.008500693365931511},
    {"keyword": "group_step", "confidence": 0.006036189370206557},
]
SERVED = Inventory(
    {**WHOLE.versions, PIPELINE: (1,), "keyword_classifier": (4,)},
    WHOLE.networks | {"keyword_classifier"},
    {**WHOLE.steps, PIPELINE: ("decode", "keyword_classifier", "keywords")},
)
BROKEN = picture(3, 3)


@dataclass
class Choosy(FakeInference):
    """Cannot read one picture."""

    async def call(self, model: str, inputs: Mapping[str, bytes], outputs: Sequence[str], request_id: str) -> Tensors:
        found = await super().call(model, inputs, outputs, request_id)
        if inputs["image"] == BROKEN:
            raise UnreadablePictureError("the PNG file is truncated: its end is missing")
        return found


@pytest.fixture
def inference() -> FakeInference:
    tensors = {"keywords": np.array(KEYWORDS, np.object_), "confidences": np.array(SHARES)}
    return Choosy(inventory_now=SERVED, tensors=tensors)


Words = Mapping[str, str | int]


async def predict(
    client: httpx.AsyncClient, data: bytes, form: Words | None = None, query: Words | None = None
) -> httpx.Response:
    files = {"file": ("photo.png", data)}
    return await client.post("/api/v1/predict", files=files, data=form, params=query)


def lines(answer: httpx.Response) -> dict[int, dict[str, Any]]:
    assert answer.headers["content-type"] == "application/x-ndjson"
    return {line["index"]: line for line in map(json.loads, answer.text.splitlines())}


async def test_an_upload_is_answered_as_the_recipe_classifier_did(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    answer = await predict(client, picture())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == [{**one, "confidence": pytest.approx(one["confidence"])} for one in EXAMPLE]
    assert [list(one) for one in answer.json()] == [["keyword", "confidence"]] * 3
    assert inference.calls == [(PIPELINE, picture())]


@pytest.mark.parametrize("path", ["predict", "predict_batch"])
async def test_photographs_may_be_as_large_as_they_are(path: str, client: httpx.AsyncClient) -> None:
    data = picture(300, 300, "BMP")
    assert len(data) > 200_000
    assert (await client.post(f"/api/v1/{path}", files={"file": data})).status_code == 200


@pytest.mark.parametrize("query", [PHOTO_URL, f"image_url={PHOTO_URL.replace('&', '%26')}", f"url={PHOTO_URL[:-4]}"])
async def test_a_url_may_be_the_whole_query_or_have_a_name(
    query: str, client: httpx.AsyncClient, fetcher: FakeFetcher
) -> None:
    fetcher.pictures[PHOTO_URL[:-4]] = picture()
    answer = await client.post(f"/api/v1/classify?{query}")
    assert [one["keyword"] for one in answer.json()] == ["oven-tray", "finalstep", "group_step"]
    assert fetcher.asked == [PHOTO_URL if "&v" in query or "%26" in query else PHOTO_URL[:-4]]


@pytest.mark.parametrize(("top_k", "count"), [(1, 1), (2, 2), (4, 4), (50, 4)])
async def test_as_many_keywords_as_are_asked_for(top_k: int, count: int, client: httpx.AsyncClient) -> None:
    by_url = await client.post("/api/v1/classify", params={"image_url": PHOTO_URL, "top_k": top_k})
    by_upload = await predict(client, picture(), query={"top_k": top_k})
    by_form = await predict(client, picture(), {"top_k": str(top_k)})
    assert [len(one.json()) for one in (by_url, by_upload, by_form)] == [count] * 3


@pytest.mark.parametrize(("threshold", "known"), [("0", True), ("99.98", True), ("99.99", False), ("100", False)])
async def test_a_best_keyword_below_the_threshold_is_unknown(
    threshold: str, client: httpx.AsyncClient, *, known: bool
) -> None:
    answer = (await predict(client, picture(), {"threshold": threshold}, {"top_k": 1})).json()
    assert answer == [{"keyword": "oven-tray" if known else "unknown", "confidence": pytest.approx(99.985146522)}]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"top_k": "0"}, "top_k: Input should be greater than or equal to 1"),
        ({"top_k": "three"}, "top_k: Input should be a valid integer"),
        ({"threshold": "101"}, "threshold: Input should be less than or equal to 100"),
        ({"threshold": "nan"}, "threshold: Input should be a finite number"),
        ({"k": "3"}, "unknown option k; allowed: "),
    ],
)
async def test_a_wrong_option_is_named(
    query: dict[str, str], words: str, client: httpx.AsyncClient, fetcher: FakeFetcher
) -> None:
    answers = [
        await predict(client, picture(), query=query),
        await predict(client, picture(), query),
        await client.post("/api/v1/classify", params={"image_url": PHOTO_URL, **query}),
        await client.post("/api/v1/predict_batch", files={"file": picture()}, data=query),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_option")
        assert words in answer.json()["detail"]
    assert fetcher.asked == []


async def test_what_is_no_picture_is_told_so(client: httpx.AsyncClient) -> None:
    for data, status, code in ((b"text", 415, "unsupported_type"), (BROKEN, 422, "unreadable_picture")):
        answer = await predict(client, data)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await client.post("/api/v1/classify")).json()["code"] == "invalid_url"
    assert (await client.post("/api/v1/classify?https://pictures.example/none")).json()["code"] == "source_not_found"
    assert (await client.post("/api/v1/predict", data={"top_k": "1"})).json()["code"] == "invalid_upload"


async def test_uploads_of_a_batch_are_answered_each_by_itself(client: httpx.AsyncClient) -> None:
    files = [("file", (f"{name}.png", data)) for name, data in (("a", picture()), ("b", BROKEN), ("c", picture(9, 9)))]
    answer = await client.post("/api/v1/predict_batch", files=files, data={"top_k": "1"})
    found = lines(answer)
    assert [found[index]["filename"] for index in range(3)] == ["a.png", "b.png", "c.png"]
    assert found[0]["keywords"] == found[2]["keywords"] == [{"keyword": "oven-tray", "confidence": SHARES[0] * 100}]
    assert found[1] == {
        "index": 1,
        "filename": "b.png",
        "detail": "the PNG file is truncated: its end is missing",
        "code": "unreadable_picture",
        "status": 422,
    }


async def test_urls_of_a_batch_are_answered_each_by_itself(client: httpx.AsyncClient) -> None:
    body = {"image_urls": [PHOTO_URL, "https://pictures.example/none", PHOTO_URL], "top_k": 2, "threshold": 10}
    found = lines(await client.post("/api/v1/predict_batch", json=body))
    assert [found[index]["image_url"] for index in range(3)] == body["image_urls"]
    assert [len(found[index].get("keywords", ())) for index in range(3)] == [2, 0, 2]
    assert found[1]["code"] == "source_not_found"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "image_urls: Field required"),
        ({"image_urls": []}, "image_urls: List should have at least 1 item"),
        ({"image_urls": ["x"] * 257}, "image_urls: List should have at most 256 items"),
        ({"image_urls": ["x"], "top_k": 0}, "top_k: Input should be greater than or equal to 1"),
        ({"image_urls": ["x"], "tasks": []}, "tasks: Extra inputs are not permitted"),
    ],
)
async def test_a_wrong_batch_of_urls_is_refused(body: object, words: str, client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/predict_batch", json=body)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"files": [("file", picture())] * 65}, 422, "invalid_upload"),
        ({"files": [("picture", picture())]}, 422, "invalid_upload"),
        ({"data": {"top_k": "1"}}, 422, "invalid_upload"),
        ({"files": {"top_k": (None, "1")}}, 422, "invalid_upload"),
        ({"files": [("file", bytes(40_000))] * 3}, 413, "too_large"),
    ],
)
async def test_a_wrong_batch_of_uploads_is_refused(
    given: dict[str, Any], status: int, code: str, settings: Settings, inference: FakeInference, store: MemoryStore
) -> None:
    small = settings.model_copy(update={"max_batch_bytes": 2000})
    async with client_of(create_app(small, inference, store)) as client:
        answer = await client.post("/api/v1/predict_batch", **given)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not inference.calls


async def test_one_upload_that_is_too_large_touches_no_other(
    settings: Settings, inference: FakeInference, store: MemoryStore
) -> None:
    data = picture()
    small = settings.model_copy(update={"max_picture_bytes": len(data)})
    files = [("file", ("a", data)), ("file", ("b", bytes(300_000))), ("file", ("c", data))]
    async with client_of(create_app(small, inference, store)) as client:
        found = lines(await client.post("/api/v1/predict_batch", files=files))
    assert found[1]["code"] == "too_large"
    assert found[0]["keywords"] == found[2]["keywords"]


async def test_health_is_that_of_the_classifier(client: httpx.AsyncClient, inference: FakeInference) -> None:
    health = await client.get("/api/v1/health")
    assert health.status_code == 200
    assert health.json() == {
        "status": "ok",
        "pipeline": PIPELINE,
        "model": "keyword_classifier",
        "version": 4,
        "canary_age_s": 1.5,
        "reason": None,
    }
    inference.down = {PIPELINE: "it failed"}
    for method in ("GET", "HEAD"):
        assert (await client.request(method, "/api/v1/health")).status_code == 503
    refused = await predict(client, picture())
    assert (refused.status_code, refused.json()["code"]) == (503, "pipeline_down")
    assert not inference.calls


async def test_without_a_network_the_answer_says_so(
    client: httpx.AsyncClient, inference: FakeInference, app: FastAPI
) -> None:
    inference.inventory_now = WITHOUT_KEYWORDS
    await app.state.parts.catalogue.refresh()
    for path in ("/api/v1/predict", "/api/v1/classify?https://a.example/", "/api/v1/predict_batch"):
        answer = await client.post(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "pipeline_not_served")
    assert (await client.get("/api/v1/health")).status_code == 503


async def test_a_server_that_fails_is_not_the_pictures_fault(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.failure = InferenceUnavailableError("the server is not available")
    assert (await predict(client, picture())).json()["code"] == "inference_unavailable"
    inference.failure = None
    inference.tensors = {"keywords": np.array(KEYWORDS, np.object_), "confidences": np.array(SHARES[:2])}
    assert (await predict(client, picture())).json()["code"] == "inference_failed"


@pytest.mark.parametrize("path", ["/api/v1/predict", "/api/v1/predict_batch"])
async def test_who_hangs_up_has_the_inference_cancelled(
    path: str, app: FastAPI, client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.delay_s = 30
    assert await hang_up(app, client, inference, path, {"file": picture()}) == 499
    assert inference.cancelled == 1
