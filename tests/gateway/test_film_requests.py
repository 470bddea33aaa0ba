"""What becomes of a video's upload: refusals, some before it is through."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from gateway.segmentation import film_tables
from gateway.settings import Settings
from tests.gateway.clips import Clip
from tests.gateway.fakes import FakeInference, picture
from tests.gateway.films import PATH, clip, post
from tests.gateway.servers import connected, listening

MOST_BYTES = 6_000_000
FORM = 'Content-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
HEAD = (
    f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    "Content-Length: 5000000\r\n\r\n"
)
FIRST = Clip(muxer={"movflags": "+faststart"})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        model_repository=tmp_path,
        canary_interval_seconds=3600,
        max_video_bytes=MOST_BYTES,
        max_video_seconds=1.5,
        max_waiting_jobs=1,
    )


def jobs_files(settings: Settings) -> list[Path]:
    return list((settings.jobs / "files").iterdir())


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_video"),
        (b"some text\n" * 100, "not_video"),
        (picture(), "picture_not_video"),
        (bytes(MOST_BYTES + 1), "too_large"),
    ],
)
async def test_what_is_no_video_is_refused(
    client: httpx.AsyncClient, settings: Settings, content: bytes, code: str
) -> None:
    answer = await client.post(PATH, files={"video": ("a.mp4", content)})
    assert answer.json()["code"] == code
    assert jobs_files(settings) == []


async def test_a_video_beyond_the_limits_is_refused(
    client: httpx.AsyncClient, settings: Settings, tmp_path: Path
) -> None:
    answer = await post(client, clip(tmp_path / "a.mp4", 60))
    assert (answer.status_code, answer.json()["code"]) == (422, "video_too_long")
    assert "2.0 s, longer than 1.5 s" in answer.json()["detail"]
    assert jobs_files(settings) == []


@pytest.mark.parametrize(
    ("fields", "code", "said"),
    [
        ({"outputs": "video,gif"}, "invalid_option", "outputs: Input should be 'video', 'masks', 'rle', 'csv' or"),
        ({"outputs": ","}, "invalid_option", "outputs: Value should have at least 1 item"),
        ({"smoothing": "1"}, "invalid_option", "smoothing: Input should be less than 1"),
        ({"speed": "2"}, "invalid_option", "unknown field speed; allowed: video, video_url, network, smoothing"),
        ({"network": "tall"}, "invalid_option", "network: there is no 'tall' served now; there are: default"),
        ({"video_url": "https://videos.example/a.mp4"}, "invalid_upload", "exactly one of the fields"),
    ],
)
async def test_a_wrong_wish_is_named(
    client: httpx.AsyncClient, settings: Settings, tmp_path: Path, fields: dict[str, str], code: str, said: str
) -> None:
    answer = await post(client, clip(tmp_path / "a.mp4", 2), **fields)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert said in answer.json()["detail"]
    assert jobs_files(settings) == []


async def test_addresses_and_bodies_that_cannot_be_taken(client: httpx.AsyncClient) -> None:
    async def code(**what: object) -> object:
        return (await client.post(PATH, **what)).json()["code"]  # type: ignore[arg-type] # as httpx takes it

    assert await code(json={"video_url": "file:///etc/passwd"}) == "invalid_url"
    assert await code(json={"video_url": "https://a.example/a.mp4", "outputs": ["gif"]}) == "invalid_request"
    assert await code(json={"outputs": ["csv"]}) == "invalid_request"
    assert await code(files={"outputs": (None, "csv")}) == "invalid_upload"
    assert await code(content=b"x", headers={"Content-Type": "video/mp4"}) == "invalid_upload"


async def test_parquet_without_its_library_is_refused_by_name(
    client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_tables, "PARQUET_LIBRARY", "no_such_library")
    answer = await post(client, clip(tmp_path / "a.mp4", 2), outputs="parquet")
    assert answer.json()["detail"].startswith("outputs: parquet needs no_such_library")


async def test_nothing_is_taken_in_where_no_job_has_room(
    app: FastAPI, inference: FakeInference, settings: Settings, tmp_path: Path
) -> None:
    inference.delay_s = 30
    source = clip(tmp_path / "a.mp4", 2)
    async with (
        listening(app, settings) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        running = await post(client, source)
        await eventually(lambda: inference.running)
        waiting = await post(client, source)
        assert [running.status_code, waiting.status_code] == [202, 202]
        assert b"429" in await answer_to(port, b"")
        for one in (running, waiting):
            await client.delete(one.headers["location"])
    assert jobs_files(settings) == []


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


async def answer_to(port: int, body: bytes) -> bytes:
    """The first line of the answer to a request whose body is never finished."""
    async with connected(port) as (reader, writer), asyncio.timeout(20):
        writer.write(HEAD.encode() + body)
        await writer.drain()
        return await reader.readline()


@pytest.mark.parametrize(
    ("seconds", "status"), [(10, b"422"), (1, None)], ids=["too long by its header", "within the limits"]
)
async def test_an_upload_is_judged_by_its_beginning(
    app: FastAPI, settings: Settings, tmp_path: Path, seconds: int, status: bytes | None
) -> None:
    source = clip(tmp_path / "a.mp4", 30 * seconds, FIRST).read_bytes()
    beginning = f"--b\r\n{FORM}".encode() + source + bytes(2_500_000)
    async with listening(app, settings) as port:
        if status:
            assert status in await answer_to(port, beginning)
        else:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await answer_to(port, beginning)
        await eventually(lambda: not jobs_files(settings))
