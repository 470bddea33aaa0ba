"""`POST /api/v1/route` over an inference server that a test decides on."""

import asyncio
import base64
import json
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from gateway.errors import PipelineDownError, UnreadablePictureError
from gateway.settings import Settings
from tests.gateway.conftest import PHOTO_URL
from tests.gateway.fakes import WITHOUT_KEYWORDS, FakeFetcher, hang_up, picture
from tests.gateway.recipes import MADE, ROUTES, Kitchen, kitchen, settings_in, write

ROUTE = "/api/v1/route"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def inference() -> Kitchen:
    return kitchen()


async def post(client: httpx.AsyncClient, accept: str = "*/*", query: str = "", **form: str) -> httpx.Response:
    files = {"file": ("photo.jpg", picture())}
    return await client.post(f"{ROUTE}{query}", files=files, data=form, headers={"Accept": accept})


async def test_a_photo_is_answered_with_its_keyword_route_and_result(
    client: httpx.AsyncClient, inference: Kitchen
) -> None:
    answer = await post(client)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body)[:4] == ["keyword", "confidence", "route", "result"]
    assert (body["keyword"], body["route"], body["reason"]) == ("tray", "step_cutout", "keyword")
    assert body["confidence"] == pytest.approx(99.98)
    assert body["keywords"] == [{"keyword": "tray", "confidence": body["confidence"]}]
    assert (body["pipeline"], body["model"], body["version"]) == ("cutout_step", "keyword_classifier", 3)
    assert (body["width"], body["height"], body["box"], body["needs_review"]) == (16, 12, [1, 2, 7, 5], False)
    assert (await client.get(body["result"])).content == MADE
    assert inference.inputs == [{"image": picture(), "options": b"{}"}]


async def test_the_result_comes_in_base64_on_request(client: httpx.AsyncClient) -> None:
    body = (await post(client, query="?result=base64")).json()
    assert base64.b64decode(body["result"]) == MADE


async def test_the_picture_itself_comes_with_the_rest_in_headers(client: httpx.AsyncClient, inference: Kitchen) -> None:
    inference.keyword = "plat à four"
    answer = await post(client, "image/*")
    assert (answer.content, answer.headers["content-type"]) == (MADE, "image/png")
    told = {name: answer.headers[f"x-{name}"] for name in ("keyword", "confidence", "route", "needs-review", "cached")}
    assert told == {
        "keyword": "plat %C3%A0 four",
        "confidence": "99.9800",
        "route": "step_cutout",
        "needs-review": "false",
        "cached": "false",
    }


@pytest.mark.parametrize(("accept", "is_picture"), [("image/webp, */*;q=0.1", True), ("application/json, */*", False)])
async def test_json_is_told_from_a_picture_by_what_is_accepted(
    client: httpx.AsyncClient,
    accept: str,
    is_picture: bool,  # noqa: FBT001 - a test's parameter
) -> None:
    assert (await post(client, accept)).headers["content-type"].startswith("image/") is is_picture


async def test_a_photo_for_review_has_no_picture_and_is_remembered(
    client: httpx.AsyncClient, inference: Kitchen
) -> None:
    inference.route, inference.made = "review", b""
    body = (await post(client)).json()
    assert (body["route"], body["result"], body["media_type"], body["needs_review"]) == ("review", None, None, True)
    empty = await post(client, "image/png")
    assert (empty.status_code, empty.content, empty.headers["x-route"]) == (204, b"", "review")
    assert len(inference.calls) == 1
    assert (await post(client, query="?result=base64")).json()["result"] is None


@pytest.mark.parametrize(
    ("extension", "media_type"), [("gif", "image/gif"), ("tif", "image/tiff"), ("jpg", "image/jpeg")]
)
async def test_a_photo_as_it_came_keeps_its_kind(
    client: httpx.AsyncClient, inference: Kitchen, extension: str, media_type: str
) -> None:
    inference.route, inference.extension = "as_is", extension
    body = (await post(client)).json()
    assert (body["media_type"], body["result"].rpartition(".")[2]) == (media_type, extension)
    stored = await client.get(body["result"])
    assert (stored.content, stored.headers["content-type"]) == (MADE, media_type)


