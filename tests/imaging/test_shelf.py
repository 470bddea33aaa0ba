from __future__ import annotations

import os
from pathlib import Path

import pytest

from imaging.shelf import Shelf, UnknownTemplateError
from imaging.template_sheet import TemplateError
from tests.imaging.type_samples import fonts, words, written

BAR = "elements: [{kind: bar}]"


def test_names_and_versions_are_those_with_a_template_in_them(tmp_path: Path) -> None:
    for name in ("bar/1", "bar/2", "bar/10", "Sale/1", "sale/0", "sale/01", "sale/x", "note/3"):
        written(tmp_path, BAR, name=name)
    (tmp_path / "empty/1").mkdir(parents=True)
    (tmp_path / "README.md").write_text("for people")
    shelf = Shelf(str(tmp_path))
    assert shelf.names() == ["bar", "note"]
    assert shelf.versions("bar") == [1, 2, 10]
    assert shelf.load("bar").version == 10
    assert shelf.load("bar", 2).version == 2


@pytest.mark.parametrize("name", ["other", "../bar", "bar/1", "", "BAR"])
def test_an_unknown_name_is_an_error_that_lists_the_known(tmp_path: Path, name: str) -> None:
    written(tmp_path, BAR, name="bar/1")
    with pytest.raises(UnknownTemplateError, match="there are: bar"):
        Shelf(tmp_path).load(name)


def test_an_unknown_version_is_an_error_that_lists_the_known(tmp_path: Path) -> None:
    written(tmp_path, BAR, name="bar/1")
    with pytest.raises(UnknownTemplateError, match="bar has no version 4; it has: 1"):
        Shelf(tmp_path).load("bar", 4)


def test_a_folder_that_is_not_there_has_no_templates(tmp_path: Path) -> None:
    with pytest.raises(UnknownTemplateError, match="there are: none"):
        Shelf(tmp_path / "nowhere").load("bar")


def test_what_has_not_changed_is_not_read_again(tmp_path: Path) -> None:
    written(tmp_path, words(), fonts())
    shelf = Shelf(tmp_path)
    assert shelf.load("probe") is shelf.load("probe")


def test_a_changed_file_is_read_again_without_a_restart(tmp_path: Path) -> None:
    folder = written(tmp_path, words(), fonts())
    shelf = Shelf(tmp_path)
    first = shelf.load("probe")
    written(tmp_path, words("other words"))
    second = shelf.load("probe")
    assert second is not first
    os.utime(folder / "DejaVuSans.ttf", ns=(1, 1))
    assert shelf.load("probe") is not second


def test_a_version_may_be_a_link_that_is_exchanged(tmp_path: Path) -> None:
    for place in ("old", "new"):
        written(tmp_path / ".store" / place, BAR if place == "old" else words(), fonts(), name="bar/1")
    (tmp_path / "bar").mkdir()
    (tmp_path / "bar/1").symlink_to("../.store/old/bar/1")
    shelf = Shelf(tmp_path)
    old = shelf.load("bar")
    assert (old.name, old.version, shelf.names()) == ("bar", 1, ["bar"])
    assert shelf.load("bar") is old
    (tmp_path / "aside").symlink_to("../.store/new/bar/1")
    (tmp_path / "aside").replace(tmp_path / "bar/1")
    assert shelf.load("bar").sheet != old.sheet


def test_a_new_version_is_found(tmp_path: Path) -> None:
    written(tmp_path, BAR, name="bar/1")
    shelf = Shelf(tmp_path)
    assert shelf.load("bar").version == 1
    written(tmp_path, BAR, name="bar/2")
    assert shelf.load("bar").version == 2


def test_a_broken_template_is_an_error_for_itself_alone_until_it_is_mended(tmp_path: Path) -> None:
    written(tmp_path, BAR, name="sound/1")
    written(tmp_path, BAR, name="broken/1")
    shelf = Shelf(tmp_path)
    shelf.load("broken")
    written(tmp_path, "elements: [{kind: circle}]", name="broken/1")
    with pytest.raises(TemplateError, match="template broken, version 1"):
        shelf.load("broken")
    assert shelf.load("sound").version == 1
    written(tmp_path, BAR, name="broken/1")
    assert shelf.load("broken").version == 1


def test_only_so_many_are_kept(tmp_path: Path) -> None:
    for number in range(1, 6):
        written(tmp_path, BAR, name=f"bar/{number}")
    shelf = Shelf(tmp_path, kept=2)
    loaded = [shelf.load("bar", number) for number in range(1, 6)]
    assert shelf.load("bar", 5) is loaded[4]
    assert shelf.load("bar", 1) is not loaded[0]
