"""Videos by their addresses, from real hosts that behave as badly as a test wants."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from obstore.store import MemoryStore

from gateway.app import create_app
from gateway.settings import Settings
from tests.gateway.clips import Clip
from tests.gateway.fakes import FakeInference, client_of
from tests.gateway.fetchers import LOOPBACK
from tests.gateway.films import PATH, clip, ended
from tests.gateway.servers import Handle, always, answer, serving

COUNT = 12
MOST_BYTES = 4_000_000
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nTransfer-Encoding: chunked\r\n\r\n"
UNSAID = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        model_repository=tmp_path,
        canary_interval_seconds=3600,
        job_progress_interval_seconds=0.02,
        fetch_allowed_networks=(LOOPBACK,),
        max_video_bytes=MOST_BYTES,
        max_video_seconds=2,
    )


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    """With the fetcher that goes out."""
    return create_app(settings, FakeInference(), MemoryStore())


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return clip(tmp_path_factory.mktemp("clips") / "a.mp4", COUNT, Clip(sound="aac")).read_bytes()


def chunks(data: bytes, size: int) -> bytes:
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


async def job_of(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    return await ended(client, await client.post(PATH, json={"video_url": url, "outputs": ["csv"]}))


async def outcome(client: httpx.AsyncClient, handle: Handle) -> tuple[int, str, str]:
    """Of a job by the address of a host: frames that are done, and the error's code and detail."""
    async with serving(handle) as port:
        job = await job_of(client, f"http://127.0.0.1:{port}/aisle.mp4")
    error = job["error"] or {"code": "", "detail": ""}
    return job["progress"]["done"], error["code"], error["detail"]


def left(settings: Settings) -> list[str]:
    return [path.name for path in (settings.jobs / "files").rglob("*")]


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


async def nothing_left(settings: Settings) -> None:
    """The files go when the end is noted."""
    await eventually(lambda: left(settings) == [])


@pytest.mark.parametrize("way", ["with its length", "without", "in chunks", "in crumbs"])
async def test_a_video_comes_whole_however_it_is_sent(client: httpx.AsyncClient, video: bytes, way: str) -> None:
    sent = {
        "with its length": answer(video),
        "without": UNSAID + video,
        "in chunks": CHUNKED + chunks(video, 4096) + b"0\r\n\r\n",
        "in crumbs": CHUNKED + chunks(video, 7) + b"0\r\n\r\n",
    }
    assert await outcome(client, always(sent[way])) == (COUNT, "", "")


async def endless(_head: bytes, writer: "asyncio.StreamWriter") -> None:
    writer.write(CHUNKED)
    while True:
        writer.write(chunks(bytes(65536), 65536))
        await writer.drain()


HTML = b"<!doctype html><title>Log in</title>" + b"<p>Who are you?</p>\n" * 200


@pytest.mark.parametrize(
    ("handle", "code", "said"),
    [
        (always(answer(headers="Content-Length: 4000001\r\n")), "too_large", "4000000"),
        (always(answer(HTML, headers="Content-Type: video/mp4\r\n")), "not_video", ""),
        (always(answer(b"")), "empty_video", "the URL leads to an empty file"),
        (always(answer(b"gone", "404 Not Found")), "source_not_found", "the URL's host answers 404"),
        (always(answer(b"", "503 Busy")), "source_failed", "the URL's host answers 503"),
        (endless, "not_video", ""),
    ],
    ids=["announced too large", "a page", "empty", "not found", "busy", "endless zeros"],
)
async def test_what_is_no_video_fails_by_name(
    client: httpx.AsyncClient, settings: Settings, handle: Handle, code: str, said: str
) -> None:
    done, found, detail = await outcome(client, handle)
    assert (done, found) == (0, code), detail
    assert said in detail
    await nothing_left(settings)


