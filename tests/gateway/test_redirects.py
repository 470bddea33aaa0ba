import asyncio

import pytest

from gateway import errors
from tests.gateway.fetchers import PHOTO, Make
from tests.gateway.servers import always, answer, serving


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
async def test_redirects_are_followed(make_fetcher: Make, status: str) -> None:
    async def handle(head: bytes, writer: asyncio.StreamWriter) -> None:
        target = b"/there/photo.png" in head
        writer.write(answer(PHOTO) if target else answer(status=status, headers="Location: ../there/photo.png\r\n"))

    async with serving(handle) as port:
        assert await make_fetcher().fetch(f"http://127.0.0.1:{port}/here/photo.png") == PHOTO


@pytest.mark.parametrize(
    ("location", "asked"),
    [
        ("/stra\u00dfe.png".encode(), b"/stra%C3%9Fe.png"),
        ("/stra\u00dfe.png".encode("latin-1"), b"/stra%C3%9Fe.png"),
        (b"/my photo.png", b"/my%20photo.png"),
        (b"/stra%C3%9Fe.png", b"/stra%C3%9Fe.png"),
    ],
)
async def test_a_redirect_may_be_written_as_browsers_read_it(make_fetcher: Make, location: bytes, asked: bytes) -> None:
    async def handle(head: bytes, writer: asyncio.StreamWriter) -> None:
        moved = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n"
        writer.write(answer(PHOTO) if head.startswith(b"GET " + asked + b" ") else moved)

    async with serving(handle) as port:
        assert await make_fetcher(fetch_max_redirects=1).fetch(f"http://127.0.0.1:{port}/") == PHOTO


async def test_a_redirect_loop_ends_after_the_allowed_number(make_fetcher: Make) -> None:
    heads: list[bytes] = []

    async def handle(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(answer(status="302 Found", headers="Location: /again\r\n"))

    async with serving(handle) as port:
        with pytest.raises(errors.TooManyRedirectsError):
            await make_fetcher(fetch_max_redirects=3).fetch(f"http://127.0.0.1:{port}/")
    assert len(heads) == 4


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("http://169.254.169.254/latest/meta-data", errors.AddressRefusedError),
        ("http://10.0.0.1/", errors.AddressRefusedError),
        ("//[fd00::1]/", errors.AddressRefusedError),
        ("http://internal.example/", errors.AddressRefusedError),
        ("file:///etc/passwd", errors.InvalidUrlError),
        ("gopher://127.0.0.1/", errors.InvalidUrlError),
        ("http://user:secret@127.0.0.1/", errors.InvalidUrlError),
        ("http://[broken/", errors.InvalidUrlError),
        ("", errors.SourceFailedError),
    ],
)
async def test_each_redirect_is_vetted_like_the_first_url(
    make_fetcher: Make, location: str, error: type[errors.GatewayError]
) -> None:
    async with serving(always(answer(status="302 Found", headers=f"Location: {location}\r\n"))) as port:
        with pytest.raises(error):
            await make_fetcher({"internal.example": ["192.168.1.1"]}).fetch(f"http://127.0.0.1:{port}/")
