"""Who may open a live stream, and what becomes of clients that misbehave or leave."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from numpy.typing import NDArray
from websockets.exceptions import InvalidStatus

from gateway.settings import Settings
from tests.gateway.deaf import deaf, fed
from tests.gateway.fakes import FakeInference
from tests.gateway.servers import listening
from tests.gateway.viewers import file_of, shown, viewing

PICTURE = file_of(shown(60))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        model_repository=tmp_path,
        canary_interval_seconds=0.02,
        head_timeout_seconds=0.5,
        stream_send_timeout_seconds=0.5,
        stream_origins=("https://shop.example",),
    )


@pytest.fixture
async def port(app: FastAPI, settings: Settings) -> AsyncIterator[int]:
    async with listening(app, settings) as port, asyncio.timeout(30):
        yield port


@pytest.mark.parametrize(
    "origin", ["https://other.example", "null", "http://127.0.0.1:1", "http://127.0.0.1.other.example"]
)
async def test_a_page_of_another_origin_gets_no_stream(port: int, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with viewing(port, {"Origin": origin}):
            pass
    answer = refused.value.response
    assert answer.status_code == 403
    assert b"origin_refused" in answer.body
    assert b"GATEWAY_STREAM_ORIGINS" in answer.body


@pytest.mark.parametrize("origin", ["http://127.0.0.1:{port}", "https://shop.example", "HTTPS://shop.example"])
async def test_own_pages_and_named_origins_get_one(port: int, origin: str) -> None:
    async with viewing(port, {"Origin": origin.format(port=port)}, input="frames") as viewer:
        await viewer.send(PICTURE)
        assert (await viewer.hear())["frame"] == 0


async def test_a_stream_outlives_the_deadline_for_the_head_of_a_request(port: int) -> None:
    async with viewing(port, input="frames", output="json") as viewer:
        for number in range(4):
            await asyncio.sleep(0.3)
            await viewer.send(PICTURE)
            assert (await viewer.hear())["frame"] == number


async def test_who_does_not_read_is_let_go_and_hurts_nobody(port: int, app: FastAPI) -> None:
    """Both get overlays of noise, which no codec makes small; one of them never reads."""
    big = file_of(_noise(), "PNG")
    async with viewing(port, input="frames", output="overlay", quality=95, opacity=0, complete=False) as good:
        reader, writer = await deaf(port, output="overlay", opacity=0, quality=95)
        feeding = asyncio.create_task(fed(writer, big))
        answered = 0
        async with asyncio.timeout(20):
            while app.state.parts.streams.open == 2 or answered < 5:
                await good.send(PICTURE)
                await good.hear_of("frame")
                answered += 1
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        writer.transport.abort()
        del reader
    text = app.state.parts.telemetry.exposition().decode()
    assert 'gateway_stream_errors_total{kind="live",reason="slow_client"} 1.0' in text


async def test_a_client_that_vanishes_leaves_nothing_behind(port: int, app: FastAPI, inference: FakeInference) -> None:
    inference.delay_s = 0.2
    async with viewing(port, input="frames") as viewer:
        await viewer.send(PICTURE, PICTURE)
        await asyncio.sleep(0.1)
        viewer.socket.transport.abort()
    async with asyncio.timeout(5):
        while app.state.parts.streams.open or not inference.videos[0].ended:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)
    assert inference.running == 0
    assert 'gateway_streams_open{kind="live"} 0.0' in app.state.parts.telemetry.exposition().decode()


def _noise() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 255, (400, 600, 3), np.uint8)
