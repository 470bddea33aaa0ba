"""The folder of templates while readers, other gateways and shutdowns come between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, S3Store
from pydantic import ValidationError

from gateway import template_folder
from gateway.app import create_app
from gateway.repository import template_digest
from gateway.settings import Settings
from gateway.store import Shelf, open_existing
from tests.gateway.fakes import FakeInference, client_of
from tests.gateway.template_store import SHEET, keeper, put, seen, settle
from tests.gateway.test_store import s3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "templates"


async def test_an_exchange_never_shows_a_half_version(folder: Path) -> None:
    """Reads as fast as it can while a version is exchanged again and again: all of its files are of the same make."""
    store = MemoryStore()
    names = [f"{letter}__txt" for letter in "abcdefgh"]
    put(store, "bar/1", template__yaml="0", **dict.fromkeys(names, "0"))
    kept = keeper(folder, store)
    await settle(kept)
    done = asyncio.Event()
    makes: set[str] = set()

    async def read() -> int:
        looks = 0
        while not done.is_set():
            found = set((await asyncio.to_thread(seen, folder)).values())
            assert len(found) == 1
            makes.update(found)
            looks += 1
        return looks

    reading = asyncio.create_task(read())
    for make in range(1, 12):
        put(store, "bar/1", template__yaml=str(make), **dict.fromkeys(names, str(make)))
        await settle(kept)
    done.set()
    assert await reading > 5
    assert len(makes) > 2


async def test_what_somebody_damaged_is_fetched_again(folder: Path) -> None:
    store = MemoryStore()
    put(store, "bar/1", template__yaml="one", logo__png="logo")
    kept = keeper(folder, store)
    await settle(kept)
    (folder / "bar/1/logo.png").unlink()
    await kept.look()
    assert seen(folder) == {"bar/1/template.yaml": "one", "bar/1/logo.png": "logo"}


async def test_what_a_killed_gateway_left_is_swept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_folder, "GRACE_S", 0)
    store = MemoryStore()
    put(store, "bar/1", template__yaml="one")
    (folder / ".store/left/bar/1").mkdir(parents=True)
    (folder / ".store/aside").symlink_to("nowhere")
    await settle(keeper(folder, store))
    assert len(list((folder / ".store").iterdir())) == 2


async def test_versions_from_a_store_are_part_of_a_templates_digest(folder: Path) -> None:
    store = MemoryStore()
    put(store, "bar/1", template__yaml="one")
    kept = keeper(folder, store)
    found = []
    for version, text in (("bar/1", "one"), ("bar/1", "two"), ("bar/2", "two")):
        put(store, version, template__yaml=text)
        await settle(kept)
        found.append((template_digest(folder, "bar", 1), template_digest(folder, "bar", None)))
    assert len({one for one, _ in found}) == 2
    assert len({every for _, every in found}) == 3
    put(store, "bar/2", template__yaml="two")
    await settle(kept)
    assert template_digest(folder, "bar", None) == found[-1][1], "the same bytes from another object"


async def test_the_gateway_looks_at_its_start_and_again(
    settings: Settings, folder: Path, inference: FakeInference
) -> None:
    store = MemoryStore()
    put(store, "bar/1", template__yaml="one")
    settings = settings.model_copy(update={"templates": folder, "templates_interval_seconds": 0.02})
    async with client_of(create_app(settings, inference, MemoryStore(), templates=store)) as client:
        await until(lambda: "bar/1/template.yaml" in seen(folder))
        put(store, "sale/1", template__yaml="sale")
        await until(lambda: "sale/1/template.yaml" in seen(folder))
        metrics = (await client.get("/metrics")).text
    assert 'gateway_templates_sync_total{outcome="changed"}' in metrics
    assert 'gateway_templates_versions{state="taken"} 2.0' in metrics


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what it waits for is on disk
            await asyncio.sleep(0.01)


async def test_a_shutdown_in_the_middle_leaves_nothing_half_done(
    settings: Settings, folder: Path, inference: FakeInference, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, started = MemoryStore(), asyncio.Event()
    put(store, "bar/1", template__yaml=np.random.default_rng(1).bytes(2**21), logo__png=b"x")
    original = Shelf.open

    async def slow(shelf: Shelf, path: str) -> object:
        if path.endswith(SHEET):
            started.set()
            await asyncio.sleep(3600)
        return await original(shelf, path)

    monkeypatch.setattr(Shelf, "open", slow)
    settings = settings.model_copy(update={"templates": folder})
    async with asyncio.timeout(20):
        async with client_of(create_app(settings, inference, MemoryStore(), templates=store)):
            await started.wait()
    assert [path.name for path in (folder / ".store").iterdir()] == ["lock"]
    assert seen(folder) == {}


async def test_an_unreachable_store_keeps_no_gateway_from_starting(
    settings: Settings, folder: Path, inference: FakeInference
) -> None:
    unreachable = open_existing(s3(1), "s3://bucket/templates")
    settings = settings.model_copy(update={"templates": folder})
    async with client_of(create_app(settings, inference, MemoryStore(), templates=unreachable)) as client:
        assert (await client.get("/health")).status_code == 200


def test_the_store_may_be_any_but_a_folder_must_be_there(tmp_path: Path) -> None:
    assert isinstance(open_existing(s3(1), "s3://bucket/templates"), S3Store)
    assert isinstance(open_existing(Settings(), f"file://{tmp_path}"), LocalStore)
    with pytest.raises(BaseError, match="nowhere"):
        open_existing(Settings(), str(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("url", ["templates", "file://templates/more", "./templates/../templates"])
def test_the_store_is_not_in_the_folder_itself(url: str) -> None:
    with pytest.raises(ValidationError, match="outside the folder"):
        Settings(templates_url=url)
    assert Settings(templates_url="more").templates_url == "more"
