from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imaging.shelf import Shelf
from imaging.template import drawn
from imaging.template_words import DrawError
from tests.imaging.type_samples import (
    BOLD,
    NO_FIELDS,
    SHIPPED,
    fonts,
    japanese,
    plain,
    template,
    words,
)


def test_a_template_with_its_own_words_that_do_not_fit_names_the_element(tmp_path: Path) -> None:
    probe = template(tmp_path, words("Sale", name="badge", size="50%", box={"width": "20px"}), fonts())
    with pytest.raises(DrawError, match=r"template probe, elements.0 \(badge\): 'Sale' is too long"):
        drawn(plain(100, 100), probe, NO_FIELDS)


def test_a_text_off_the_canvas_is_refused_not_cut(tmp_path: Path) -> None:
    probe = template(tmp_path, words(box={"left": "90px", "width": "300px"}, size="20px"), fonts())
    with pytest.raises(DrawError, match="its place of 10 x 100 pixels"):
        drawn(plain(100, 100), probe, {"title": "Sale"})


def test_an_element_is_left_out_where_its_fields_say_nothing(tmp_path: Path) -> None:
    picture = plain(100, 100)
    probe = template(tmp_path, words("only {title}", color="black"), fonts())
    assert (drawn(picture, probe, NO_FIELDS) == picture).all()
    assert (drawn(picture, probe, {"title": "x"}) != picture).any()


@pytest.mark.parametrize(("key", "seen"), [("given", True), ("missing", False)])
def test_an_element_may_depend_on_fields(tmp_path: Path, key: str, seen: bool) -> None:  # noqa: FBT001
    sheet = {"fields": {"sale": {"kind": "text"}}, "elements": [{"kind": "bar", key: ["sale"]}]}
    probe, picture = template(tmp_path, sheet), plain(20, 20)
    assert bool((drawn(picture, probe, {"sale": "yes"}) != picture).any()) is seen
    assert bool((drawn(picture, probe, NO_FIELDS) != picture).any()) is not seen


def test_braces_in_what_is_given_are_only_braces(tmp_path: Path) -> None:
    drawn(plain(100, 200), template(tmp_path, words(), fonts()), {"title": "{price} {0}"})


def test_a_stroke_lies_round_the_letters(tmp_path: Path) -> None:
    sheet = words(color="white", stroke="3px", stroke_color="black", size="40px")
    found = drawn(plain(200, 400), template(tmp_path, sheet, fonts()), {"title": "HOHO"})[..., 0]
    letters, stroke = np.argwhere(found == 255), np.argwhere(found == 0)
    assert ((letters.min(0) - stroke.min(0) >= 2) & (letters.min(0) - stroke.min(0) <= 4)).all()
    assert ((stroke.max(0) - letters.max(0) >= 2) & (stroke.max(0) - letters.max(0) <= 4)).all()


def test_japanese_and_chinese_are_drawn_with_a_font_that_has_them(tmp_path: Path) -> None:
    sheet = words() | {"fonts": {"sans": "DejaVuSans.ttf", "japanese": "ipaexg.ttf"}}
    probe = template(tmp_path, sheet, fonts() | {"ipaexg.ttf": japanese().read_bytes()})
    for title in ("ミラーレス一眼カメラ", "相機鏡頭", "Sony Ⴀ カメラ"):
        assert (drawn(plain(300, 600), probe, {"title": title}) != 200).any(-1).sum() > 300


def test_the_largest_canvas_touches_only_the_bar() -> None:
    shelf = Shelf(SHIPPED)
    picture = np.zeros((200, 10_000, 4), np.uint8)
    found = drawn(picture, shelf.load("bar"), {"title": "wide", "price": "1"})
    assert not found[:164].any()
    assert found[164:, :, 3].all()


def test_bold_is_another_font(tmp_path: Path) -> None:
    both = words(fonts=["bold"]) | {"fonts": {"sans": "DejaVuSans.ttf", "bold": "DejaVuSans-Bold.ttf"}}
    files = fonts() | {"DejaVuSans-Bold.ttf": BOLD.read_bytes()}
    bold = drawn(plain(200, 400), template(tmp_path, both, files), {"title": "HHH"})
    regular = drawn(plain(200, 400), template(tmp_path, words(), files), {"title": "HHH"})
    assert (bold[..., 0] == 255).sum() > 1.2 * (regular[..., 0] == 255).sum()
