import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import Message

from gateway.app import create_app
from gateway.errors import ClientGoneError
from gateway.forms import FormShape
from gateway.settings import Settings
from gateway.uploads import read_upload
from tests.gateway.fakes import FakeFetcher, FakeInference, client_of, picture

PATH = "/api/v2/step/predict_upload"
SHAPE = FormShape("file", 4096)
BOUNDARY = {"Content-Type": "multipart/form-data; boundary=frontier"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(model_repository=tmp_path, max_picture_bytes=100_000, upload_timeout_seconds=0.3, max_pixels=10_000)


def part(name: str, data: bytes, filename: str | None = "a.png") -> bytes:
    named = f'; filename="{filename}"' if filename else ""
    return f'--frontier\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + data + b"\r\n"


END = b"--frontier--\r\n"


async def outcome(client: httpx.AsyncClient, body: bytes | AsyncIterator[bytes]) -> tuple[int, str]:
    answer = await client.post(PATH, content=body, headers=BOUNDARY)
    return answer.status_code, answer.json()["code"] if answer.status_code != 200 else ""


async def test_a_form_with_one_file_is_read(client: httpx.AsyncClient) -> None:
    assert await outcome(client, part("file", picture()) + END) == (200, "")
    assert await outcome(client, part("output", b"alpha", None) + part("file", picture()) + END) == (200, "")


def raw_part(disposition: str, data: bytes, kind: str = "") -> bytes:
    typed = f"Content-Type: {kind}\r\n" if kind else ""
    return f"--frontier\r\nContent-Disposition: form-data; {disposition}\r\n{typed}\r\n".encode() + data + b"\r\n"


CHOSEN = part("file", picture())


@pytest.mark.parametrize(
    "body",
    [
        b"This is a form.\r\n" + CHOSEN,
        b"\r\n" + CHOSEN,
        b"\n" + CHOSEN,
        b"This is a form, " * 200 + b"\r\n" + CHOSEN,
        b"--frontie --frontier\r\n--frontie\r\n" + CHOSEN,
        raw_part("name=\"file\"; filename*=UTF-8''k%C3%A4se.png", picture()),
        raw_part('name="file"', picture(), "image/png"),
        raw_part('name="file"', picture()),
        CHOSEN + raw_part('name="file"; filename=""', b"", "application/octet-stream"),
        raw_part('name="file"; filename=""', b"", "application/octet-stream") + CHOSEN,
        raw_part('name="second"; filename=""', b"", "application/octet-stream") + CHOSEN,
        raw_part('name="file"; filename=""', picture()),
    ],
)
@pytest.mark.parametrize("step", [1_000_000, 7])
async def test_forms_that_clients_send_are_read(client: httpx.AsyncClient, body: bytes, step: int) -> None:
    whole = body + END

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(whole), step):
            yield whole[start : start + step]

    assert await outcome(client, pieces()) == (200, "")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (END, (422, "invalid_upload")),
        (b"", (422, "invalid_upload")),
        (b"no form at all", (422, "invalid_upload")),
        (part("picture", picture()) + END, (422, "invalid_upload")),
        (part("file", b"text", None) + END, (415, "unsupported_type")),
        (part("file", b"", "") + END, (422, "unreadable_picture")),
        (raw_part('name="file"; filename=""', b"") + END, (422, "invalid_upload")),
        (CHOSEN + raw_part('name="other"; filename=""', b"x") + END, (422, "invalid_upload")),
        (part("file", picture()) + part("file", picture()) + END, (422, "invalid_upload")),
        (part("file", picture()) + part("other", picture()) + END, (422, "invalid_upload")),
        (b"".join(part(f"x{i}", b"1", None) for i in range(500)) + END, (422, "invalid_upload")),
        (part("output", b"a" * 5000, None) + part("file", picture()) + END, (422, "invalid_upload")),
        (b"--frontier\r\n" + b"X-Junk: 1\r\n" * 5000 + b"\r\n", (422, "invalid_upload")),
        (part("file", b"") + END, (422, "unreadable_picture")),
        (part("file", b"<html></html>") + END, (415, "unsupported_type")),
        (part("file", picture()[:20]) + END, (422, "unreadable_picture")),
        (part("file", picture(101, 100)) + END, (422, "too_many_pixels")),
        (part("file", bytes(100_001)) + END, (413, "too_large")),
        (part("file", bytes(200_000)) + END, (413, "too_large")),
    ],
)
async def test_every_other_form_gets_its_error(
    client: httpx.AsyncClient, inference: FakeInference, body: bytes, expected: tuple[int, str]
) -> None:
    assert await outcome(client, body) == expected
    assert not inference.calls


async def test_a_form_cut_off_inside_its_file_is_refused(client: httpx.AsyncClient) -> None:
    assert await outcome(client, part("file", picture())[:-10]) == (422, "invalid_upload")


async def test_a_body_that_is_no_form_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATH, content=picture(), headers={"Content-Type": "image/png"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_upload")
    assert "'file'" in answer.json()["detail"]


async def test_an_announced_size_over_the_limit_is_refused_unread(client: httpx.AsyncClient) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 10_000
            yield bytes(10_000)

    headers = BOUNDARY | {"Content-Length": "1000000"}
    answer = await client.post(PATH, content=body(), headers=headers)
    assert (answer.status_code, answer.json()["code"], read) == (413, "too_large", 0)


async def test_an_endless_body_is_cut_off_at_the_limit(client: httpx.AsyncClient) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        yield part("file", b"")[:-2]
        while read < 50_000_000:
            read += 65_536
            yield bytes(65_536)

    assert await outcome(client, body()) == (413, "too_large")
    assert read < 500_000


@pytest.mark.parametrize("path", [PATH, "/api/v2/step/predict"])
async def test_a_body_that_drips_is_given_up(client: httpx.AsyncClient, path: str) -> None:
    async def body() -> AsyncIterator[bytes]:
        for byte in part("file", picture()):
            await asyncio.sleep(0.05)
            yield bytes([byte])

    answer = await client.post(path, content=body(), headers=BOUNDARY)
    assert (answer.status_code, answer.json()["code"]) == (408, "upload_timeout")


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=frontier", "image/png"])
async def test_a_large_body_where_a_url_belongs_is_refused_unread(client: httpx.AsyncClient, kind: str) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 50_000_000:
            read += 65_536
            yield b" " * 65_536

    answer = await client.post("/api/v2/step/predict", content=body(), headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert read <= 3 * 65_536


async def test_a_fetched_picture_passes_the_same_limits(
    settings: Settings, inference: FakeInference, app: FastAPI
) -> None:
    pictures = {"http://h/wide": picture(101, 100), "http://h/html": b"<html>", "http://h/none": b""}
    fetching = create_app(settings, inference, app.state.parts.shelf._store, FakeFetcher(pictures))
    async with client_of(fetching) as client:
        answers = [(await client.post("/api/v2/step/predict", json={"url": url})).json()["code"] for url in pictures]
    assert answers == ["too_many_pixels", "unsupported_type", "unreadable_picture"]


async def test_a_client_that_hangs_up_during_its_upload_is_gone(settings: Settings) -> None:
    messages: Iterator[Message] = iter(
        [
            {"type": "http.request", "body": part("file", picture()), "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> Message:
        return next(messages)

    headers = [(b"content-type", BOUNDARY["Content-Type"].encode())]
    with pytest.raises(ClientGoneError):
        await read_upload(Request({"type": "http", "headers": headers}, receive), settings, lambda _: None, SHAPE)