async def test_an_address_and_options_come_as_json_too(
    client: httpx.AsyncClient, inference: Kitchen, fetcher: FakeFetcher
) -> None:
    body = {"image_url": PHOTO_URL, "options": {"review_below": 0.25, "encode": {"format": "webp"}}}
    assert (await client.post(ROUTE, json=body)).status_code == 200
    assert (await post_url(client, json.dumps(body["options"]))).json()["cached"]
    assert json.loads(inference.inputs[0]["options"]) == body["options"]
    assert fetcher.asked == [PHOTO_URL] * 2


async def post_url(client: httpx.AsyncClient, options: str) -> httpx.Response:
    return await client.post(ROUTE, files={"image_url": (None, PHOTO_URL), "options": (None, options)})


async def test_the_same_photo_is_made_once_until_the_routing_file_changes(
    client: httpx.AsyncClient, inference: Kitchen, tmp_path: Path
) -> None:
    first, second = [(await post(client)).json() for _ in range(2)]
    assert (first["cached"], second["cached"], len(inference.calls)) == (False, True, 1)
    assert (await post(client, options='{"review_below": 0.1}')).json()["id"] != first["id"]
    inference.rules = write(tmp_path, ROUTES.replace("step_cutout", "main_cutout"))
    third = (await post(client)).json()
    assert not third["cached"]
    assert third["rules"] == inference.rules


async def test_a_changed_template_makes_a_photo_anew(
    client: httpx.AsyncClient, inference: Kitchen, tmp_path: Path
) -> None:
    await post(client)
    (tmp_path / "templates" / "bar" / "1" / "template.yaml").write_text("two")
    assert not (await post(client)).json()["cached"]
    assert len(inference.calls) == 2


async def test_other_rules_than_the_gateway_sees_are_never_found_again(
    client: httpx.AsyncClient, inference: Kitchen
) -> None:
    inference.rules = "f" * 64
    first, second = [(await post(client)).json() for _ in range(2)]
    assert (first["cached"], second["cached"]) == (False, False)
    assert (await client.get(first["result"])).content == MADE


async def test_a_routing_file_that_turned_bad_is_reported(
    client: httpx.AsyncClient, inference: Kitchen, tmp_path: Path
) -> None:
    good = (await client.get("/api/v1/routes")).json()
    assert (good["sha256"], good["problem"]) == (inference.rules, None)
    assert good["rules"]["routes"]["tray"] == {"pipeline": "step_cutout"}
    write(tmp_path, "version: 9")
    inference.problem = "routes.yaml, line 1: version: Input should be 1"
    body = (await post(client)).json()
    assert (body["rules"], body["rules_problem"]) == (inference.rules, inference.problem)
    bad = (await client.get("/api/v1/routes")).json()
    assert (bad["sha256"], bad["rules"]) == (good["sha256"], good["rules"])
    assert "line 1: version: Input should be 1" in bad["problem"]
    assert (await post(client)).json()["cached"]


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "bad"])
async def test_without_a_routing_file_that_the_gateway_can_read_photos_are_finished_all_the_same(
    client: httpx.AsyncClient,
    tmp_path: Path,
    gone: bool,  # noqa: FBT001 - a test's parameter
) -> None:
    path = tmp_path / "models" / "recipe_photo" / "routes.yaml"
    path.unlink() if gone else path.write_text("{")
    known = (await client.get("/api/v1/routes")).json()
    assert (known["sha256"], known["rules"]) == (None, None)
    assert known["problem"]
    assert (await post(client)).status_code == 200


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"options": "{"}, 422, "options: Invalid JSON"),
        ({"options": '{"review_below": 7}'}, 422, "options: review_below: Input should be less than or equal to 1"),
        ({"options": '{"pipeline": "as_is"}'}, 422, "allowed: dry_run, encode, keyword, review_below"),
        ({"keyword": "tray"}, 422, "unknown field keyword; allowed: file, image_url, options"),
        ({"image_url": PHOTO_URL}, 422, "exactly one of the fields file and image_url"),
    ],
)
async def test_a_wrong_wish_is_named_before_anything_is_done(
    client: httpx.AsyncClient, inference: Kitchen, form: dict[str, str], status: int, said: str
) -> None:
    answer = await post(client, **form)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    assert not inference.calls


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [(b"", 422, "unreadable_picture"), (b"no picture", 415, "unsupported_type"), (b"\x89PNG\r\n\x1a\n", 422, None)],
)
async def test_what_is_no_picture_is_refused(
    client: httpx.AsyncClient, inference: Kitchen, content: bytes, status: int, code: str | None
) -> None:
    answer = await client.post(ROUTE, files={"file": ("a.png", content)})
    assert answer.status_code == status
    assert code in {None, answer.json()["code"]}
    assert not inference.calls


