"""Another service in Triton's stead: a real second HTTP server that plays PhotoRoom's API."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from obstore.store import MemoryStore

from gateway import errors
from gateway.app import create_app
from gateway.settings import Settings
from tests.gateway.conftest import PHOTO_URL
from tests.gateway.fakes import FakeFetcher, FakeInference, client_of, picture
from tests.gateway.photoroom import KEY, PhotoRoom, photoroom
from tests.gateway.photos import file, studio

DOWN = {"product_cutout": "it failed", "product_photo": "it failed", "render_template": "it failed"}
WITHOUT = ("/remove-background", "/process")


@pytest.fixture(scope="module")
def running() -> Iterator[PhotoRoom]:
    with photoroom() as service:
        yield service


@pytest.fixture
def other(running: PhotoRoom) -> PhotoRoom:
    running.asked.clear()
    running.score, running.status, running.body, running.delay_s = "0.3", 200, None, 0.0
    return running


@pytest.fixture
def settings(tmp_path: Path, other: PhotoRoom) -> Settings:
    return Settings.model_validate(
        {
            "model_repository": tmp_path,
            "canary_interval_seconds": 3600,
            "breaker_failures": 2,
            "fallback_url": other.url,
            "fallback_api_key": KEY,
            "fallback_timeout_seconds": 5,
        }
    )


@pytest.fixture
def inference() -> FakeInference:
    """All of it is down."""
    found = studio()
    found.down = dict(DOWN)
    return found


@pytest.fixture
async def client(
    settings: Settings, inference: FakeInference, store: MemoryStore, fetcher: FakeFetcher
) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(settings, inference, store, fetcher)) as client:
        yield client


async def post(client: httpx.AsyncClient, path: str, **form: str) -> httpx.Response:
    return await client.post(path, files={"image": ("lens.jpg", picture())}, data=form)


async def test_a_cut_out_comes_from_v1_segment_and_says_so(
    client: httpx.AsyncClient, other: PhotoRoom, inference: FakeInference, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await post(client, "/remove-background", format="webp")
    assert answer.content == file("WEBP", 20, 10)
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["x-processed-by"] == "fallback"
    assert (answer.headers["x-uncertainty-score"], answer.headers["x-needs-review"]) == ("0.3000", "false")
    assert other.asked == [("/v1/segment", {"format": "webp", "channels": "rgba", "size": "full"}, picture())]
    assert not inference.calls
    assert 'gateway_fallback_total{outcome="answered"} 1.0' in (await client.get("/metrics")).text
    assert (await client.get("/metrics?format=json")).json()["fallback"] == 1
    assert "the fallback answered" in capsys.readouterr().out


async def test_a_photo_comes_from_v2_edit_with_everything_that_was_asked(
    client: httpx.AsyncClient, other: PhotoRoom
) -> None:
    form = {"background": "#112233", "shadow": "true", "padding": "10%", "margin": "20px", "width": "800"}
    answer = await post(client, "/process", **form, height="600", format="jpeg", dpi="300", review_above="0.2")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-needs-review"] == "true"
    (path, fields, data) = other.asked[0]
    assert (path, data) == ("/v2/edit", picture())
    assert fields == {
        "background.color": "112233",
        "outputSize": "800x600",
        "scaling": "fit",
        "horizontalAlignment": "center",
        "verticalAlignment": "center",
        "ignorePaddingAndSnapOnCroppedSides": "true",
        **{f"padding{side}": "10%" for side in ("Left", "Top", "Right", "Bottom")},
        **{f"margin{side}": "20px" for side in ("Left", "Top", "Right", "Bottom")},
        "shadow.mode": "ai.soft",
        "export.format": "jpeg",
        "export.dpi": "300",
    }


async def test_it_is_kept_apart_from_our_own_results(
    client: httpx.AsyncClient, other: PhotoRoom, inference: FakeInference, store: MemoryStore
) -> None:
    body = (await post(client, "/process?response=json")).json()
    assert (body["processed_by"], body["width"], body["height"], body["box"]) == ("fallback", 20, 10, None)
    assert body["url"].startswith("http://gateway/files/fallback/")
    assert (await client.get(body["url"])).content == file("PNG", 20, 10)
    assert not store.list("product_photo").collect()
    await post(client, "/process")
    assert len(other.asked) == 2, "nobody gets it a second time"
    inference.down = {}
    answer = await post(client, "/process")
    assert (answer.content, answer.headers["x-processed-by"], answer.headers["x-cached"]) == (
        file(),
        "darkroom",
        "false",
    )


@pytest.mark.parametrize(
    "failure",
    [
        errors.InferenceUnavailableError("the server is not available"),
        errors.InferenceTimeoutError("the inference took too long"),
        errors.PipelineNotServedError("the pipeline is not served"),
    ],
)
async def test_an_outage_that_only_the_request_finds_is_one(
    client: httpx.AsyncClient, inference: FakeInference, failure: errors.GatewayError
) -> None:
    inference.down, inference.failure = {}, failure
    assert (await post(client, "/process")).headers["x-processed-by"] == "fallback"


async def test_an_open_breaker_goes_straight_to_the_fallback(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.down, inference.age_s = {}, 3600
    inference.failure = errors.InferenceFailedError("the inference failed")
    found = [(await post(client, "/process")).status_code for _ in range(4)]
    assert (found, len(inference.calls)) == ([502, 502, 200, 200], 2)


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (errors.UnreadablePictureError("the JPEG file is truncated"), 422),
        (errors.BusyError("the server's queue is full"), 429),
        (errors.InferenceFailedError("the inference failed"), 502),
    ],
)
async def test_what_is_no_outage_stays_what_it_is(
    client: httpx.AsyncClient, inference: FakeInference, other: PhotoRoom, failure: errors.GatewayError, status: int
) -> None:
    inference.down, inference.failure = {}, failure
    assert (await post(client, "/process")).status_code == status
    assert not other.asked


@pytest.mark.parametrize("data", [b"", b"<html></html>", picture()[:20]])
async def test_a_bad_picture_never_leaves_the_house(client: httpx.AsyncClient, other: PhotoRoom, data: bytes) -> None:
    answer = await client.post("/process", files={"image": ("a.jpg", data)})
    assert answer.status_code in {415, 422}
    assert not other.asked


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/process", {"options": json.dumps({"ground": {"gradient": {}}})}),
        ("/process", {"options": json.dumps({"template": {"name": "bar"}})}),
        ("/process", {"format": "zip"}),
        ("/process", {"shadow_kind": "drop"}),
        ("/process-full", {"title": "Lens"}),
        ("/remove-background", {"erosion": "1"}),
    ],
)
async def test_what_it_cannot_be_told_is_not_dropped(
    client: httpx.AsyncClient, other: PhotoRoom, path: str, form: dict[str, str]
) -> None:
    answer = await post(client, path, **form)
    assert (answer.status_code, answer.json()["code"]) == (503, "pipeline_down")
    assert int(answer.headers["retry-after"]) > 0
    assert not other.asked
    assert 'gateway_fallback_total{outcome="untranslatable"} 1.0' in (await client.get("/metrics")).text


async def test_a_template_has_no_counterpart(client: httpx.AsyncClient, other: PhotoRoom) -> None:
    assert (await post(client, "/render-template")).status_code == 503
    assert not other.asked


@pytest.mark.parametrize(
    ("field", "value"),
    [("status", 500), ("status", 402), ("status", 302), ("body", b"{}"), ("body", b""), ("body", file("WEBP"))],
)
async def test_where_it_fails_too_the_answer_is_as_without_it(
    client: httpx.AsyncClient, other: PhotoRoom, field: str, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    setattr(other, field, value)
    answer = await post(client, "/process")
    assert (answer.status_code, answer.json()["code"]) == (503, "pipeline_down")
    assert 'gateway_fallback_total{outcome="failed"} 1.0' in (await client.get("/metrics")).text
    logged = capsys.readouterr().out
    assert "fallback" in logged
    assert KEY not in logged


@pytest.mark.parametrize("score", ["-1", "nan", "much", ""])
async def test_a_score_that_is_none_is_not_told(client: httpx.AsyncClient, other: PhotoRoom, score: str) -> None:
    other.score = score
    answer = await post(client, "/process")
    assert answer.status_code == 200
    assert "x-uncertainty-score" not in answer.headers
    assert "x-needs-review" not in answer.headers


@pytest.mark.parametrize("change", [{"fallback_timeout_seconds": 0.05}, {"fallback_max_bytes": 10}])
async def test_it_has_a_deadline_and_a_limit(
    settings: Settings, inference: FakeInference, other: PhotoRoom, store: MemoryStore, change: dict[str, object]
) -> None:
    other.delay_s = 0.2 if "fallback_timeout_seconds" in change else 0
    app = create_app(settings.model_copy(update=change), inference, store)
    async with client_of(app) as client:
        assert (await post(client, "/process")).status_code == 503
    assert len(other.asked) == 1


@pytest.mark.parametrize("path", WITHOUT)
async def test_without_an_address_there_is_none(
    tmp_path: Path, inference: FakeInference, other: PhotoRoom, store: MemoryStore, path: str
) -> None:
    async with client_of(create_app(Settings(model_repository=tmp_path), inference, store)) as client:
        answer = await post(client, path)
    assert (answer.status_code, answer.json()["code"]) == (503, "pipeline_down")
    assert not other.asked


@pytest.mark.parametrize(("form", "status"), [({}, 200), ({"format": "zip"}, 503)])
async def test_it_stands_in_for_a_server_that_was_never_seen(
    settings: Settings,
    other: PhotoRoom,
    store: MemoryStore,
    fetcher: FakeFetcher,
    form: dict[str, Any],
    status: int,
) -> None:
    app = create_app(settings, FakeInference(inventory_now=None), store, fetcher)
    options = {"encode": form}
    with suppress(errors.InferenceUnavailableError):
        async with client_of(app) as client:
            answer = await client.post("/process", json={"image_url": PHOTO_URL, "options": options})
    assert answer.status_code == status
    assert len(other.asked) == len(fetcher.asked) == (status == 200)


async def test_the_editor_may_be_another_host(
    settings: Settings, inference: FakeInference, other: PhotoRoom, store: MemoryStore
) -> None:
    update = {"fallback_url": "http://127.0.0.1:1", "fallback_edit_url": other.url}
    async with client_of(create_app(settings.model_copy(update=update), inference, store)) as client:
        assert (await post(client, "/process")).status_code == 200
        assert (await post(client, "/remove-background")).status_code == 503
