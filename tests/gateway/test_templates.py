"""The folder of templates against stores in memory and on disk: what readers find in it after every look."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

import obstore
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import LocalStore, MemoryStore, ObjectStore

from gateway import template_folder, template_versions, templates
from gateway.telemetry import Telemetry
from tests.gateway.template_store import SHEET, counted, everything, keeper, put, seen, settle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "templates"


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path / "source", mkdir=True)


async def test_the_first_look_takes_all_that_is_there(folder: Path, store: ObjectStore) -> None:
    put(store, "bar/1", template__yaml="one", logo__png="logo")
    put(store, "bar/12", template__yaml="twelve")
    put(store, "sale-2/3/fonts", a__ttf="font")
    put(store, "sale-2/3", template__yaml="sale")
    assert not await keeper(folder, store).look()
    assert seen(folder) == {
        "bar/1/template.yaml": "one",
        "bar/1/logo.png": "logo",
        "bar/12/template.yaml": "twelve",
        "sale-2/3/template.yaml": "sale",
        "sale-2/3/fonts/a.ttf": "font",
    }
    assert all(path.stat().st_mode & 0o004 for path in everything(folder)), "the server may be another user"


async def test_what_changed_is_taken_once_two_looks_saw_the_same(folder: Path, store: ObjectStore) -> None:
    put(store, "bar/1", template__yaml="old", logo__png="old")
    kept = keeper(folder, store)
    await settle(kept)
    put(store, "bar/1", logo__png="new logo")
    assert await kept.look()
    put(store, "bar/1", template__yaml="new sheet")
    put(store, "bar/2", template__yaml="two")
    assert await kept.look(), "it is still on its way up"
    assert set(seen(folder).values()) == {"old"}
    assert not await kept.look()
    assert set(seen(folder).values()) == {"new logo", "new sheet", "two"}


async def test_what_left_the_store_leaves_the_folder_once_two_looks_missed_it(
    folder: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(template_folder, "GRACE_S", 0)
    put(store, "bar/1", template__yaml="one")
    put(store, "sale/1", template__yaml="sale")
    kept = keeper(folder, store)
    await settle(kept)
    obstore.delete(store, "sale/1/template.yaml")
    assert await kept.look()
    assert len(seen(folder)) == 2
    assert not await kept.look()
    assert set(seen(folder)) == {"bar/1/template.yaml"}
    assert not (folder / "sale").exists()
    assert len(list((folder / ".store").iterdir())) == 2, "the lock and the one version"


async def test_what_is_there_already_is_not_read_again(folder: Path, store: ObjectStore) -> None:
    put(store, "bar/1", template__yaml="one")
    await keeper(folder, store).look()
    before = (folder / "bar/1/template.yaml").stat()
    telemetry = Telemetry()
    await settle(keeper(folder, store, telemetry))
    after = (folder / "bar/1/template.yaml").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert counted(telemetry) == {"same": 2, "taken": 1, "waiting": 0, "refused": 0}


async def test_what_was_put_there_by_hand_is_never_touched(folder: Path, store: ObjectStore) -> None:
    for place in ("bar/1", "note/7"):
        (folder / place).mkdir(parents=True)
        (folder / place / SHEET).write_text("by hand")
    (folder / "elsewhere").mkdir()
    (folder / "linked").symlink_to("elsewhere")
    (folder / "README.md").write_text("for people")
    for version in ("bar/1", "bar/2", "linked/1"):
        put(store, version, template__yaml="from the store")
    kept, telemetry = keeper(folder, store), Telemetry()
    await settle(kept)
    again = keeper(folder, MemoryStore(), telemetry)
    await settle(again)
    assert seen(folder) == {"bar/1/template.yaml": "by hand", "note/7/template.yaml": "by hand"}
    assert not list((folder / "elsewhere").iterdir())
    await settle(kept)
    assert seen(folder)["bar/2/template.yaml"] == "from the store"
    with structlog.testing.capture_logs() as logs:
        await settle(keeper(folder, store, telemetry))
    said = [entry for entry in logs if entry["log_level"] == "warning"]
    assert [(entry["template"], "by hand" in entry["reason"]) for entry in said] == [
        ("bar/1", True),
        ("linked/1", True),
    ]
    assert counted(telemetry)["refused"] == 2


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"logo.png": b"x"}, "no template.yaml"),
        ({SHEET: b"x", "a\\b": b"x"}, "name is not allowed"),
        ({SHEET: b"x", "a/b/c/d/e": b"x"}, "name is not allowed"),
        ({SHEET: b"x", "n" * 201: b"x"}, "name is not allowed"),
        ({SHEET: b"x", "zero\u200bwidth": b"x"}, "name is not allowed"),
        ({SHEET: b"x", "fonts": b"x", "fonts/a.ttf": b"x"}, "fonts is a file and a folder"),
        ({SHEET: b"x"} | {f"{number}.png": b"" for number in range(8)}, "more than 8 files"),
        ({SHEET: b"x" * 2**20, "logo.png": b"x"}, "larger than 1 MiB"),
    ],
)
async def test_a_bad_version_is_refused_alone_and_said_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, files: Mapping[str, bytes], reason: str
) -> None:
    monkeypatch.setattr(template_versions, "MOST_FILES", 8)
    monkeypatch.setattr(template_versions, "MOST_BYTES", 2**20)
    store, telemetry = MemoryStore(), Telemetry()
    put(store, "bar/1", template__yaml="sound")
    put(store, "bad/1", template__yaml="first")
    kept = keeper(folder, store, telemetry)
    await settle(kept)
    obstore.delete(store, "bad/1/template.yaml")
    for name, data in files.items():
        obstore.put(store, f"bad/1/{name}", data)
    put(store, "bar/2", template__yaml="sound")
    with structlog.testing.capture_logs() as logs:
        await settle(kept)
        await settle(kept)
    said = [entry for entry in logs if entry["log_level"] == "warning"]
    assert [(entry["template"], reason in entry["reason"]) for entry in said] == [("bad/1", True)]
    assert seen(folder) == {f"bar/{n}/template.yaml": "sound" for n in (1, 2)} | {"bad/1/template.yaml": "first"}
    assert (counted(telemetry)["taken"], counted(telemetry)["refused"]) == (2, 1)


@given(
    st.dictionaries(
        st.text(st.characters(), max_size=12) | st.sampled_from(["a/../b", "../x", "..", "/a", "a//b"]), st.just(1)
    )
)
def test_whatever_passes_stays_inside_the_versions_folder(sizes: dict[str, int]) -> None:
    if not template_versions.trouble_of(sizes | {SHEET: 1}):
        root = Path("/folder/bar/1")
        places = {Path(os.path.normpath(root / path)) for path in sizes}
        assert all(place.is_relative_to(root) and place != root for place in places)
        assert len(places) == len(sizes)
        assert not any(ord(letter) < 32 or letter == "\\" for path in sizes for letter in path)


async def test_what_no_version_has_is_passed_over(folder: Path) -> None:
    store = MemoryStore()
    put(store, "bar/1", template__yaml="one", __DS_Store="x")
    for path in ("README.md", "bar/notes.txt", "Bar/1/template.yaml", "bar/01/template.yaml", "bar/0/template.yaml"):
        obstore.put(store, path, b"x")
    for path in (".store/lock", ".store/1/template.yaml", "bar/1/.git/config"):
        obstore.put(store, path, b"x")
    obstore.put(store, "bar/1/fonts", b"")  # as some stores keep a folder
    obstore.put(store, "bar/1/fonts/a.ttf", b"font")
    await keeper(folder, store).look()
    assert seen(folder) == {"bar/1/template.yaml": "one", "bar/1/fonts/a.ttf": "font"}


async def test_all_together_are_bounded_and_those_that_are_there_come_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    monkeypatch.setattr(template_versions, "MOST_BYTES_IN_ALL", 25)
    put(store, "late/1", template__yaml="x" * 10)
    kept = keeper(folder, store)
    await settle(kept)
    for version in ("early/1", "early/2", "first/1"):
        put(store, version, template__yaml="x" * 10)
    await settle(kept)
    assert set(seen(folder)) == {"late/1/template.yaml", "early/2/template.yaml"}
    monkeypatch.setattr(template_versions, "MOST_VERSIONS", 1)
    telemetry = Telemetry()
    await settle(keeper(folder, store, telemetry))
    assert (counted(telemetry)["taken"], counted(telemetry)["refused"]) == (1, 3)
    assert len(seen(folder)) == 2, "what is there stays"


async def test_too_many_objects_change_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, telemetry = MemoryStore(), Telemetry()
    put(store, "bar/1", template__yaml="one", logo__png="x")
    monkeypatch.setattr(templates, "MOST_OBJECTS", 1)
    with structlog.testing.capture_logs() as logs:
        await settle(keeper(folder, store, telemetry))
    assert ["more than 1 objects" in entry["reason"] for entry in logs] == [True]
    assert counted(telemetry) == {"failed": 2}
    assert seen(folder) == {}


async def test_a_store_that_is_gone_leaves_what_is_there_and_is_said_once(folder: Path, tmp_path: Path) -> None:
    source, telemetry = tmp_path / "source", Telemetry()
    store = LocalStore(source, mkdir=True)
    put(store, "bar/1", template__yaml="one")
    kept = keeper(folder, store, telemetry)
    await settle(kept)
    source.rename(tmp_path / "away")
    with structlog.testing.capture_logs() as logs:
        await settle(kept)
        await settle(kept)
    assert [entry["log_level"] for entry in logs] == ["warning"]
    assert seen(folder) == {"bar/1/template.yaml": "one"}
    (tmp_path / "away").rename(source)
    with structlog.testing.capture_logs() as logs:
        await settle(kept)
    assert [entry["event"] for entry in logs] == ["the templates are kept in step again"]
    assert counted(telemetry) == {"changed": 1, "same": 3, "failed": 4, "taken": 1, "waiting": 0, "refused": 0}


async def test_a_folder_that_cannot_be_written_is_said_once() -> None:
    telemetry = Telemetry()
    with structlog.testing.capture_logs() as logs:
        await settle(keeper(Path("/dev/null"), MemoryStore(), telemetry))
    assert (len(logs), counted(telemetry)) == (1, {"failed": 2})


async def test_a_folder_that_another_gateway_works_on_is_left_to_it(folder: Path) -> None:
    store, telemetry = MemoryStore(), Telemetry()
    put(store, "bar/1", template__yaml="one")
    (folder / ".store").mkdir(parents=True)
    with (folder / ".store/lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not await keeper(folder, store, telemetry).look()
    assert (seen(folder), counted(telemetry)) == ({}, {"elsewhere": 1})
