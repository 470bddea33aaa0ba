import asyncio
import gzip
import ssl
import time
from pathlib import Path

import pytest

from gateway import errors
from gateway.fetch import Fetcher
from tests.gateway.fetchers import PHOTO, Make, ignore, local
from tests.gateway.servers import always, answer, serving

# Self-signed, for the name pictures.example, made for these tests.
CERTIFICATE = Path(__file__).parent / "data" / "pictures.example.pem"


async def test_a_picture_is_fetched_as_it_is(make_fetcher: Make) -> None:
    async with serving(always(answer(PHOTO))) as port:
        assert await make_fetcher().fetch(f"http://127.0.0.1:{port}/a.png") == PHOTO


async def test_the_request_names_the_host_of_the_url_and_asks_for_no_compression(make_fetcher: Make) -> None:
    heads: list[bytes] = []

    async def handle(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(answer(PHOTO))

    async with serving(handle) as port:
        await make_fetcher({"pictures.example": ["127.0.0.1"]}).fetch(f"http://pictures.example:{port}/a%20b.png?c=d&e")
    assert heads[0].startswith(b"GET /a%20b.png?c=d&e HTTP/1.1\r\n")
    assert f"Host: pictures.example:{port}\r\n".encode() in heads[0]
    assert b"Accept-Encoding: identity\r\n" in heads[0]


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.1", "0x7f.1", "2130706433", "0", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1"]
)
async def test_by_default_no_local_address_is_reached_however_it_is_written(make_fetcher: Make, host: str) -> None:
    reached: list[bytes] = []

    async def handle(head: bytes, _writer: asyncio.StreamWriter) -> None:
        reached.append(head)

    async with serving(handle) as port:
        with pytest.raises((errors.AddressRefusedError, errors.SourceNotFoundError)):
            await make_fetcher(fetch_allowed_networks=()).fetch(f"http://{host}:{port}/")
    assert not reached


async def test_one_private_address_among_public_ones_refuses_the_host(make_fetcher: Make) -> None:
    fetcher = make_fetcher({"mixed.example": ["93.184.216.34", "10.0.0.1"]})
    with pytest.raises(errors.AddressRefusedError) as caught:
        await fetcher.fetch("http://mixed.example/")
    assert "10.0.0.1" in caught.value.private
    assert "10.0.0.1" not in caught.value.public


async def test_the_address_that_was_vetted_is_the_one_connected_to() -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def resolve(_host: str, _port: int) -> list[str]:
        return next(answers)

    async with serving(always(answer(PHOTO))) as port:
        fetcher = Fetcher(local(), ignore, resolve)
        assert await fetcher.fetch(f"http://rebinding.example:{port}/") == PHOTO
        with pytest.raises(errors.AddressRefusedError):
            await fetcher.fetch(f"http://rebinding.example:{port}/")
        await fetcher.aclose()


async def test_the_next_address_is_tried_when_one_does_not_answer(make_fetcher: Make) -> None:
    async with serving(always(answer(PHOTO))) as port:
        fetcher = make_fetcher({"two.example": ["127.0.0.9", "127.0.0.1"]})
        assert await fetcher.fetch(f"http://two.example:{port}/") == PHOTO


async def test_a_host_without_addresses_is_not_found(make_fetcher: Make) -> None:
    with pytest.raises(errors.SourceNotFoundError):
        await make_fetcher({"none.example": []}).fetch("http://none.example/")
    with pytest.raises(errors.SourceNotFoundError):
        await make_fetcher().fetch("http://no-such-host.invalid/")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("404 Not Found", errors.SourceNotFoundError),
        ("403 Forbidden", errors.SourceNotFoundError),
        ("204 No Content", errors.SourceFailedError),
        ("500 Oops", errors.SourceFailedError),
        ("503 Busy", errors.SourceFailedError),
    ],
)
async def test_a_host_that_answers_otherwise_is_told_apart(
    make_fetcher: Make, status: str, error: type[errors.GatewayError]
) -> None:
    async with serving(always(answer(PHOTO if status[0] != "2" else b"", status))) as port:
        with pytest.raises(error, match=status[:3]):
            await make_fetcher().fetch(f"http://127.0.0.1:{port}/")