async def test_other_requests_than_these_are_refused(client: httpx.AsyncClient) -> None:
    plain = await client.post(ROUTE, content=b"x", headers={"Content-Type": "text/plain"})
    assert (plain.status_code, plain.json()["code"]) == (422, "invalid_upload")
    assert (await client.post(ROUTE, json={"image_url": 7})).status_code == 422
    assert (await post(client, query="?format=png")).json()["detail"] == "unknown option format; allowed: result"
    assert (await post(client, query="?result=file")).status_code == 422


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (UnreadablePictureError("the keyword 'x' goes to product_photo: template.name: none"), 422, "photo_refused"),
        (PipelineDownError("the keyword 'x' goes to main_cutout: cutout_main is not served"), 503, "pipeline_down"),
    ],
)
async def test_the_steps_own_words_reach_the_client(
    client: httpx.AsyncClient, inference: Kitchen, failure: UnreadablePictureError, status: int, code: str
) -> None:
    inference.failure = failure
    for _ in range(7):
        answer = await post(client)
        assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (status, code, failure.public)
    inference.failure = None
    assert (await post(client)).status_code == 200, "a route that does not work opens no breaker for the others"


async def test_an_answer_without_a_report_is_a_failure(client: httpx.AsyncClient, inference: Kitchen) -> None:
    inference.rules = 7  # type: ignore[assignment] # as a step of another version might say
    answer = await post(client)
    assert (answer.status_code, answer.json()["code"]) == (502, "inference_failed")


async def test_without_a_classifier_there_are_no_recipe_photos_and_all_else_is_there(
    app: FastAPI, inference: Kitchen
) -> None:
    inference.inventory_now = WITHOUT_KEYWORDS
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        await app.state.parts.catalogue.refresh()
        answer = await post(client)
        assert (answer.status_code, answer.json()["code"]) == (503, "pipeline_not_served")
        health = (await client.get("/health")).json()
    down = {one["pipeline"] for one in health["pipelines"] if one["status"] == "down"}
    assert (health["status"], down) == ("degraded", {"classify_keywords", "recipe_photo"})


async def test_a_client_that_hangs_up_cancels_its_photo(
    app: FastAPI, client: httpx.AsyncClient, inference: Kitchen
) -> None:
    inference.delay_s = 30
    assert await hang_up(app, client, inference, ROUTE, {"file": picture()}) == 499
    assert (inference.cancelled, inference.running) == (1, 0)


async def test_equal_photos_at_the_same_time_are_made_once_and_counted(
    client: httpx.AsyncClient, inference: Kitchen
) -> None:
    inference.delay_s = 0.1
    answers = await asyncio.gather(*(post(client) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(inference.calls) == 1
    assert 'gateway_routed_total{route="step_cutout"} 4.0' in (await client.get("/metrics")).text


async def test_a_photo_of_a_cameras_size_is_taken(client: httpx.AsyncClient) -> None:
    files = {"file": ("photo.jpg", picture() + bytes(90_000))}
    answer = await client.post(ROUTE, files=files)
    assert answer.status_code == 200, answer.text
