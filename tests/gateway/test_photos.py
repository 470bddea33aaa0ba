"""The photo service's routes over an inference server that a test decides on."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from obstore.store import LocalStore, MemoryStore

from gateway import errors
from gateway.app import create_app
from gateway.content import MEDIA_TYPES
from gateway.routes.photos import EXTENSIONS
from gateway.settings import Settings
from imaging.product_options import Encode
from tests.gateway.conftest import PHOTO_URL
from tests.gateway.fakes import FakeFetcher, FakeInference, client_of, hang_up, picture
from tests.gateway.photos import BOX, SERVED, answered, file, sent, studio

PIPELINES = {
    "/remove-background": "product_cutout",
    "/process": "product_photo",
    "/process-full": "product_photo",
    "/render-template": "render_template",
}
ROUTES = pytest.mark.parametrize("path", PIPELINES)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        model_repository=tmp_path,
        templates=tmp_path / "templates",
        canary_interval_seconds=3600,
        max_picture_bytes=100_000,
        max_pixels=10_000,
        max_concurrency=1,
        max_queue=1,
    )


@pytest.fixture
def inference() -> FakeInference:
    return studio()


async def post(
    client: httpx.AsyncClient, path: str, photo: bytes | None = None, /, accept: str = "*/*", **form: str
) -> httpx.Response:
    files = {"image": ("My lens.JPG", picture() if photo is None else photo)}
    return await client.post(path, files=files, data=form, headers={"Accept": accept})


@ROUTES
async def test_a_form_is_answered_with_the_photo_itself(
    client: httpx.AsyncClient, inference: FakeInference, path: str
) -> None:
    answer = await post(client, path)
    assert answer.status_code == 200, answer.text
    assert answer.content == file()
    assert inference.calls == [(PIPELINES[path], picture())]
    told = {name: answer.headers[name] for name in ("content-type", "content-disposition", "x-processed-by", "x-box")}
    assert told == {
        "content-type": "image/png",
        "content-disposition": 'inline; filename="My lens.png"',
        "x-processed-by": "darkroom",
        "x-box": "2,3,14,11",
    }
    assert answer.headers["etag"]
    assert answer.headers["x-cached"] == "false"


@pytest.mark.parametrize("path", ["/remove-background", "/process", "/process-full"])
@pytest.mark.parametrize(("score", "review"), [(0.125, False), (0.75, True)])
async def test_a_cut_out_says_how_sure_it_is(
    client: httpx.AsyncClient,
    inference: FakeInference,
    path: str,
    score: float,
    review: bool,  # noqa: FBT001 - a test's parameter
) -> None:
    inference.tensors = answered(file(), score, needs_review=review)
    answer = await post(client, path)
    assert answer.headers["x-uncertainty-score"] == f"{score:.4f}"
    assert answer.headers["x-needs-review"] == str(review).lower()


async def test_a_drawn_template_has_no_uncertainty(client: httpx.AsyncClient) -> None:
    answer = await post(client, "/render-template")
    assert "x-uncertainty-score" not in answer.headers
    assert "x-needs-review" not in answer.headers


@pytest.mark.parametrize("how", ["accept", "query"])
@ROUTES
async def test_json_tells_where_the_photo_lies(client: httpx.AsyncClient, path: str, how: str) -> None:
    asked = f"{path}?response=json" if how == "query" else path
    answer = await post(client, asked, accept="application/json" if how == "accept" else "*/*")
    body = answer.json()
    name, cut = PIPELINES[path], path != "/render-template"
    assert body["url"] == f"http://gateway/files/{name}/{body['id'][:2]}/{body['id']}.png"
    assert {key: value for key, value in body.items() if key not in {"id", "url"}} == {
        "cached": False,
        "processed_by": "darkroom",
        "pipeline": name,
        "model": "product_matte" if cut else "render_template",
        "version": 1,
        "media_type": "image/png",
        "extension": "png",
        "width": 16,
        "height": 12,
        "box": BOX,
        "uncertainty": 0.125 if cut else None,
        "needs_review": False if cut else None,
    }
    stored = await client.get(body["url"])
    assert (stored.content, stored.headers["content-type"]) == (file(), "image/png")


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/json, text/plain, */*", "image/*, application/json", "application/json;q=0"]
)
async def test_a_photo_is_answered_unless_json_is_liked_better(client: httpx.AsyncClient, accept: str) -> None:
    assert (await post(client, "/process", accept=accept)).headers["content-type"] == "image/png"


@ROUTES
async def test_json_with_a_url_is_taken_too(
    client: httpx.AsyncClient, inference: FakeInference, fetcher: FakeFetcher, path: str
) -> None:
    body = {"image_url": PHOTO_URL, "options": {"encode": {"format": "webp", "quality": 70}}}
    answer = await client.post(path, json=body)
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["content-disposition"] == 'inline; filename="photo.webp"'
    assert fetcher.asked == [PHOTO_URL]
    assert sent(inference)["encode"] == {"format": "webp", "quality": 70, "dpi": 72, "palette": "auto"}


async def test_a_form_may_have_a_url_instead_of_a_file(
    client: httpx.AsyncClient, inference: FakeInference, fetcher: FakeFetcher
) -> None:
    answer = await client.post("/process", files={"image_url": (None, PHOTO_URL), "padding": (None, "5%")})
    assert answer.status_code == 200
    assert fetcher.asked == [PHOTO_URL]
    assert sent(inference)["place"]["padding"]["left"] == "5%"


async def test_every_wish_reaches_triton_in_one_spelling(client: httpx.AsyncClient, inference: FakeInference) -> None:
    form = {
        "background": "f0f0f0",
        "shadow": "true",
        "shadow_softness": "0.3",
        "padding": "0.10",
        "width": "2000",
        "height": "2000",
        "title": "Lens",
        "bar_color": "#0008",
        "field_sku": "A-1",
        "format": "jpeg",
        "options": json.dumps({"place": {"vertical": "bottom"}}),
    }
    inference.tensors = answered(file("JPEG"), media_type="image/jpeg", extension="jpg")
    answer = await post(client, "/process-full", None, **form)
    assert answer.headers["content-type"] == "image/jpeg"
    options = sent(inference)
    assert options["ground"]["color"] == "#F0F0F0FF"
    assert (options["shadow"]["kind"], options["shadow"]["softness"]) == ("dual", 0.3)
    assert options["place"]["padding"] == dict.fromkeys(("left", "top", "right", "bottom"), "0.1")
    assert (options["place"]["size"], options["place"]["vertical"]) == ([2000, 2000], "bottom")
    assert options["template"] == {
        "name": "bar",
        "version": None,
        "fields": {"title": "Lens", "bar_color": "#0008", "sku": "A-1"},
    }
    again = await post(client, "/process-full", None, **form | {"padding": "0.1", "background": "#F0F0F0"})
    assert (again.headers["x-cached"], len(inference.calls)) == ("true", 1)


@pytest.mark.parametrize("name", get_args(Encode.model_fields["format"].annotation))
async def test_every_format_is_served_as_what_it_is(
    client: httpx.AsyncClient, inference: FakeInference, name: str
) -> None:
    inference.tensors = answered(f"a {name} file".encode())
    answer = await post(client, "/process", format=name)
    assert answer.headers["content-type"] == MEDIA_TYPES[EXTENSIONS[name]]
    assert answer.headers["content-disposition"].endswith(f'lens.{EXTENSIONS[name]}"')
    body = (await post(client, "/process?response=json", format=name)).json()
    assert body["cached"]
    for method in ("GET", "HEAD"):
        stored = await client.request(method, body["url"])
        assert stored.headers["content-type"] == body["media_type"] == answer.headers["content-type"]


async def test_the_same_wish_twice_does_the_work_once(client: httpx.AsyncClient, inference: FakeInference) -> None:
    inference.delay_s = 0.05
    first, second = await asyncio.gather(*(post(client, "/process") for _ in range(2)))
    third = await post(client, "/process")
    assert [answer.content for answer in (first, second, third)] == [file()] * 3
    assert len({answer.headers["etag"] for answer in (first, second, third)}) == 1
    assert third.headers["x-uncertainty-score"] == "0.1250"
    assert len(inference.calls) == 1


async def test_other_wishes_pictures_and_versions_are_other_results(
    app: FastAPI, client: httpx.AsyncClient, inference: FakeInference
) -> None:
    answers = [
        await post(client, "/process"),
        await post(client, "/process", padding="0.2"),
        await post(client, "/process", picture(colour="green")),
        await post(client, "/remove-background"),
        await post(client, "/process-full"),
    ]
    inference.inventory_now = replace(SERVED, versions={**SERVED.versions, "product_matte": (2,)})
    await app.state.parts.catalogue.refresh()
    answers.append(await post(client, "/process"))
    assert len({answer.headers["etag"] for answer in answers}) == len(answers) == len(inference.calls)


async def test_a_changed_template_makes_new_results(
    client: httpx.AsyncClient, settings: Settings, inference: FakeInference
) -> None:
    for version, text in (("1", "one"), ("1", "two"), ("2", "two")):
        folder = settings.templates / "bar" / version
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "template.yaml").write_text(text)
        for _ in range(2):
            await post(client, "/render-template")
            await post(client, "/render-template", template_version="1")
    assert len(inference.calls) == 5, "the newest three times, the first one as often as it was written"


@pytest.mark.parametrize("changes", [1, 2])
async def test_a_template_that_changes_meanwhile_makes_the_photo_anew(
    client: httpx.AsyncClient, settings: Settings, inference: FakeInference, changes: int
) -> None:
    """Else the new template's photo would be found again under the old one, should that ever come back."""
    sheet = settings.templates / "bar" / "1" / "template.yaml"
    sheet.parent.mkdir(parents=True)
    texts = iter(range(changes))
    inference.meanwhile = lambda: sheet.write_text(str(next(texts, changes - 1)))
    answer = await post(client, "/render-template")
    assert answer.status_code == (200 if changes == 1 else 503)
    assert len(inference.calls) == 2
    again = await post(client, "/render-template")
    assert (again.status_code, again.headers["x-cached"]) == (200, "true" if changes == 1 else "false")


