"""The photo service's routes over an inference server that a test decides on."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import httpx
import pytest
from fastapi import FastAPI
from obstore.store import MemoryStore

from gateway.app import create_app
from gateway.content import MEDIA_TYPES
from gateway.routes.photos import EXTENSIONS
from gateway.settings import Settings
from imaging.product_options import Encode
from tests.gateway.conftest import PHOTO_URL
from tests.gateway.fakes import FakeFetcher, FakeInference, client_of, picture
from tests.gateway.photos import BOX, PIPELINES, ROUTES, SERVED, answered, file, post, sent, settings_in, studio


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def inference() -> FakeInference:
    return studio()


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
        "reserve": True,
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
