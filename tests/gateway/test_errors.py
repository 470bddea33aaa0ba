import asyncio
import json
import re

import httpx
import pytest
from fastapi import FastAPI

from gateway import errors, problems
from tests.gateway.fakes import FakeInference, hang_up, picture

UPLOAD = "/api/v2/step/predict_upload"


def kinds(base: type[errors.GatewayError] = errors.GatewayError) -> set[type[errors.GatewayError]]:
    below = {kind for child in base.__subclasses__() for kind in kinds(child)}
    return below | set(base.__subclasses__())


def test_every_error_stands_in_the_table_once() -> None:
    assert set(problems.TABLE) == kinds()
    codes = [code for _, code in problems.TABLE.values()]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch("[a-z_]+", code) for code in codes)
    assert all(400 <= status < 600 for status, _ in problems.TABLE.values())


@pytest.mark.parametrize("kind", sorted(kinds(), key=str))
async def test_every_error_is_answered_in_one_shape_without_its_private_detail(
    client: httpx.AsyncClient, inference: FakeInference, kind: type[errors.GatewayError]
) -> None:
    inference.failure = kind("what clients may know", private="/secret/path", retry_after_s=1.2)
    answer = await client.post(UPLOAD, files={"file": picture()}, headers={"X-Request-ID": "mine"})
    status, code = problems.TABLE[kind]
    assert answer.status_code == status
    assert answer.json() == {"detail": "what clients may know", "code": code, "request_id": "mine"}
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["cache-control"] == "no-store"


async def test_an_error_of_ours_that_nobody_foresaw_tells_nothing(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.failure = ZeroDivisionError("a secret")  # type: ignore[assignment]
    answer = await client.post(UPLOAD, files={"file": picture()})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing/here", 404, "not_found"),
        ("GET", "/api/v2/other/health", 404, "not_found"),
        ("POST", "/api/v2/other/predict_upload", 404, "not_found"),
        ("GET", UPLOAD, 405, "method_not_allowed"),
        ("DELETE", "/health", 405, "method_not_allowed"),
        ("POST", "/api/v2/step/predict", 422, "invalid_request"),
    ],
)
async def test_the_frameworks_own_errors_have_the_same_shape(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"detail", "code", "request_id"}


async def test_broken_json_is_told_without_repeating_it(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/api/v2/step/predict", content=b'{"image_url": secret', headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "secret" not in answer.text


@pytest.mark.parametrize("given", ["abc-123", "A.b_C", "x" * 64])
async def test_a_sane_request_id_is_kept(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.get("/nothing", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "<script>", "a\u00e9"])
async def test_any_other_request_id_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.get("/nothing", headers=[(b"X-Request-ID", given.encode())])
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_a_client_that_hangs_up_cancels_its_inference(
    app: FastAPI, client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.delay_s = 30
    status = await hang_up(app, client, inference, UPLOAD, {"file": picture()})
    assert status == 499
    assert (inference.cancelled, inference.running) == (1, 0)


async def test_work_that_others_wait_for_goes_on_when_one_hangs_up(
    app: FastAPI, client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.delay_s = 0.3
    other = asyncio.create_task(client.post(UPLOAD, files={"file": picture()}))
    assert await hang_up(app, client, inference, UPLOAD, {"file": picture()}) == 499
    assert (await other).status_code == 200
    assert (inference.cancelled, len(inference.calls)) == (0, 1)


async def test_logs_hold_the_private_detail_with_the_request_id(
    client: httpx.AsyncClient, inference: FakeInference, capsys: pytest.CaptureFixture[str]
) -> None:
    inference.failure = errors.InferenceFailedError("it failed", private="/secret/path")
    await client.post(UPLOAD, files={"file": picture()}, headers={"X-Request-ID": "mine"})
    logged = [line for line in capsys.readouterr().out.splitlines() if "problem" in line]
    assert len(logged) == 1
    assert "/secret/path" in logged[0]
    assert "mine" in json.dumps(logged[0])
