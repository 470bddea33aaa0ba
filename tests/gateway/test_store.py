import asyncio
import re
from datetime import timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
from obstore.store import AzureStore, GCSStore, LocalStore, MemoryStore, S3Store
from pydantic import ValidationError

from gateway.app import create_app
from gateway.content import PIECE_BYTES, Content
from gateway.errors import ResultNotFoundError, StoreFailedError
from gateway.settings import Settings
from gateway.store import Shelf, open_store
from gateway.telemetry import Telemetry
from tests.gateway.conftest import PHOTO_URL
from tests.gateway.fakes import FakeFetcher, FakeInference, client_of, picture
from tests.gateway.servers import Handle, always, answer, serving

KEYS = {"s3_access_key_id": "AKIAIOSFODNN7EXAMPLE", "s3_secret_access_key": "not-a-real-secret-not-a-real-secret-0000"}


def s3(port: int, **changes: object) -> Settings:
    values = {"store_url": "s3://bucket/cuts", "s3_endpoint": f"http://127.0.0.1:{port}", "s3_region": "eu-west-1"}
    return Settings.model_validate({"store_timeout_seconds": 1, **values, **KEYS, **changes})


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("s3://bucket/prefix", S3Store),
        ("az://container/prefix", AzureStore),
        ("gs://bucket/prefix", GCSStore),
        ("memory://", MemoryStore),
    ],
)
def test_the_url_names_the_store(url: str, kind: type) -> None:
    settings = Settings.model_validate({"store_url": url, "azure_account_name": "account", **KEYS})
    assert isinstance(open_store(settings), kind)


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_a_folder_is_made(tmp_path: Path, prefix: str) -> None:
    folder = tmp_path / "a" / "b"
    store = open_store(Settings(store_url=f"{prefix}{folder}"))
    assert isinstance(store, LocalStore)
    assert folder.is_dir()


@pytest.mark.parametrize("url", ["ftp://host/x", "https://bucket.s3.example/x"])
def test_another_scheme_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="s3://"):
        Settings(store_url=url)


async def test_what_was_put_is_there(tmp_path: Path) -> None:
    for store in (MemoryStore(), LocalStore(tmp_path)):
        shelf = Shelf(store, Settings(), Telemetry())
        await shelf.put("a/b.png", b"bytes", "image/png")
        assert await shelf.size("a/b.png") == 5
        assert await shelf.get("a/b.png") == b"bytes"
        with pytest.raises(ResultNotFoundError):
            await shelf.size("a/none.png")
        with pytest.raises(ResultNotFoundError):
            await shelf.open("a/none.png")
        with pytest.raises(ResultNotFoundError):
            await shelf.get("a/none.png")


