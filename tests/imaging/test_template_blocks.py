"""Texts that stand under another one: one block, aligned as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaging.shelf import Shelf
from imaging.template import drawn
from imaging.template_file import Template
from imaging.template_sheet import TemplateError
from imaging.template_words import DrawError
from tests.imaging.type_samples import SHIPPED, fonts, plain, template

TITLE, SUBTITLE = (255, 0, 0), (0, 0, 255)
FIELDS = {"title": {"kind": "text"}, "subtitle": {"kind": "text"}}
HEAD = {
    "kind": "text",
    "name": "head",
    "text": "{title}",
    "box": {"left": "20px", "right": "20px", "top": "30px", "height": "140px"},
    "size": "40px",
    "min_size": "10px",
    "max_lines": 3,
    "color": "red",
}
LOWER = {"kind": "text", "text": "{subtitle}", "under": "head", "gap": "12px", "size": "20px", "color": "blue"}


def block(folder: Path, head: dict[str, Any] | None = None, lower: dict[str, Any] | None = None) -> Template:
    elements = [HEAD | (head or {}), LOWER | (lower or {})]
    sheet = {"fonts": {"sans": "DejaVuSans.ttf"}, "fields": FIELDS, "elements": elements}
    return template(folder, sheet, fonts())


def rows(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> tuple[int, int]:
    """The first row with ink of that colour on black, and the one after the last."""
    found = np.flatnonzero((picture[..., :3] @ np.array(colour) > 255 * 128).any(axis=1))
    return int(found[0]), int(found[-1]) + 1


def shown(probe: Template, title: str, subtitle: str = "HH") -> NDArray[np.uint8]:
    return drawn(plain(200, 400, (0, 0, 0, 255)), probe, {"title": title, "subtitle": subtitle})


@pytest.mark.parametrize("title", ["HHH", "HHH\nHH", "HHHHHHH HHHHHHH HHHHHHH HHHHHHH"])
@pytest.mark.parametrize(("vertical", "share"), [("top", 0.0), ("center", 0.5), ("bottom", 1.0)])
def test_a_block_is_aligned_as_a_whole(tmp_path: Path, title: str, vertical: str, share: float) -> None:
    """By its first capitals and its last baseline; at top and bottom, accents and descenders have their room."""
    found = shown(block(tmp_path, {"vertical": vertical}), title)
    (top, above), (below, bottom) = rows(found, TITLE), rows(found, SUBTITLE)
    assert abs(below - above - 12) <= 1
    if share == 0.5:
        assert abs((top - 30) - (170 - bottom)) <= 2
    else:
        near, far = sorted([top - 30, 170 - bottom])
        assert near <= 12
        assert (top - 30 < 170 - bottom) is (share == 0) or far - near <= 4


def test_the_text_above_gets_what_the_others_leave(tmp_path: Path) -> None:
    long = "H\nH\nH"
    alone, beside = shown(block(tmp_path), long, " "), shown(block(tmp_path), long)
    heights = [end - start for start, end in (rows(alone, TITLE), rows(beside, TITLE))]
    assert heights[0] > heights[1]


@given(
    st.lists(st.sampled_from(["Hgj", "Ångström", "f/2.8", "mm"]), min_size=1, max_size=9).map(" ".join),
    st.sampled_from(["Hgjpqy", "Used, checked", "Å"]),
    st.sampled_from(["20px", "40px"]),
    st.sampled_from(["top", "center", "bottom"]),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_ink_of_a_block_lies_outside_its_box(
    tmp_path: Path, title: str, subtitle: str, size: str, vertical: str
) -> None:
    try:
        found = shown(block(tmp_path, {"vertical": vertical}, {"size": size}), title, subtitle)
    except DrawError:
        return
    inside = found[30:170, 20:380, :3]
    assert inside.any()
    assert inside.sum(dtype=int) == found[..., :3].sum(dtype=int)


def test_it_stands_alone_where_there_is_nothing_above(tmp_path: Path) -> None:
    top, bottom = rows(shown(block(tmp_path), " "), SUBTITLE)
    assert abs((top - 30) - (170 - bottom)) <= 1


@pytest.mark.parametrize(
    ("head", "lower", "said"),
    [
        ({}, {"under": "nobody"}, "elements.1: under: nobody is no earlier text that stands by itself"),
        ({"under": "head", "box": {}}, {}, "elements.0: under: head is no earlier text"),
        ({}, {"box": {"left": 0}}, "has that one's box, and neither `box` nor `inside`"),
        ({}, {"inside": "head"}, "has that one's box, and neither `box` nor `inside`"),
    ],
)
def test_what_cannot_be_a_block_is_named(
    tmp_path: Path, head: dict[str, Any], lower: dict[str, Any], said: str
) -> None:
    with pytest.raises(TemplateError, match=said):
        block(tmp_path, head, lower)


@pytest.mark.parametrize("title", ["HHH", "HHHHHHH HHHHHHH HHHHHH HHHHHH"])
@pytest.mark.parametrize("price", ["", "399"])
def test_the_words_of_the_shipped_bar_are_in_its_middle(title: str, price: str) -> None:
    fields = {"title": title, "subtitle": "HHH", "price": price, "bar_opacity": "1", "bar_color": "black"}
    found = drawn(plain(1000, 1000), Shelf(SHIPPED).load("bar"), fields)[820:, :600, 0] > 128
    lines = np.flatnonzero(found.any(axis=1))
    assert abs(lines[0] - (180 - 1 - lines[-1])) <= 3
    assert np.flatnonzero(found.any(axis=0))[0] == pytest.approx(50, abs=1)
