"""The one way out to the internet: fetches a picture or a video by URL, from vetted addresses, within limits.

`httpcore` is used without a client on top: no cookies, no proxy variables, no content decoding, no automatic redirects.
Each hop resolves its host, vets every address it has, and connects to a vetted address; Host header and TLS name stay
the URL's own, so that a second DNS answer has nothing left to change.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import httpcore
import httpx

from gateway import addresses, limits
from gateway.errors import (
    AddressRefusedError,
    EmptyVideoError,
    InvalidUrlError,
    SourceFailedError,
    SourceNotFoundError,
    SourceTimeoutError,
    TooManyRedirectsError,
    UnreadablePictureError,
)
from gateway.resolver import Resolver
from gateway.settings import Settings
from gateway.spool import WRITTEN_AT_ONCE, Spool

MAX_URL_CHARACTERS = 8192
MAX_PORT = 65535
MAX_CONNECTIONS = 256
IDLE_CONNECTIONS = 16
IDLE_TIMEOUT_S = 10.0
REDIRECTS = frozenset({301, 302, 303, 307, 308})
OK = 200
CLIENT_ERRORS = range(400, 500)
HEADERS = (
    (b"Accept", b"image/*, video/*, */*;q=0.1"),
    (b"Accept-Encoding", b"identity"),
    (b"User-Agent", b"darkroom-gateway"),
)

Resolve = Callable[[str, int], Awaitable[list[str]]]
Sized = TypeVar("Sized", bytes, Spool)


class Fetched(Protocol):
    """Told about every fetch that ended well: `bytes_read` and `seconds`."""

    def __call__(self, bytes_read: int, seconds: float) -> None: ...


class Fetcher:
    """Fetches pictures and videos. One per event loop; close it at the end."""

    def __init__(self, settings: Settings, fetched: Fetched, resolve: Resolve | None = None) -> None:
        self._settings = settings
        self._fetched = fetched
        self._resolver = Resolver(MAX_CONNECTIONS)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=IDLE_CONNECTIONS,
            keepalive_expiry=IDLE_TIMEOUT_S,
            network_backend=VettedNetwork(settings.fetch_allowed_networks, resolve or self._resolver),
        )

    async def aclose(self) -> None:
        await self._pool.aclose()
        self._resolver.close()

    async def fetch(self, url: str) -> bytes:
        """The picture's bytes: never more than the limit, and known to begin like a picture.

        Raises InvalidUrlError, AddressRefusedError, SourceNotFoundError, SourceFailedError, SourceTimeoutError,
        TooManyRedirectsError, TooLargeError, UnsupportedTypeError or UnreadablePictureError.
        """
        return await self._fetch(url, self._settings.fetch_timeout_seconds, self._read)

    async def download(self, url: str, spool: Spool) -> None:
        """A video's bytes into a file, never more than the limit. Raises as `fetch` does, but for what is wrong with a
        picture, and as `Spool.write` does.
        """
        await self._fetch(url, self._settings.video_fetch_timeout_seconds, partial(self._pour, spool))

    async def _fetch(self, url: str, timeout_s: float, read: Callable[[httpcore.Response], Awaitable[Sized]]) -> Sized:
        started = time.monotonic()
        target = parse_url(url)
        try:
            async with asyncio.timeout(timeout_s):
                found = await self._follow(target, read)
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise SourceTimeoutError("the URL's host is too slow", private=repr(error)) from error
        except (httpcore.LocalProtocolError, httpcore.UnsupportedProtocol) as error:
            raise InvalidUrlError("the URL cannot be requested", private=repr(error)) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as error:
            raise SourceFailedError("the URL's host broke the connection", private=repr(error)) from error
        self._fetched(len(found), time.monotonic() - started)
        return found

    async def _follow(self, target: httpx.URL, read: Callable[[httpcore.Response], Awaitable[Sized]]) -> Sized:
        for _ in range(self._settings.fetch_max_redirects + 1):
            async with self._get(target) as response:
                if response.status not in REDIRECTS:
                    _require_ok(response.status)
                    return await read(response)
                target = _redirected(target, response)
        raise TooManyRedirectsError(f"the URL redirects more than {self._settings.fetch_max_redirects} times")

    @asynccontextmanager
    async def _get(self, target: httpx.URL) -> AsyncIterator[httpcore.Response]:
        url = httpcore.URL(scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path)
        seconds = self._settings.fetch_timeout_seconds
        timeouts = {
            "connect": self._settings.fetch_connect_timeout_seconds,
            "read": seconds,
            "write": seconds,
            "pool": seconds,
        }
        host = target.netloc  # without user information, which parse_url refuses
        async with self._pool.stream(
            "GET", url, headers=[(b"Host", host), *HEADERS], extensions={"timeout": timeouts}
        ) as response:
            yield response

    async def _read(self, response: httpcore.Response) -> bytes:
        limits.check_size(_announced(response), self._settings.max_picture_bytes)
        body, known = bytearray(), False
        async for chunk in response.aiter_stream():
            body += chunk
            limits.check_size(len(body), self._settings.max_picture_bytes)
            if not known and len(body) >= limits.SNIFF_BYTES:
                known = bool(limits.sniff(bytes(body[: limits.SNIFF_BYTES])))
        if not body:
            raise UnreadablePictureError("the URL leads to an empty file")
        return bytes(body)

    async def _pour(self, spool: Spool, response: httpcore.Response) -> Spool:
        most, body = self._settings.max_video_bytes, bytearray()
        limits.check_size(_announced(response), most, "video")
        async for chunk in response.aiter_stream():
            body += chunk
            limits.check_size(len(spool) + len(body), most, "video")
            if len(body) >= WRITTEN_AT_ONCE:
                await spool.write(bytes(body))
                body.clear()
        if not len(spool) + len(body):
            raise EmptyVideoError("the URL leads to an empty file")
        await spool.write(bytes(body))
        return spool


class VettedNetwork(httpcore.AsyncNetworkBackend):
    """Connects only to vetted addresses: the check and the connection see the same address."""

    def __init__(self, allowed: Iterable[addresses.Network], resolve: Resolve) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolve
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        *others, last = await self._vetted(host, port)
        for address in others:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
        return await self._backend.connect_tcp(last, port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        del timeout, socket_options
        raise AddressRefusedError("the URL leads to an address that is not public", private=path)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _vetted(self, host: str, port: int) -> list[str]:
        """The addresses of `host`, at least one. One refused address refuses all: it shows what the name is for."""
        found = [addresses.parse(text) for text in await self._resolve(host, port)]
        refused = [address for address in found if not addresses.is_allowed(address, self._allowed)]
        if refused:
            detail = f"{host} -> {', '.join(map(str, refused))}"
            raise AddressRefusedError("the URL leads to an address that is not public", private=detail)
        if not found:
            raise SourceNotFoundError("the URL's host has no address")
        return list(dict.fromkeys(map(str, found)))


def parse_url(text: str) -> httpx.URL:
    """The URL if it is one that may be fetched at all. Raises InvalidUrlError with what is wrong.

    Spaces are encoded, as browsers do: a query that was decoded once has them. One in the host stays an error.
    """
    text = text.strip(" ").replace(" ", "%20")
    if len(text) > MAX_URL_CHARACTERS:
        raise InvalidUrlError(f"the URL is longer than {MAX_URL_CHARACTERS} characters")
    if any(character <= " " or character in "\\\x7f" for character in text):
        raise InvalidUrlError("the URL holds backslashes or control characters; percent-encode them")
    try:
        url, authority = httpx.URL(text), urlsplit(text).netloc
        host = url.host  # reads punycode only now, and raises on what is none
    except (httpx.InvalidURL, ValueError) as error:
        raise InvalidUrlError("this is not a URL", private=repr(error)) from error
    if url.scheme not in {"http", "https"} or not host or "%" in host:
        raise InvalidUrlError("the URL must begin with http:// or https:// and name a host")
    if url.userinfo or "@" in authority:
        raise InvalidUrlError("the URL must not hold a user name or password")
    if url.port is not None and not 0 < url.port <= MAX_PORT:
        raise InvalidUrlError("the URL's port does not exist")
    return url


def _redirected(source: httpx.URL, response: httpcore.Response) -> httpx.URL:
    location = _header(response, b"location")
    if not location:
        raise SourceFailedError("the URL's host redirects to nowhere")
    try:
        return parse_url(str(source.join(location)))
    except (httpx.InvalidURL, ValueError) as error:
        raise InvalidUrlError("the URL redirects to something that is no URL", private=repr(error)) from error


def _require_ok(status: int) -> None:
    if status in CLIENT_ERRORS:
        raise SourceNotFoundError(f"the URL's host answers {status}")
    if status != OK:
        raise SourceFailedError(f"the URL's host answers {status}")


def _announced(response: httpcore.Response) -> int:
    """The body's size in bytes as the host says it, 0 where it does not."""
    text = _header(response, b"content-length")
    return int(text) if text.isdigit() else 0


def _header(response: httpcore.Response, name: bytes) -> str:
    value = next((value for key, value in response.headers if key.lower() == name), b"")
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