async def test_a_template_that_cannot_be_read_is_told(client: httpx.AsyncClient, settings: Settings) -> None:
    folder = settings.templates / "bar" / "1"
    folder.mkdir(parents=True)
    (folder / "font.ttf").symlink_to("/proc/self/mem")  # a file whose first byte nobody can read, root neither
    answer = await post(client, "/render-template")
    assert (answer.status_code, answer.json()["code"]) == (502, "store_failed")


async def test_what_is_stored_is_answered_while_the_pipeline_is_down(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    await post(client, "/process")
    inference.down = {"product_photo": "it failed"}
    kept = await post(client, "/process")
    assert (kept.status_code, kept.content, kept.headers["x-cached"]) == (200, file(), "true")
    refused = await post(client, "/process", padding="0.2")
    assert (refused.status_code, refused.json()["code"]) == (503, "pipeline_down")
    assert int(refused.headers["retry-after"]) > 0


@ROUTES
async def test_a_pipeline_that_is_not_served_is_a_503_before_anything_is_fetched(
    settings: Settings, fetcher: FakeFetcher, path: str
) -> None:
    steps = {name: steps for name, steps in SERVED.steps.items() if name != PIPELINES[path]}
    bare = FakeInference(inventory_now=replace(SERVED, steps=steps))
    async with client_of(create_app(settings, bare, MemoryStore(), fetcher)) as client:
        refused = await client.post(path, json={"image_url": PHOTO_URL})
    assert (refused.status_code, refused.json()["code"]) == (503, "pipeline_not_served")
    assert fetcher.asked == []


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
