import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from gateway.settings import Settings
from tests.gateway.fakes import FakeInference, picture
from tests.gateway.servers import connected, listening

UPLOAD = "/api/v2/step/predict_upload"
START = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
KIND = "Content-Type: multipart/form-data; boundary=b"
HEAD = f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\n{KIND}\r\nContent-Length: 90000\r\n\r\n".encode() + START


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        model_repository=tmp_path,
        max_concurrency=1,
        max_queue=1,
        max_uploads=4,
        max_picture_bytes=100_000,
        max_upload_buffer_bytes=200_000,
        canary_interval_seconds=0.02,
    )


@pytest.fixture
async def port(app: FastAPI, settings: Settings) -> AsyncIterator[int]:
    async with listening(app, settings) as port:
        yield port


async def upload(port: int) -> tuple[int, str]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        answer = await client.post(UPLOAD, files={"file": picture()})
    return answer.status_code, answer.json().get("code", "")


async def drip(open_uploads: AsyncExitStack, port: int, count: int, sent: bytes = b"") -> None:
    for _ in range(count):
        _, writer = await open_uploads.enter_async_context(connected(port))
        writer.write(HEAD + sent)
        await writer.drain()
    await asyncio.sleep(0.2)


async def test_slow_uploads_take_no_place(port: int) -> None:
    async with AsyncExitStack() as slow:
        await drip(slow, port, 3)
        assert await upload(port) == (200, "")


async def test_uploads_on_their_way_are_bounded_and_leave_their_room(port: int) -> None:
    async with AsyncExitStack() as slow:
        await drip(slow, port, 4)
        assert await upload(port) == (429, "busy")
    await asyncio.sleep(0.2)
    assert await upload(port) == (200, "")


async def test_the_bytes_of_uploads_on_their_way_are_bounded_and_leave_their_room(port: int) -> None:
    for _ in range(2):
        async with AsyncExitStack() as slow:
            await drip(slow, port, 2, bytes(89_000))
            assert await upload(port) == (200, "")
            reader, writer = await slow.enter_async_context(connected(port))
            writer.write(HEAD + bytes(30_000))
            assert b" 429 " in await reader.readuntil(b"\r\n")
        await asyncio.sleep(0.2)


async def test_no_upload_is_read_while_all_places_are_taken(port: int, inference: FakeInference) -> None:
    inference.delay_s = 1
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        pictures = [picture(colour=colour) for colour in ("red", "green")]
        busy = [asyncio.create_task(client.post(UPLOAD, files={"file": data})) for data in pictures]
        async with asyncio.timeout(5):
            while "gateway_inference_waiting 1.0" not in (await client.get("/metrics")).text:  # noqa: ASYNC110 - no event here
                await asyncio.sleep(0.02)
        async with connected(port) as (reader, writer):
            writer.write(HEAD)
            assert b" 429 " in await reader.readuntil(b"\r\n")
        assert [(await answer).status_code for answer in busy] == [200, 200]


def test_the_buffer_must_hold_the_largest_pictures() -> None:
    with pytest.raises(ValidationError, match="max_upload_buffer_bytes"):
        Settings(max_picture_bytes=300_000_000)
