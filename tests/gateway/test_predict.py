import asyncio
import hashlib
import json

import httpx
import pytest
from fastapi import FastAPI
from obstore.store import MemoryStore

from gateway.app import create_app
from gateway.inference import Cut, Inventory
from gateway.settings import Settings
from tests.gateway.conftest import PHOTO_URL
from tests.gateway.fakes import WHOLE, FakeFetcher, FakeInference, client_of, picture

UPLOAD = "/api/v2/step/predict_upload"


async def upload(
    client: httpx.AsyncClient, data: bytes, path: str = UPLOAD, accept: str = "*/*", output: str | None = None
) -> httpx.Response:
    form = {"output": output} if output else {}
    return await client.post(path, files={"file": ("photo.png", data)}, data=form, headers={"Accept": accept})


async def test_an_upload_comes_back_as_json_about_a_stored_result(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    photo = picture()
    answer = await upload(client, photo)
    body = answer.json()
    assert answer.status_code == 200
    assert inference.calls == [("cutout_step", photo)]
    assert body["url"] == f"http://gateway/files/cutout_step/{body['id'][:2]}/{body['id']}.png"
    assert answer.headers["etag"] == f'"{body["id"]}"'
    assert {name: value for name, value in body.items() if name not in {"url", "id"}} == {
        "cached": False,
        "pipeline": "cutout_step",
        "output": "cutout",
        "model": "step_matte",
        "version": 1,
        "width": 8,
        "height": 6,
        "box": [1, 2, 7, 5],
    }
    assert (await client.get(body["url"])).content == inference.cut.png


@pytest.mark.parametrize("name", ["image_url", "url"])
@pytest.mark.parametrize(("role", "pipeline"), [("step", "cutout_step"), ("main", "cutout_main")])
async def test_a_url_is_fetched_and_cut_out(
    client: httpx.AsyncClient, fetcher: FakeFetcher, name: str, role: str, pipeline: str
) -> None:
    answer = await client.post(f"/api/v2/{role}/predict", json={name: PHOTO_URL})
    assert answer.status_code == 200
    assert answer.json()["pipeline"] == pipeline
    assert fetcher.asked == [PHOTO_URL]


async def test_accept_png_returns_the_picture_with_its_facts_as_headers(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    answer = await upload(client, picture(), accept="image/png")
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == inference.cut.png
    facts = {name: answer.headers[name] for name in ("x-model", "x-model-version", "x-box", "x-width", "x-cached")}
    assert facts == {
        "x-model": "step_matte",
        "x-model-version": "1",
        "x-box": "1,2,7,5",
        "x-width": "8",
        "x-cached": "false",
    }
    again = await upload(client, picture(), accept="image/png")
    assert (again.content, again.headers["x-cached"]) == (answer.content, "true")


async def test_accept_in_several_headers_is_one_list(client: httpx.AsyncClient) -> None:
    files = {"file": picture()}
    for first, second, kind in (
        ("text/html", "image/png", "image/png"),
        ("image/png;q=0.1", "application/json", "application/json"),
    ):
        answer = await client.post(UPLOAD, files=files, headers=[("Accept", first), ("Accept", second)])
        assert answer.headers["content-type"] == kind


@pytest.mark.parametrize("where", ["query", "form", "json"])
async def test_output_alpha_uses_the_pipeline_that_makes_the_mask_alone(
    client: httpx.AsyncClient, inference: FakeInference, where: str
) -> None:
    if where == "json":
        answer = await client.post("/api/v2/main/predict", json={"url": PHOTO_URL, "output": "alpha"})
    elif where == "form":
        answer = await upload(client, picture(), "/api/v2/main/predict_upload", output="alpha")
    else:
        answer = await upload(client, picture(), "/api/v2/main/predict_upload?output=alpha")
    assert answer.json()["pipeline"] == "alpha_main"
    assert answer.json()["box"] is None
    assert [name for name, _ in inference.calls] == ["alpha_main"]


async def test_nothing_found_is_a_null_box(client: httpx.AsyncClient, inference: FakeInference) -> None:
    inference.cut = Cut(picture(8, 6), None)
    assert (await upload(client, picture())).json()["box"] is None


@pytest.mark.parametrize(
    ("path", "form", "named"),
    [
        (f"{UPLOAD}?output=mask", {}, "'cutout' or 'alpha'"),
        (f"{UPLOAD}?format=webp", {}, "allowed: output"),
        (UPLOAD, {"output": "mask"}, "cutout or alpha"),
        (UPLOAD, {"bg": "white"}, "allowed: file, output"),
    ],
)
async def test_an_unknown_option_is_an_error_that_names_what_is_allowed(
    client: httpx.AsyncClient, inference: FakeInference, path: str, form: dict[str, str], named: str
) -> None:
    answer = await client.post(path, files={"file": picture()}, data=form)
    assert answer.status_code == 422
    assert named in answer.json()["detail"]
    assert not inference.calls


@pytest.mark.parametrize(
    "body", [{}, {"image_url": PHOTO_URL, "url": PHOTO_URL}, {"image_url": 3}, {"image_url": PHOTO_URL, "size": 1}, []]
)
async def test_a_body_that_is_no_request_is_refused(client: httpx.AsyncClient, body: object) -> None:
    answer = await client.post("/api/v2/step/predict", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_json_needs_no_content_type_and_another_one_is_told(client: httpx.AsyncClient) -> None:
    body = json.dumps({"image_url": PHOTO_URL}).encode()
    assert (await client.post("/api/v2/step/predict", content=body)).status_code == 200
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await client.post("/api/v2/step/predict", content=body, headers=form)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "Content-Type: application/json" in answer.json()["detail"]


async def test_the_same_picture_twice_does_the_work_once(client: httpx.AsyncClient, inference: FakeInference) -> None:
    first, second = await upload(client, picture()), await upload(client, picture())
    assert len(inference.calls) == 1
    assert [answer.json()["cached"] for answer in (first, second)] == [False, True]
    assert first.json()["url"] == second.json()["url"]


async def test_the_same_picture_by_url_and_by_upload_is_one_result(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    await upload(client, picture())
    answer = await client.post("/api/v2/step/predict", json={"image_url": PHOTO_URL})
    assert answer.json()["cached"]
    assert len(inference.calls) == 1


async def test_the_same_picture_at_the_same_time_does_the_work_once(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.delay_s = 0.05
    answers = await asyncio.gather(*(upload(client, picture()) for _ in range(5)))
    assert len(inference.calls) == 1
    assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
    assert sorted(answer.json()["cached"] for answer in answers) == [False, True, True, True, True]


async def test_other_pictures_outputs_and_roles_are_other_results(client: httpx.AsyncClient) -> None:
    answers = [
        await upload(client, picture()),
        await upload(client, picture(colour="blue")),
        await upload(client, picture(), f"{UPLOAD}?output=alpha"),
        await upload(client, picture(), "/api/v2/main/predict_upload"),
    ]
    assert len({answer.json()["id"] for answer in answers}) == len(answers)


async def test_a_new_version_of_any_step_makes_new_results(
    app: FastAPI, client: httpx.AsyncClient, inference: FakeInference
) -> None:
    first = await upload(client, picture())
    for model in ("step_matte", "decode"):
        newer = Inventory({**WHOLE.versions, model: (2,)}, WHOLE.networks, WHOLE.steps)
        inference.inventory_now = newer
        await app.state.parts.catalogue.refresh()
        answer = await upload(client, picture())
        assert not answer.json()["cached"]
        assert answer.json()["id"] != first.json()["id"]
        assert answer.json()["version"] == max(newer.versions["step_matte"])


async def test_another_results_epoch_makes_new_results(
    settings: Settings, inference: FakeInference, store: MemoryStore
) -> None:
    found = set()
    for epoch in ("1", "2"):
        app = create_app(settings.model_copy(update={"results_epoch": epoch}), inference, store)
        async with client_of(app) as client:
            found.add((await upload(client, picture())).json()["id"])
    assert len(found) == 2


async def test_results_outlive_the_gateway(settings: Settings, inference: FakeInference, store: MemoryStore) -> None:
    for cached in (False, True):
        async with client_of(create_app(settings, inference, store)) as client:
            assert (await upload(client, picture())).json()["cached"] is cached


async def test_a_result_whose_picture_was_deleted_is_made_again(
    client: httpx.AsyncClient, inference: FakeInference, store: MemoryStore
) -> None:
    body = (await upload(client, picture())).json()
    store.delete(f"cutout_step/{body['id'][:2]}/{body['id']}.png")
    assert (await upload(client, picture())).json()["cached"] is False
    assert len(inference.calls) == 2


async def test_a_card_that_cannot_be_read_is_made_again(client: httpx.AsyncClient, store: MemoryStore) -> None:
    body = (await upload(client, picture())).json()
    store.put(f"cutout_step/{body['id'][:2]}/{body['id']}.json", b"{broken")
    assert (await upload(client, picture())).json() == body


async def test_the_address_depends_on_the_bytes_not_on_the_name(client: httpx.AsyncClient) -> None:
    photo = picture()
    first = await client.post(UPLOAD, files={"file": ("a.png", photo, "image/png")})
    second = await client.post(UPLOAD, files={"file": ("b.jpg", photo, "text/html")})
    assert first.json()["id"] == second.json()["id"] != hashlib.sha256(photo).hexdigest()


async def test_a_public_url_setting_names_the_links(
    settings: Settings, inference: FakeInference, store: MemoryStore
) -> None:
    public = settings.model_copy(update={"public_url": "https://cut.example/base"})
    async with client_of(create_app(public, inference, store)) as client:
        body = (await upload(client, picture())).json()
    assert body["url"].startswith("https://cut.example/base/files/cutout_step/")


async def test_a_public_store_setting_names_the_links(
    settings: Settings, inference: FakeInference, store: MemoryStore
) -> None:
    public = settings.model_copy(update={"store_public_url": "https://cdn.example/cuts"})
    async with client_of(create_app(public, inference, store)) as client:
        body = (await upload(client, picture())).json()
    assert body["url"] == f"https://cdn.example/cuts/cutout_step/{body['id'][:2]}/{body['id']}.png"


async def test_a_kind_of_picture_that_does_not_exist_is_not_found_and_told_the_kinds_that_do(
    client: httpx.AsyncClient,
) -> None:
    answer = await upload(client, picture(), "/api/v2/soup/predict_upload")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert "'step' or 'main'" in answer.json()["detail"]
