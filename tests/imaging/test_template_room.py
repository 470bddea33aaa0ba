from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imaging.room import Room
from imaging.shelf import Shelf
from imaging.template_fields import FieldError
from imaging.template_room import reserve
from imaging.template_sheet import TemplateError
from tests.imaging.type_samples import NO_FIELDS, SHIPPED, fonts, template, words

BOTTOM = {"left": 0, "right": 0, "bottom": 0, "height": "20px"}


def bar(**keys: object) -> dict[str, Any]:
    return {"kind": "bar", "box": BOTTOM, **keys}


def taken(folder: Path, elements: list[dict[str, Any]], **sheet: object) -> Room:
    return reserve(template(folder, {"elements": elements, **sheet}), NO_FIELDS).on(120, 160)


@pytest.mark.parametrize(
    ("box", "room"),
    [
        (BOTTOM, Room(bottom=20)),
        ({"bottom": 0, "height": "20px"}, Room(bottom=20)),
        ({"top": "100px"}, Room(bottom=20)),
        ({"height": "25%", "top": 0}, Room(top=30)),
        ({"width": "10vh", "right": 0}, Room(right=12)),
        ({"width": "10vw", "left": 0}, Room(left=16)),
        ({"left": "2px", "bottom": 0, "height": "20px"}, Room()),
        ({"bottom": "2px", "height": "20px"}, Room()),
        ({"right": 0, "bottom": 0, "width": "30px", "height": "20px"}, Room()),
        ({"left": 0, "bottom": 0, "width": "200px", "height": "20px"}, Room(bottom=20)),
        ({}, Room()),
        ({"top": 0, "left": 0, "width": "100%", "height": "100%"}, Room()),
    ],
)
def test_a_bar_from_edge_to_edge_takes_its_breadth(tmp_path: Path, box: dict[str, object], room: Room) -> None:
    assert taken(tmp_path, [bar(box=box)]) == room


@pytest.mark.parametrize(
    ("keys", "bottom"),
    [
        ({"opacity": 0.62}, 20),
        ({"opacity": 0.3}, 0),
        ({"color": "#00000040"}, 0),
        ({"opacity": 0.7, "color": "#000000A0"}, 0),
        ({"radius": 0.2}, 20),
    ],
)
def test_only_what_hides_the_picture_takes_room(tmp_path: Path, keys: dict[str, object], bottom: int) -> None:
    assert taken(tmp_path, [bar(**keys)]).bottom == bottom


def test_a_line_along_a_bar_belongs_to_it(tmp_path: Path) -> None:
    line = bar(box={"bottom": "20px", "height": "3px"})
    other = bar(box={"bottom": "40px", "height": "3px"})
    assert taken(tmp_path, [line, bar(), other]) == Room(bottom=23)


def test_every_side_may_have_its_bar(tmp_path: Path) -> None:
    boxes: list[dict[str, object]] = [
        {"left": 0, "width": "9px"},
        {"top": 0, "height": "8px"},
        {"right": 0, "width": "7px"},
        {"bottom": 0, "height": "6px"},
    ]
    assert taken(tmp_path, [bar(box=box) for box in boxes]) == Room(9, 8, 7, 6)


def test_words_and_logos_take_none(tmp_path: Path) -> None:
    sheet = words("Sale", box=BOTTOM)
    assert reserve(template(tmp_path, sheet, fonts()), NO_FIELDS).on(120, 160) == Room()


def test_a_bar_that_is_not_drawn_takes_none(tmp_path: Path) -> None:
    sheet = {"fields": {"sale": {"kind": "text"}}, "elements": [bar(given=["sale"])]}
    probe = template(tmp_path, sheet)
    assert reserve(probe, NO_FIELDS).on(120, 160) == Room()
    assert reserve(probe, {"sale": "yes"}).on(120, 160) == Room(bottom=20)


def test_what_a_template_says_counts_instead_of_its_bars(tmp_path: Path) -> None:
    said = {"left": "10%", "top": 0.25, "right": "5px", "bottom": "12.1vmin"}
    assert taken(tmp_path, [bar()], reserve=said) == Room(16, 30, 5, 15)
    assert taken(tmp_path, [bar()], reserve={}) == Room()


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"bottom": "120%"}, "reserve.bottom: a share of 0 to 1"),
        ({"below": 0.1}, "reserve.below: Extra inputs"),
        ({"top": "60%", "bottom": 0.4}, "reserve: top and bottom: 60% and 0.4 leave no room"),
    ],
)
def test_a_wrong_one_is_an_error_of_the_template(tmp_path: Path, said: dict[str, object], problem: str) -> None:
    with pytest.raises(TemplateError, match=problem):
        template(tmp_path, {"reserve": said})


@pytest.mark.parametrize("opacity", ["0.1", "1"])
def test_the_shipped_bar_takes_its_height_however_see_through(opacity: str) -> None:
    found = reserve(Shelf(SHIPPED).load("bar"), {"title": "Lens", "bar_opacity": opacity}).on(400, 300)
    assert found == Room(bottom=54)


def test_wrong_fields_are_named() -> None:
    with pytest.raises(FieldError, match="title: is required"):
        reserve(Shelf(SHIPPED).load("bar"), NO_FIELDS)
