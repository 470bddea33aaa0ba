"""Objects in a folder, S3 and its kin, Azure or Google. Every failure becomes the gateway's own error."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, MemoryStore, ObjectStore, S3Store

from gateway.content import PIECE_BYTES, Content
from gateway.errors import ResultNotFoundError, StoreFailedError
from gateway.settings import Settings
from gateway.telemetry import Telemetry

if TYPE_CHECKING:  # obstore's types exist for type checkers only
    from obstore import GetResult, ObjectMeta
    from obstore.store import AzureConfig, ClientConfig, GCSConfig, RetryConfig, S3Config

CACHE_CONTROL = "public, max-age=31536000, immutable"
LISTED_AT_ONCE = 1000
RETRIES = 3
RETRY_AFTER_S = 5.0


def open_store(settings: Settings) -> ObjectStore:
    """The store that `store_url` names; touches the network only when it is used. Raises ValueError or BaseError."""
    return _opened(settings.store_url, settings) or LocalStore(_folder(settings.store_url), mkdir=True)


def open_existing(settings: Settings, url: str) -> ObjectStore:
    """A store that is there already, reached as that of results is; so must its folder be, if it is one.

    Raises ValueError or BaseError.
    """
    return _opened(url, settings) or LocalStore(_folder(url))


def _opened(url: str, settings: Settings) -> ObjectStore | None:
    """The store that a URL names, unless it is a folder."""
    if url.startswith("s3://"):
        return _s3(url, settings)
    if url.startswith("az://"):
        return _azure(url, settings)
    if url.startswith("gs://"):
        return _google(url, settings)
    return MemoryStore() if url.startswith("memory://") else None


def _folder(url: str) -> str:
    return url.removeprefix("file://")


class Shelf:
    """An object store with a deadline on each operation, and the addresses of what lies in it."""

    def __init__(self, store: ObjectStore, settings: Settings, telemetry: Telemetry) -> None:
        self._store = store
        self._settings = settings
        self._telemetry = telemetry

    async def put(self, path: str, data: bytes, media_type: str) -> None:
        """Writes one object, whole or not at all. Raises StoreFailedError."""
        # LocalStore refuses attributes; the gateway serves its files itself and adds them there.
        plain = isinstance(self._store, LocalStore)
        attributes = None if plain else {"Content-Type": media_type, "Cache-Control": CACHE_CONTROL}
        with self._guarded("put", path):
            async with asyncio.timeout(self._settings.store_timeout_seconds):
                await obstore.put_async(self._store, path, data, attributes=attributes)

    async def get(self, path: str) -> bytes:
        """An object's bytes. Raises ResultNotFoundError or StoreFailedError."""
        with self._guarded("get", path):
            async with asyncio.timeout(self._settings.store_timeout_seconds):
                found = await obstore.get_async(self._store, path)
                return bytes(await found.bytes_async())

    async def open(self, path: str) -> Content:
        """An object to be read piece by piece. Raises ResultNotFoundError or StoreFailedError, at first and later."""
        with self._guarded("get", path):
            async with asyncio.timeout(self._settings.store_timeout_seconds):
                found = await obstore.get_async(self._store, path)
        return Content(found.meta["size"], self._pieces(path, found))

    async def _pieces(self, path: str, found: "GetResult") -> AsyncIterator[bytes]:
        pieces = aiter(found.stream(min_chunk_size=PIECE_BYTES))
        while True:
            with self._guarded("read", path):
                async with asyncio.timeout(self._settings.store_timeout_seconds):
                    piece = bytes(await anext(pieces, b""))
            if not piece:
                return
            yield piece

    async def listed(self, prefix: str, most: int) -> list["ObjectMeta"]:
        """What lies below a prefix, at most one more than `most` objects. Raises StoreFailedError."""
        found: list[ObjectMeta] = []
        with self._guarded("list", prefix):
            self._require_folder()
            stream = obstore.list(self._store, prefix, chunk_size=min(most + 1, LISTED_AT_ONCE))
            while len(found) <= most:
                async with asyncio.timeout(self._settings.store_timeout_seconds):
                    chunk = await anext(stream, None)
                if chunk is None:
                    break
                found += chunk
        return found[: most + 1]

    def _require_folder(self) -> None:
        """Raises OSError where a store is a folder that is gone, which obstore takes for an empty one."""
        if isinstance(self._store, LocalStore) and self._store.prefix is not None and not self._store.prefix.is_dir():
            raise NotADirectoryError(str(self._store.prefix))

    async def size(self, path: str) -> int:
        """An object's size in bytes. Raises ResultNotFoundError unless it is there, or StoreFailedError."""
        with self._guarded("head", path):
            async with asyncio.timeout(self._settings.store_timeout_seconds):
                return (await obstore.head_async(self._store, path))["size"]

    async def url(self, path: str, gateway_url: str) -> str:
        """Where a client reaches the object: presigned, at the store's public address, or through the gateway."""
        if self._settings.store_presign_seconds:
            return await self._presigned(path)
        base = self._settings.store_public_url or f"{gateway_url}/files"
        return f"{base}/{quote(path)}"

    async def _presigned(self, path: str) -> str:
        if not isinstance(self._store, S3Store | AzureStore | GCSStore):
            raise StoreFailedError("this store cannot sign URLs", private=repr(self._store))
        lifetime = timedelta(seconds=self._settings.store_presign_seconds)
        with self._guarded("sign", path):
            async with asyncio.timeout(self._settings.store_timeout_seconds):
                return await obstore.sign_async(self._store, "GET", path, lifetime)

    @contextmanager
    def _guarded(self, operation: str, path: str) -> Iterator[None]:
        try:
            with self._telemetry.store_operation(operation):
                yield
        except FileNotFoundError as error:
            raise ResultNotFoundError("there is no such result", private=path) from error
        except (BaseError, OSError, TimeoutError, ValueError, NotImplementedError) as error:
            private = f"{operation} {path}: {error!r}"
            raise StoreFailedError("the object store failed", private=private, retry_after_s=RETRY_AFTER_S) from error


