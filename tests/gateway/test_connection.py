import asyncio
import time

import httpx
import psutil
import pytest
from fastapi import FastAPI

from gateway.inference import Cut
from gateway.settings import Settings
from tests.gateway.conftest import PHOTO_URL
from tests.gateway.fakes import FakeInference, picture
from tests.gateway.servers import connected, listening

HEAD = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def hasty(settings: Settings) -> Settings:
    return settings.model_copy(update={"head_timeout_seconds": 0.3, "read_timeout_seconds": 0.5})


async def until_cut_off(client_port: int, port: int) -> None:
    """Returns once the server has let go of a client that learns nothing of it, for it does not read."""
    async with asyncio.timeout(30):
        while any(  # noqa: ASYNC110 - the server tells nobody
            one.laddr.port == port and one.raddr and one.raddr.port == client_port
            for one in psutil.Process().net_connections("tcp")
        ):
            await asyncio.sleep(0.05)


async def until_closed(reader: asyncio.StreamReader) -> tuple[bytes, float]:
    started = time.monotonic()
    async with asyncio.timeout(10):
        return await reader.read(), time.monotonic() - started


@pytest.mark.parametrize("sent", [b"", b"GET /hea", HEAD[:-2]])
async def test_a_head_that_never_ends_closes_its_connection(app: FastAPI, hasty: Settings, sent: bytes) -> None:
    async with listening(app, hasty) as port, connected(port) as (reader, writer):
        writer.write(sent)
        read, seconds = await until_closed(reader)
    assert (read, seconds > 0.1) == (b"", True)


async def test_a_head_that_drips_gets_no_more_time(app: FastAPI, hasty: Settings) -> None:
    async with listening(app, hasty) as port, connected(port) as (reader, writer):
        reading = asyncio.create_task(until_closed(reader))
        while not reading.done():
            writer.write(b"G")
            await asyncio.sleep(0.05)
        assert not isinstance(reading.exception(), TimeoutError)


async def test_the_second_head_of_a_connection_has_its_time_and_so_has_the_pause_before(
    app: FastAPI, hasty: Settings
) -> None:
    async with listening(app, hasty) as port, connected(port) as (reader, writer):
        for _ in range(2):
            writer.write(HEAD)
            assert b" 200 OK" in await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.5)
        writer.write(HEAD[:10])
        await until_closed(reader)


async def test_a_request_that_takes_long_is_not_cut_off(
    app: FastAPI, hasty: Settings, inference: FakeInference
) -> None:
    inference.delay_s = 0.8
    async with listening(app, hasty) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.get(f"/api/v2/step/crop?{PHOTO_URL}")).status_code == 302


async def test_a_body_that_goes_on_after_its_answer_does_not_keep_the_connection(app: FastAPI, hasty: Settings) -> None:
    async with listening(app, hasty) as port, connected(port) as (reader, writer):
        writer.write(b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        assert b" 404 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"x")
        await until_closed(reader)


@pytest.mark.parametrize("closing", [b"", b"Connection: close\r\n"])
async def test_a_client_that_does_not_read_is_cut_off(
    app: FastAPI, hasty: Settings, inference: FakeInference, closing: bytes
) -> None:
    inference.cut = Cut(picture() + bytes(20_000_000), None)
    async with listening(app, hasty) as port, connected(port) as (reader, writer):
        writer.write(b"GET /api/v2/step/crop?" + PHOTO_URL.encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        found = await reader.readuntil(b"\r\n\r\n")
        path = found.partition(b"location: ")[2].partition(b"\r\n")[0].partition(b"/files")[2]
        writer.write(b"GET /files" + path + b" HTTP/1.1\r\nHost: x\r\n" + closing + b"\r\n")
        await until_cut_off(writer.get_extra_info("sockname")[1], port)
        read, _ = await until_closed(reader)
    assert len(read) < len(inference.cut.png)