async def test_an_announced_size_over_the_limit_is_refused_before_the_body(make_fetcher: Make) -> None:
    async with serving(always(answer(headers="Content-Length: 30000001\r\n"))) as port:
        with pytest.raises(errors.TooLargeError):
            await make_fetcher().fetch(f"http://127.0.0.1:{port}/")


async def test_a_body_without_a_length_is_cut_off_at_the_limit(make_fetcher: Make) -> None:
    sent = 0

    async def handle(_head: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"8\r\n\x89PNG\r\n\x1a\n\r\n")
        while sent < 50_000_000:
            writer.write(b"10000\r\n" + bytes(65536) + b"\r\n")
            await writer.drain()
            sent += 65536

    async with serving(handle) as port:
        with pytest.raises(errors.TooLargeError):
            await make_fetcher(max_picture_bytes=200_000).fetch(f"http://127.0.0.1:{port}/")
    assert sent < 50_000_000


async def test_what_is_no_picture_is_refused_at_its_first_bytes(make_fetcher: Make) -> None:
    async def handle(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(headers="Content-Length: 1000000\r\nContent-Type: image/png\r\n") + b"<html>" * 20)
        await writer.drain()
        await asyncio.sleep(30)

    async with serving(handle) as port:
        with pytest.raises(errors.UnsupportedTypeError):
            await make_fetcher().fetch(f"http://127.0.0.1:{port}/")


async def test_compressed_content_is_not_unpacked(make_fetcher: Make) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    async with serving(always(answer(bomb, headers="Content-Encoding: gzip\r\n"))) as port:
        with pytest.raises(errors.UnsupportedTypeError):
            await make_fetcher().fetch(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + PHOTO[:60],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + PHOTO[:20],
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
    ],
)
async def test_a_broken_answer_is_the_hosts_fault(make_fetcher: Make, sent: bytes) -> None:
    async with serving(always(sent)) as port:
        with pytest.raises(errors.SourceFailedError):
            await make_fetcher().fetch(f"http://127.0.0.1:{port}/")


async def test_an_empty_body_is_no_picture(make_fetcher: Make) -> None:
    async with serving(always(answer())) as port:
        with pytest.raises(errors.UnreadablePictureError):
            await make_fetcher().fetch(f"http://127.0.0.1:{port}/")


async def test_nobody_listening_is_the_hosts_fault(make_fetcher: Make) -> None:
    async with serving(always(b"")) as port:
        pass
    with pytest.raises(errors.SourceFailedError):
        await make_fetcher().fetch(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("pause_before", ["head", "body"])
async def test_a_slow_host_is_given_up_after_the_total_time(make_fetcher: Make, pause_before: str) -> None:
    async def handle(_head: bytes, writer: asyncio.StreamWriter) -> None:
        whole = answer(PHOTO)
        drip = whole if pause_before == "head" else whole[-len(PHOTO) :]
        writer.write(whole[: len(whole) - len(drip)])
        for byte in drip:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)

    async with serving(handle) as port:
        started = time.monotonic()
        with pytest.raises(errors.SourceTimeoutError):
            await make_fetcher(fetch_timeout_seconds=0.3).fetch(f"http://127.0.0.1:{port}/")
        assert time.monotonic() - started < 2


@pytest.fixture
def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


async def test_https_needs_a_certificate_that_is_trusted(make_fetcher: Make, tls: ssl.SSLContext) -> None:
    async with serving(always(answer(PHOTO)), tls) as port:
        with pytest.raises(errors.SourceFailedError):
            await make_fetcher({"pictures.example": ["127.0.0.1"]}).fetch(f"https://pictures.example:{port}/")


async def test_https_names_the_host_of_the_url_while_the_address_is_pinned(
    make_fetcher: Make, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[str | None] = []
    tls.sni_callback = lambda _, name, __: named.append(name)
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    fetcher = make_fetcher({"pictures.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]})
    async with serving(always(answer(PHOTO)), tls) as port:
        assert await fetcher.fetch(f"https://pictures.example:{port}/") == PHOTO
        with pytest.raises(errors.SourceFailedError, match="broke the connection"):
            await fetcher.fetch(f"https://other.example:{port}/")
    assert named == ["pictures.example", "other.example"]