@pytest.mark.parametrize("size_bytes", [1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
async def test_what_was_put_is_read_piece_by_piece(tmp_path: Path, size_bytes: int) -> None:
    data = np.random.default_rng(size_bytes).bytes(size_bytes)
    for store in (MemoryStore(), LocalStore(tmp_path)):
        shelf = Shelf(store, Settings(), Telemetry())
        await shelf.put("a.png", data, "image/png")
        content = await shelf.open("a.png")
        assert (content.size_bytes, await whole(content)) == (size_bytes, data)


async def whole(content: Content) -> bytes:
    return b"".join([piece async for piece in content.pieces])


def sending(data: bytes, pause_s: float, announced: int) -> Handle:
    """An S3 object whose `data` comes in four parts, with a pause after each."""

    async def handle(_head: bytes, writer: asyncio.StreamWriter) -> None:
        facts = 'ETag: "1"\r\nLast-Modified: Fri, 20 Nov 2026 18:00:00 GMT\r\n'
        writer.write(answer(headers=f"{facts}Content-Length: {announced}\r\n"))
        for start in range(0, len(data), len(data) // 4):
            writer.write(data[start : start + len(data) // 4])
            await writer.drain()
            await asyncio.sleep(pause_s)

    return handle


async def test_the_deadline_is_for_a_piece_not_for_the_whole_object() -> None:
    data = bytes(4 * PIECE_BYTES)
    async with serving(sending(data, 0.4, len(data))) as port:
        settings = s3(port, store_timeout_seconds=1)
        content = await Shelf(open_store(settings), settings, Telemetry()).open("a.png")
        assert await whole(content) == data


@pytest.mark.parametrize("pause_s", [0, 30])
async def test_a_store_that_breaks_off_or_stalls_is_an_error_of_its_own(pause_s: float) -> None:
    data = bytes(4 * PIECE_BYTES)
    async with serving(sending(data, pause_s, 2 * len(data))) as port:
        settings = s3(port, store_timeout_seconds=1)
        content = await Shelf(open_store(settings), settings, Telemetry()).open("a.png")
        with pytest.raises(StoreFailedError):
            await whole(content)


@pytest.mark.parametrize("kind", ["refused", "closing", "broken", "forbidden"])
async def test_a_store_that_fails_is_an_error_of_its_own(kind: str) -> None:
    sent = {"broken": b"nonsense\r\n\r\n", "forbidden": answer(status="403 Forbidden"), "refused": b"", "closing": b""}

    async with serving(always(sent[kind])) as port:
        settings = s3(1 if kind == "refused" else port)
        shelf = Shelf(open_store(settings), settings, Telemetry())
        with pytest.raises(StoreFailedError) as caught:
            await shelf.put("a.png", b"x", "image/png")
    assert "127.0.0.1" not in caught.value.public
    assert caught.value.retry_after_s


@pytest.mark.parametrize("kind", ["s3", "az", "gs"])
async def test_an_emulator_is_reached_over_plain_http(kind: str) -> None:
    heads: list[bytes] = []

    async def emulate(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(answer(status="201 Created", headers='ETag: "x"\r\nx-goog-generation: 1\r\n'))

    async with serving(emulate) as port:
        endpoint = f"http://127.0.0.1:{port}"
        changes = {
            "s3": {},
            "az": {"azure_endpoint": f"{endpoint}/me", "azure_account_name": "me", "azure_account_key": "a2V5"},
            "gs": {"gcs_endpoint": endpoint},
        }[kind]
        settings = s3(port, store_url=f"{kind}://bucket/cuts", store_timeout_seconds=10, **changes)
        await Shelf(open_store(settings), settings, Telemetry()).put("a.png", b"x", "image/png")
    (head,) = heads
    assert re.match(rb"PUT (/me)?/bucket/cuts(/|%2F)a(\.|%2E)png ", head)


async def test_a_failing_store_is_told_to_the_client_before_any_work(inference: FakeInference, tmp_path: Path) -> None:
    settings = s3(1).model_copy(update={"model_repository": tmp_path})
    async with client_of(create_app(settings, inference, open_store(settings))) as client:
        refused = await client.post("/api/v2/step/predict_upload", files={"file": picture()})
    assert (refused.status_code, refused.json()["code"]) == (502, "store_failed")
    assert not inference.calls


async def test_a_presigned_url_is_short_lived_and_keeps_the_secret(
    inference: FakeInference, fetcher: FakeFetcher
) -> None:
    settings = s3(1, store_presign_seconds=300)
    shelf = Shelf(open_store(settings), settings, Telemetry())
    url = httpx.URL(await shelf.url("cutout_step/ab/abc.png", "http://gateway"))
    assert url.path == "/bucket/cuts/cutout_step/ab/abc.png"
    assert url.params["X-Amz-Expires"] == str(int(timedelta(minutes=5).total_seconds()))
    assert str(KEYS["s3_secret_access_key"]) not in str(url)
    local = settings.model_copy(update={"store_url": "store"})
    async with client_of(create_app(local, inference, MemoryStore(), fetcher)) as client:
        refused = await client.post("/api/v2/step/predict", json={"url": PHOTO_URL})
    assert refused.json()["code"] == "store_failed"


@pytest.mark.parametrize(
    "changes",
    [
        {"store_presign_seconds": 60},
        {"store_url": "s3://b", "store_presign_seconds": 60, "store_public_url": "https://cdn.example"},
        {"store_presign_seconds": 700_000, "store_url": "s3://b"},
        {"s3_access_key_id": "AKIA"},
        {"s3_secret_access_key": "secret"},
    ],
)
def test_store_settings_that_contradict_each_other_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(changes)
