"""`python -m gateway.cli templates` between a folder and a store: what lies where afterwards, and what is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from obstore.store import LocalStore, MemoryStore

from gateway.cli.__main__ import main
from gateway.settings import Settings
from gateway.store import Shelf
from gateway.telemetry import Telemetry
from gateway.templates import Templates

Call: TypeAlias = Callable[..., int]
SHEET = "fonts: {sans: fonts/a.ttf}\nelements: [{kind: bar}]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "templates"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    made.mkdir()
    return made


@pytest.fixture
def call(folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setenv("GATEWAY_TEMPLATES", str(folder))
    monkeypatch.setenv("GATEWAY_TEMPLATES_URL", str(source))
    return lambda *words: main(["templates", *words])


def write(folder: Path, version: str, sheet: str = SHEET, font: str = "font") -> Path:
    made = folder / version
    (made / "fonts").mkdir(parents=True, exist_ok=True)
    (made / "template.yaml").write_text(sheet)
    (made / "fonts/a.ttf").write_text(font)
    return made


def files(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_newest_version_is_pushed_unless_another_is_named(folder: Path, source: Path, call: Call) -> None:
    for number in (2, 9, 10):
        write(folder, f"bar/{number}", font=f"font {number}")
    (folder / "bar/10/.DS_Store").write_text("what a Mac leaves behind")
    assert call("push", "bar") == 0
    assert files(source) == {"bar/10/template.yaml": SHEET, "bar/10/fonts/a.ttf": "font 10"}
    assert call("push", "bar", "--version", "2") == 0
    assert files(source)["bar/2/fonts/a.ttf"] == "font 2"


def test_a_version_in_the_store_is_replaced_only_where_that_is_said(
    folder: Path, source: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    made = write(folder, "bar/1")
    (made / "old.png").write_text("old")
    assert call("push", "bar") == 0
    (made / "old.png").unlink()
    write(folder, "bar/1", font="new font")
    assert call("push", "bar") == 2
    assert "bar/1 is in the store already" in capsys.readouterr().err
    assert files(source)["bar/1/fonts/a.ttf"] == "font"
    assert call("push", "bar", "--replace") == 0
    assert files(source) == {"bar/1/template.yaml": SHEET, "bar/1/fonts/a.ttf": "new font"}


def test_an_interrupted_push_leaves_no_version_and_is_pushed_again(folder: Path, source: Path, call: Call) -> None:
    write(folder, "bar/1")
    (source / "bar/1/template.yaml").mkdir(parents=True)  # so that the file cannot come to lie there
    (source / "bar/1/of-another-push.png").write_text("x")
    assert call("push", "bar") == 1
    assert set(files(source)) == {"bar/1/fonts/a.ttf", "bar/1/of-another-push.png"}
    (source / "bar/1/template.yaml").rmdir()
    assert call("push", "bar") == 0
    assert set(files(source)) == {"bar/1/fonts/a.ttf", "bar/1/template.yaml"}


@pytest.mark.parametrize(
    ("sheet", "said"),
    [
        ("elements: [{kind: circle}]", "template bar, version 1: template.yaml: elements.0: Input tag 'circle'"),
        ("elements: [", "is no YAML"),
        ("fonts: {sans: fonts/b.ttf}", "fonts.sans: fonts/b.ttf is not there"),
        ("elements: [{kind: image, file: logo.png}]", "elements.0: logo.png is not there"),
        ("#" * 300_000, "larger than 256 KiB"),
    ],
)
def test_what_is_plainly_wrong_is_not_pushed(
    folder: Path, source: Path, call: Call, capsys: pytest.CaptureFixture[str], sheet: str, said: str
) -> None:
    write(folder, "bar/1", sheet)
    assert call("push", "bar") == 1
    assert said in capsys.readouterr().err
    assert files(source) == {}


def test_a_file_from_elsewhere_is_not_pushed(folder: Path, source: Path, call: Call) -> None:
    made = write(folder, "bar/1")
    (made / "logo.png").symlink_to("/etc/hostname")
    assert call("push", "bar") == 1
    assert files(source) == {}


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["push", "bar"], 1, "there is no template bar"),
        (["push", "bar", "--version", "3"], 1, "there is no template.yaml"),
        (["pull", "bar"], 1, "there is no template bar in the store"),
        (["pull", "bar", "--version", "3"], 1, "bar/3: the store has no such version"),
        (["list", "--url", "/no/where"], 1, "/no/where"),
        (["list", "--url", "ftp://host/x"], 2, "--url"),
    ],
)
def test_what_cannot_be_done_is_said(
    call: Call, words: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*words) == status
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [["push", "../bar"], ["pull", "BAR"], ["push", "bar", "--version", "01"], []])
def test_names_are_those_of_templates(call: Call, words: list[str]) -> None:
    with pytest.raises(SystemExit):
        call(*words)


def test_without_a_store_one_is_asked_for(
    call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GATEWAY_TEMPLATES_URL")
    assert call("list") == 2
    assert "which store?" in capsys.readouterr().err


def test_versions_are_listed_with_what_is_wrong_with_them(
    folder: Path, source: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (2, 10):
        write(folder, f"bar/{number}")
        assert call("push", "bar") == 0
    (source / "half/1").mkdir(parents=True)
    (source / "half/1/logo.png").write_text("x")
    capsys.readouterr()
    assert call("list") == 0
    lines = capsys.readouterr().out.splitlines()
    size_bytes = len(SHEET) + len("font")
    assert lines == [f"bar/{n}  2 files, {size_bytes} bytes" for n in (2, 10)] + ["half/1  there is no template.yaml"]


def test_what_was_pushed_is_pulled(folder: Path, call: Call, tmp_path: Path) -> None:
    write(folder, "bar/1")
    write(folder, "bar/2", font="two")
    for number in ("1", "2"):
        assert call("push", "bar", "--version", number) == 0
    other = tmp_path / "other"
    assert call("pull", "bar", "--folder", str(other)) == 0
    assert files(other) == {"bar/2/template.yaml": SHEET, "bar/2/fonts/a.ttf": "two"}
    (other / "bar/2/fonts/a.ttf").write_text("mine")
    assert call("pull", "bar", "--folder", str(other)) == 2
    assert files(other)["bar/2/fonts/a.ttf"] == "mine"
    assert call("pull", "bar", "--folder", str(other), "--replace") == 0
    assert files(other)["bar/2/fonts/a.ttf"] == "two"
    assert {path.name for path in other.iterdir()} == {"bar"}


async def test_a_version_that_was_pulled_over_one_of_the_store_is_one_by_hand(folder: Path, source: Path) -> None:
    write(source, "bar/1")
    telemetry = Telemetry()
    kept = Templates(folder, Shelf(LocalStore(source), Settings(), telemetry), telemetry)
    await kept.look()
    words = ["templates", "pull", "bar", "--folder", str(folder), "--url", str(source)]
    assert main([*words, "--replace"]) == 0
    empty = Templates(folder, Shelf(MemoryStore(), Settings(), telemetry), telemetry)
    for _ in range(3):
        await empty.look()
    assert (folder / "bar/1/fonts/a.ttf").read_text() == "font"
