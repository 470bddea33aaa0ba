"""The circuit breaker: what opens it, what it spares, and what closes it again."""

import asyncio
from pathlib import Path

import httpx
import pytest

from gateway import errors
from gateway.breaker import Breaker
from gateway.settings import Settings
from tests.gateway.fakes import FakeInference, picture

UPLOAD = "/api/v2/step/predict_upload"
DEAD = errors.InferenceUnavailableError("the server is not available")
SLOW = errors.InferenceTimeoutError("the inference took too long")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        model_repository=tmp_path, canary_interval_seconds=3600, breaker_failures=3, breaker_rest_seconds=0.2
    )


@pytest.fixture
def inference() -> FakeInference:
    """Its last good canary is long ago."""
    return FakeInference(age_s=3600)


async def upload(client: httpx.AsyncClient, path: str = UPLOAD) -> str:
    answer = await client.post(path, files={"file": picture()})
    return "ok" if answer.status_code == 200 else str(answer.json()["code"])


async def test_after_some_failures_in_a_row_nobody_waits_for_the_next(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.failure = DEAD
    assert [await upload(client) for _ in range(5)] == ["inference_unavailable"] * 3 + ["pipeline_down"] * 2
    assert len(inference.calls) == 3
    refused = await client.post(UPLOAD, files={"file": picture()})
    assert int(refused.headers["retry-after"]) >= 1
    assert 'gateway_breaker_open{pipeline="cutout_step"} 1.0' in (await client.get("/metrics")).text


async def test_one_pipelines_breaker_leaves_the_others_alone(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.failure = SLOW
    for _ in range(3):
        await upload(client)
    inference.failure = None
    assert await upload(client) == "pipeline_down"
    assert await upload(client, "/api/v2/main/predict_upload") == "ok"


async def test_after_its_rest_one_tries_and_decides_for_the_others(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.failure = DEAD
    for _ in range(3):
        await upload(client)
    await asyncio.sleep(0.25)
    assert [await upload(client) for _ in range(2)] == ["inference_unavailable", "pipeline_down"]
    await asyncio.sleep(0.25)
    inference.failure = None
    assert [await upload(client) for _ in range(2)] == ["ok", "ok"]
    assert 'gateway_breaker_open{pipeline="cutout_step"} 0.0' in (await client.get("/metrics")).text


async def test_a_canary_that_is_well_again_ends_the_rest(client: httpx.AsyncClient, inference: FakeInference) -> None:
    inference.failure = DEAD
    for _ in range(3):
        await upload(client)
    inference.failure = None
    assert await upload(client) == "pipeline_down"
    inference.age_s = 0.0
    await asyncio.sleep(0.01)
    assert await upload(client) == "ok"


@pytest.mark.parametrize(
    "failure",
    [
        errors.UnreadablePictureError("the JPEG file is truncated"),
        errors.BusyError("the server's queue is full"),
        errors.PipelineNotServedError("the pipeline is not served"),
    ],
)
async def test_what_the_server_is_not_to_blame_for_opens_nothing(
    client: httpx.AsyncClient, inference: FakeInference, failure: errors.GatewayError
) -> None:
    inference.failure = failure
    for _ in range(5):
        await upload(client)
    assert len(inference.calls) == 5


async def test_a_broken_picture_between_shows_that_the_server_lives(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    for failure in (DEAD, DEAD, errors.UnreadablePictureError("truncated"), DEAD, DEAD):
        inference.failure = failure
        await upload(client)
    assert len(inference.calls) == 5


async def test_without_a_number_it_never_opens() -> None:
    breaker = Breaker(0, 10)
    for _ in range(100):
        with pytest.raises(errors.InferenceUnavailableError), breaker.attempt("x", None):
            raise DEAD
    assert not breaker.is_open


async def test_of_many_only_one_tries_and_who_gives_up_leaves_it_to_the_next() -> None:
    breaker = Breaker(1, 0.05)
    with pytest.raises(errors.InferenceUnavailableError), breaker.attempt("x", None):
        raise DEAD
    await asyncio.sleep(0.06)
    trying = asyncio.create_task(wait(breaker))
    await asyncio.sleep(0)
    with pytest.raises(errors.PipelineDownError), breaker.attempt("x", None):
        pass
    trying.cancel()
    await asyncio.wait([trying])
    assert breaker.is_open
    with breaker.attempt("x", None):
        pass
    assert not breaker.is_open


async def wait(breaker: Breaker) -> None:
    with breaker.attempt("x", None):
        await asyncio.sleep(30)
