import asyncio
from pathlib import Path

import httpx
import pytest
from obstore.store import MemoryStore

from gateway.app import create_app
from gateway.errors import BusyError, InferenceUnavailableError
from gateway.flights import Flights
from gateway.settings import Settings
from tests.gateway.fakes import FakeInference, client_of, picture

UPLOAD = "/api/v2/step/predict_upload"
COLOURS = ("red", "green", "blue", "white", "black", "yellow", "pink")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(model_repository=tmp_path, max_concurrency=2, max_queue=2, queue_timeout_seconds=0.2)


async def uploads(client: httpx.AsyncClient, count: int) -> list[httpx.Response]:
    pictures = [picture(colour=colour) for colour in COLOURS[:count]]
    return await asyncio.gather(*(client.post(UPLOAD, files={"file": data}) for data in pictures))


async def test_inferences_run_within_the_bound_and_the_rest_wait(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.delay_s = 0.05
    answers = await uploads(client, 4)
    assert [answer.status_code for answer in answers] == [200] * 4
    assert inference.most_running == 2


async def test_beyond_the_queue_requests_are_turned_away_at_once(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.delay_s = 0.05
    answers = await uploads(client, 7)
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 3
    assert {answer.json()["code"] for answer in refused} == {"busy"}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert 'gateway_rejected_total{reason="places"} 3.0' in (await client.get("/metrics")).text
    assert [answer.status_code for answer in await uploads(client, 4)] == [200] * 4


async def test_a_place_in_the_queue_is_not_for_ever(client: httpx.AsyncClient, inference: FakeInference) -> None:
    inference.delay_s = 0.6
    answers = await uploads(client, 4)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429]
    assert 'gateway_rejected_total{reason="queue"} 2.0' in (await client.get("/metrics")).text


async def test_a_failed_inference_gives_its_slot_back(client: httpx.AsyncClient, inference: FakeInference) -> None:
    inference.failure = BusyError("the server's queue is full")
    for _ in range(5):
        assert {answer.status_code for answer in await uploads(client, 4)} == {429}
    inference.failure = None
    assert {answer.status_code for answer in await uploads(client, 4)} == {200}


class Work:
    def __init__(self) -> None:
        self.started = 0
        self.cancelled = 0
        self.release = asyncio.Event()

    async def __call__(self) -> int:
        self.started += 1
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.started > 1:
            raise ValueError(self.started)
        return self.started


async def test_work_wanted_at_the_same_time_is_done_once() -> None:
    flights, work = Flights[int](), Work()
    waiting = [asyncio.create_task(flights.join("a", work)) for _ in range(3)]
    await asyncio.sleep(0)
    work.release.set()
    assert await asyncio.gather(*waiting) == [(1, False), (1, True), (1, True)]


async def test_an_error_reaches_everyone_and_the_next_one_tries_again() -> None:
    flights, work = Flights[int](), Work()
    work.started = 1
    waiting = [asyncio.create_task(flights.join("a", work)) for _ in range(2)]
    await asyncio.sleep(0)
    work.release.set()
    failures = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(failure) for failure in failures] == ["2", "2"]
    with pytest.raises(ValueError, match="3"):
        await flights.join("a", work)


async def test_work_ends_when_the_last_who_wanted_it_leaves_and_not_before() -> None:
    flights, work = Flights[int](), Work()
    first, second = (asyncio.create_task(flights.join("a", work)) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.wait([first])
    assert work.cancelled == 0
    second.cancel()
    await asyncio.wait([second])
    await asyncio.sleep(0.01)
    assert work.cancelled == 1
    work.release.set()
    work.started = 0
    assert await flights.join("a", work) == (1, False)


async def test_work_that_ends_cancelled_on_its_own_is_an_error_of_ours() -> None:
    async def cancelled() -> int:
        raise asyncio.CancelledError

    flights = Flights[int]()
    waiting = [asyncio.create_task(flights.join("a", cancelled)) for _ in range(2)]
    failures = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(failure) for failure in failures] == [InferenceUnavailableError] * 2


async def test_a_cancelled_inference_is_answered_in_the_shape_of_errors(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.failure = asyncio.CancelledError()  # type: ignore[assignment]
    (answer,) = await uploads(client, 1)
    assert (answer.status_code, answer.json()["code"]) == (503, "inference_unavailable")
    assert answer.headers["retry-after"]


async def test_requests_beyond_the_bound_get_our_error_and_health_still_answers(
    settings: Settings, inference: FakeInference, store: MemoryStore
) -> None:
    inference.delay_s = 0.5
    app = create_app(settings.model_copy(update={"max_requests": 2}), inference, store)
    async with client_of(app) as client:
        running = asyncio.create_task(uploads(client, 2))
        async with asyncio.timeout(5):
            while inference.running < 2:  # noqa: ASYNC110 - the fake has no event to wait for
                await asyncio.sleep(0.01)
        refused = await client.get("/v1/models", headers={"X-Request-ID": "mine"})
        assert (refused.status_code, refused.json()["code"]) == (429, "busy")
        assert refused.json()["request_id"] == refused.headers["x-request-id"] == "mine"
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["x-content-type-options"] == "nosniff"
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/api/v2/step/health")).status_code == 200
        assert 'gateway_rejected_total{reason="requests"} 1.0' in (await client.get("/metrics")).text
        assert [answer.status_code for answer in await running] == [200, 200]
        assert (await client.get("/v1/models")).status_code == 200