async def test_a_body_without_a_length_is_cut_off_at_the_limit(
    client: httpx.AsyncClient, settings: Settings, video: bytes
) -> None:
    sent = 0

    async def handle(_head: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(UNSAID + video + (50_000_000).to_bytes(4) + b"free")
        while sent < 50_000_000:
            writer.write(bytes(65536))
            await writer.drain()
            sent += 65536

    assert (await outcome(client, handle))[1] == "too_large"
    assert sent < 3 * MOST_BYTES
    await nothing_left(settings)


async def test_a_video_that_is_too_long_by_its_beginning_is_not_fetched_to_its_end(
    client: httpx.AsyncClient, settings: Settings, tmp_path: Path
) -> None:
    path = clip(tmp_path / "long.mp4", 75, Clip(muxer={"movflags": "+faststart"}))
    beginning = await asyncio.to_thread(path.read_bytes)
    sent = 0

    async def handle(_head: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(UNSAID + beginning)
        while sent < 50_000_000:
            writer.write(bytes(65536))
            await writer.drain()
            sent += 65536

    assert (await outcome(client, handle))[1:] == ("video_too_long", "the video lasts 2.5 s, longer than 2 s")
    assert sent < 3 * MOST_BYTES
    await nothing_left(settings)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
@pytest.mark.parametrize("way", ["its length told", "in chunks"])
async def test_a_connection_that_breaks_off_is_told(
    client: httpx.AsyncClient, settings: Settings, video: bytes, share: float, way: str
) -> None:
    piece = video[: int(len(video) * share)]
    sent = (
        answer(piece, headers=f"Content-Length: {len(video)}\r\n")
        if way == "its length told"
        else CHUNKED + chunks(piece, 4096)
    )
    done, code, detail = await outcome(client, always(sent))
    assert (done, code, detail) == (0, "source_failed", "the URL's host broke the connection")
    await nothing_left(settings)


async def test_a_video_that_is_cut_off_without_a_word_is_judged_as_a_file(
    client: httpx.AsyncClient, video: bytes
) -> None:
    done, code, _ = await outcome(client, always(UNSAID + video[: len(video) // 2]))
    assert (done, code) == (0, "truncated_video")


@asynccontextmanager
async def changed(settings: Settings, **changes: object) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway of other settings."""
    app = create_app(settings.model_copy(update=changes), FakeInference(), MemoryStore())
    async with client_of(app) as client:
        yield client


def dripping(data: bytes, pause_s: float) -> Handle:
    async def handle(_head: bytes, writer: asyncio.StreamWriter) -> None:
        for at in range(0, len(data), 100):
            writer.write(data[at : at + 100])
            await writer.drain()
            await asyncio.sleep(pause_s)

    return handle


async def test_a_host_that_drips_gets_so_much_time_and_no_more(settings: Settings, video: bytes) -> None:
    slow = dripping(UNSAID + video, 0.05)
    async with changed(settings, video_fetch_timeout_seconds=0.5) as client:
        begun = time.monotonic()
        assert (await outcome(client, slow))[1] == "source_timeout"
        assert time.monotonic() - begun < 5
    await nothing_left(settings)


async def test_a_host_that_falls_silent_is_given_up_long_before(settings: Settings, video: bytes) -> None:
    async def handle(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(UNSAID + video[:3000])
        await writer.drain()
        await asyncio.Event().wait()

    async with changed(settings, fetch_timeout_seconds=0.3) as client:
        begun = time.monotonic()
        assert (await outcome(client, handle))[1] == "source_timeout"
        assert time.monotonic() - begun < 5


@pytest.mark.parametrize("target", ["http://10.0.0.1/a.mp4", "http://169.254.169.254/latest", "http://[::1]/a.mp4"])
async def test_a_redirect_to_a_private_address_is_refused(
    client: httpx.AsyncClient, settings: Settings, target: str
) -> None:
    handle = always(answer(status="302 Found", headers=f"Location: {target}\r\n"))
    assert await outcome(client, handle) == (0, "address_refused", "the URL leads to an address that is not public")
    await nothing_left(settings)


async def test_redirects_are_followed_and_their_number_is_bounded(client: httpx.AsyncClient, video: bytes) -> None:
    seen = list[bytes]()

    async def handle(head: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(head.split()[1])
        onward = answer(status="307 Later", headers=f"Location: /{len(seen)}\r\n")
        writer.write(answer(video) if len(seen) == 4 else onward)

    assert await outcome(client, handle) == (COUNT, "", "")
    assert seen == [b"/aisle.mp4", b"/1", b"/2", b"/3"]
    around = always(answer(status="302 Found", headers="Location: /aisle.mp4\r\n"))
    assert (await outcome(client, around))[1] == "too_many_redirects"


async def test_a_private_address_is_refused_where_no_network_is_allowed(settings: Settings) -> None:
    async with changed(settings, fetch_allowed_networks=()) as client:
        assert (await outcome(client, always(answer(b"secret"))))[1] == "address_refused"


async def test_a_cancel_ends_the_download(client: httpx.AsyncClient, settings: Settings, video: bytes) -> None:
    gone = asyncio.Event()

    async def handle(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(UNSAID + video + (3_000_000).to_bytes(4) + b"free" + bytes(1_500_000))
        try:
            await dripping(bytes(MOST_BYTES), 0.02)(head, writer)
        except ConnectionError:
            gone.set()

    async with serving(handle) as port:
        accepted = await client.post(PATH, json={"video_url": f"http://127.0.0.1:{port}/aisle.mp4"})
        url = accepted.headers["location"]
        await eventually(lambda: "source.part" in left(settings))
        begun = time.monotonic()
        assert (await client.delete(url)).json()["state"] == "cancelled"
        assert time.monotonic() - begun < 2
        async with asyncio.timeout(5):
            await gone.wait()
    await nothing_left(settings)