def _s3(url: str, settings: Settings) -> S3Store:
    config: S3Config = {}
    if settings.s3_endpoint:
        config["endpoint"] = settings.s3_endpoint
    if settings.s3_region:
        config["region"] = settings.s3_region
    if settings.s3_access_key_id and settings.s3_secret_access_key:
        config["access_key_id"] = settings.s3_access_key_id
        config["secret_access_key"] = settings.s3_secret_access_key.get_secret_value()
    if settings.s3_session_token:
        config["session_token"] = settings.s3_session_token.get_secret_value()
    client = _client(settings.s3_endpoint)
    return S3Store.from_url(url, config=config, client_options=client, retry_config=_retry(settings))


def _azure(url: str, settings: Settings) -> AzureStore:
    config: AzureConfig = {}
    if settings.azure_account_name:
        config["account_name"] = settings.azure_account_name
    if settings.azure_account_key:
        config["account_key"] = settings.azure_account_key.get_secret_value()
    if settings.azure_endpoint:
        config["endpoint"] = settings.azure_endpoint
    client = _client(settings.azure_endpoint)
    return AzureStore.from_url(url, config=config, client_options=client, retry_config=_retry(settings))


def _google(url: str, settings: Settings) -> GCSStore:
    config: GCSConfig = {}
    client = _client(settings.gcs_endpoint)
    if settings.gcs_service_account:
        config["service_account"] = str(settings.gcs_service_account)
    elif client["allow_http"]:
        # An emulator takes any token; without one the machine's metadata server would be asked.
        config["bearer_token"] = "emulator"  # noqa: S105 - no secret
    if settings.gcs_endpoint:
        config["base_url"] = settings.gcs_endpoint
    return GCSStore.from_url(url, config=config, client_options=client, retry_config=_retry(settings))


def _client(endpoint: str | None) -> "ClientConfig":
    plain = endpoint is not None and endpoint.startswith("http://")
    # The client's own deadline includes reading the whole body, and a client of ours may take its time with that. Each
    # operation has its deadline in Shelf.
    return {"allow_http": plain, "timeout": timedelta(days=1)}


def _retry(settings: Settings) -> "RetryConfig":
    return {
        "max_retries": RETRIES,
        "retry_timeout": timedelta(seconds=settings.store_timeout_seconds),
        "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2},
    }
