"""The rules in force: read again when their file changes, kept where the new one is wrong."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from imaging.routing import RoutingError
from imaging.rulebook import Rulebook

GOOD = "version: 1\nroutes: {pan: {pipeline: %s}}\n"


def write(path: Path, text: str) -> None:
    """As an editor does: a new file in the old one's place."""
    aside = path.with_suffix(".new")
    aside.write_text(text)
    aside.replace(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "routes.yaml"
    write(found, GOOD % "as_is")
    return found


def pipeline(book: Rulebook) -> str:
    return book.current().rules.decide("pan", 1).route.pipeline


def test_a_changed_file_is_in_force_at_once(path: Path) -> None:
    book = Rulebook(path)
    assert pipeline(book) == "as_is"
    write(path, GOOD % "review")
    assert pipeline(book) == "review"
    assert book.current().sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_change_of_the_same_size_and_time_is_seen(path: Path) -> None:
    book, before = Rulebook(path), path.stat()
    assert pipeline(book) == "as_is"
    path.write_text((GOOD % "as_is").replace("pan", "pot"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert pipeline(book) == "review"


@pytest.mark.parametrize("text", ["version: 7\nroutes: {}\n", "{", None])
def test_the_last_good_file_stays_in_force_while_the_new_one_is_wrong(path: Path, text: str | None) -> None:
    book = Rulebook(path)
    good = book.current()
    if text is None:
        path.unlink()
    else:
        write(path, text)
    found = book.current()
    assert (found.rules, found.sha256) == (good.rules, good.sha256)
    assert found.problem.startswith("routes.yaml")
    write(path, GOOD % "review")
    assert (pipeline(book), book.current().problem) == ("review", "")


def test_without_a_good_file_there_are_no_rules(tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    book = Rulebook(path)
    with pytest.raises(RoutingError, match=r"routes\.yaml cannot be read: No such file"):
        book.current()
    path.write_text("version: 2\nroutes: {}")
    with pytest.raises(RoutingError, match="line 1: version: Input should be 1"):
        book.current()
    write(path, GOOD % "as_is")
    assert pipeline(book) == "as_is"
