from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.errors import ImageError
from imaging.fonts import Face, LayoutError
from imaging.paragraphs import MissingGlyphError
from imaging.pieces import Extent
from imaging.typesetting import Setting, Style, TooLongTextError, coverage, fitted
from tests.imaging.type_samples import BOLD, LATIN, TITLES, face, japanese, needs_fribidi

WORDS = ["Canon", "EF", "70-200mm", "f/2.8L", "für", "Ångström", "jÿgq", "Φως", "камера", "W", "Objektivdeckel"]
RTL_WORDS = ["מצלמה", "كاميرا", "EOS", "12", "(R6)", "عدسة"]


def style(**keys: object) -> Style:
    usual: dict[str, object] = {"fonts": (face(LATIN),), "size": 30.0, "smallest": 8.0, "lines": 3}
    return Style(**(usual | keys))  # type: ignore[arg-type]


def columns(setting: Setting, width: int) -> tuple[int, int]:
    """The first and last column with ink, the latter counted from the right side."""
    inked = np.flatnonzero(coverage(setting).any(0)) + setting.ink.left
    return int(inked[0]), width - 1 - int(inked[-1])


@needs_fribidi
@given(
    st.lists(st.sampled_from(WORDS + RTL_WORDS), min_size=1, max_size=14),
    st.integers(20, 400),
    st.integers(10, 120),
    st.sampled_from([0.0, 1.5, 3.0]),
    st.sampled_from([8.0, 20.0]),
    st.sampled_from([("start", "top"), ("center", "center"), ("end", "bottom")]),
)
@settings(max_examples=60)
def test_no_ink_lies_outside_the_box(
    words: list[str], width: int, height: int, stroke: float, smallest: float, aligned: tuple[str, str]
) -> None:
    try:
        found = fitted(
            " ".join(words),
            style(stroke=stroke, smallest=smallest, align=aligned[0], vertical=aligned[1]),
            width,
            height,
        )
    except TooLongTextError:
        return
    ink = found.ink
    assert 0 <= ink.left < ink.right <= width
    assert 0 <= ink.top < ink.bottom <= height
    assert found.lines <= 3
    drawn = coverage(found, stroke)
    assert drawn.shape == (ink.bottom - ink.top, ink.right - ink.left)
    assert drawn.any()
    wider = coverage(replace(found, ink=Extent(-50, -50, width + 50, height + 50)), stroke)
    assert wider[50 + ink.top : 50 + ink.bottom, 50 + ink.left : 50 + ink.right].sum() == wider.sum()


@given(st.lists(st.sampled_from(WORDS), min_size=2, max_size=14), st.integers(60, 400), st.integers(20, 120), st.data())
@settings(max_examples=60)
def test_a_longer_text_is_never_set_larger(words: list[str], width: int, height: int, data: st.DataObject) -> None:
    shorter = words[: data.draw(st.integers(1, len(words) - 1))]

    def size(parts: list[str]) -> float:
        try:
            return fitted(" ".join(parts), style(), width, height).size
        except TooLongTextError:
            return 0.0

    assert size(words) <= size(shorter)


def test_a_short_text_has_the_size_asked_for() -> None:
    assert fitted("a", style(), 500, 100).size == 30.0


def test_the_largest_size_that_fits_is_taken() -> None:
    found = fitted("Objektivdeckel", style(lines=1), 120, 60)
    with pytest.raises(TooLongTextError):
        fitted("Objektivdeckel", style(lines=1, size=found.size + 0.6, smallest=found.size + 0.6), 120, 60)


@needs_fribidi
@pytest.mark.parametrize(("script", "side"), [("latin", 0), ("hebrew", 1), ("arabic", 1)])
def test_a_text_starts_on_its_own_side(script: str, side: int) -> None:
    edges = columns(fitted(TITLES[script], style(lines=1, size=20.0), 600, 60), 600)
    assert edges[side] <= 3
    assert edges[1 - side] > 100
    ends = columns(fitted(TITLES[script], style(lines=1, size=20.0, align="end"), 600, 60), 600)
    assert ends[1 - side] <= 3


@pytest.mark.parametrize("align", ["left", "right"])
@pytest.mark.parametrize("size", [9.0, 30.0, 200.0])
def test_lines_of_any_letters_and_size_are_flush(align: str, size: float) -> None:
    found = fitted("HIM\nOla\njay", style(size=size, smallest=size, align=align), 1000, 800)
    for piece in found.pieces:
        alone = replace(found, pieces=(piece,))
        assert columns(alone, 1000)[align == "right"] <= 1


def test_a_centred_text_has_the_same_room_on_both_sides() -> None:
    left, right = columns(fitted("HHHH", style(align="center"), 400, 60), 400)
    assert abs(left - right) <= 2


@needs_fribidi
def test_the_direction_goes_by_the_first_letter_or_by_the_template() -> None:
    text = "EOS R6 מצלמה"
    assert fitted(text, style(), 600, 60).pieces[0].direction == "ltr"
    assert fitted("- " + TITLES["hebrew"], style(), 600, 60).pieces[0].direction == "rtl"
    assert fitted(text, style(direction="rtl"), 600, 60).pieces[0].direction == "rtl"


def inked(text: str) -> np.ndarray:
    """Which columns of a text set at 30 pixels have ink, from the first to the last."""
    columns = coverage(fitted(text, style(smallest=30.0), 300, 60)).max(0) > 0
    return np.asarray(np.trim_zeros(columns))


@needs_fribidi
def test_hebrew_is_drawn_from_right_to_left() -> None:
    """The first letter stands on the right."""
    together, alone = inked("אי"), inked("א")
    assert together.size > alone.size + 3
    assert (together[-alone.size :] == alone).all()


@needs_fribidi
def test_arabic_letters_are_joined() -> None:
    assert inked("ببب").all()
    assert not inked("ب ب ب").all()


def test_capitals_stand_in_the_middle() -> None:
    found = fitted("HHH", style(vertical="center"), 300, 101)
    assert abs(found.ink.top - (101 - found.ink.bottom)) <= 1
    assert fitted("HHH", style(vertical="top"), 300, 101).ink.top < found.ink.top
    assert fitted("HHH", style(vertical="bottom"), 300, 101).ink.top > found.ink.top


def test_lines_are_balanced_where_wished() -> None:
    text = "Canon lens for mirrorless cameras ok"
    plain, even = (
        [piece.text for piece in fitted(text, style(smallest=30.0, balance=balance), 480, 100).pieces]
        for balance in (False, True)
    )
    assert len(plain) == len(even) == 2
    assert max(map(len, even)) < max(map(len, plain))
    assert " ".join(even) == " ".join(plain) == text


def test_line_breaks_of_the_text_are_kept() -> None:
    found = fitted("one\ntwo three", style(), 400, 200)
    assert [piece.text for piece in found.pieces] == ["one", "two three"]
    with pytest.raises(TooLongTextError, match="has 4 lines, its place takes 3"):
        fitted("a\nb\nc\nd", style(), 400, 200)


def test_a_text_too_long_says_what_fits() -> None:
    text = "Canon EF 70-200mm f/2.8L IS III USM with everything"
    with pytest.raises(TooLongTextError) as error:
        fitted(text, style(lines=1, smallest=20.0), 300, 40)
    said = str(error.value)
    assert "300 x 40 pixels" in said
    assert "'Canon EF 70-200mm" in said
    assert "smallest size of 20 pixels" in said
    count = int(said.partition("about ")[2].partition(" ")[0])
    assert fitted(text[:count], style(lines=1, smallest=20.0), 300, 40).size >= 20.0
    with pytest.raises(TooLongTextError):
        fitted(text[: count + 1], style(lines=1, smallest=20.0), 300, 40)


def test_a_missing_glyph_is_named_with_the_fonts() -> None:
    with pytest.raises(MissingGlyphError, match=r"限 \(U\+9650 .*DejaVuSans\.ttf, DejaVuSans-Bold\.ttf"):
        fitted("limit 限", style(fonts=(face(LATIN), face(BOLD))), 400, 60)


def test_japanese_is_wrapped_between_characters_and_keeps_its_punctuation() -> None:
    found = fitted(
        "これは写真を撮るための機械、とても良い。", style(fonts=(face(japanese()),), smallest=30.0), 250, 200
    )
    lines = [piece.text for piece in found.pieces]
    assert len(lines) == 3
    assert all(line[0] not in "、。" for line in lines)


def test_a_text_is_set_in_the_first_font_that_has_all_of_it() -> None:
    fonts = (face(LATIN), face(japanese()))
    assert len(fitted("Sony カメラ", style(fonts=fonts), 400, 60).pieces) == 1
    mixed = fitted("Sony Ⴀ カメラ 新品", style(fonts=fonts), 400, 60)
    assert [piece.text for piece in mixed.pieces] == ["Sony Ⴀ ", "カメラ 新品"]
    assert mixed.pieces[0].left < mixed.pieces[1].left


@needs_fribidi
def test_a_right_to_left_text_in_two_fonts_is_refused_rather_than_jumbled() -> None:
    with pytest.raises(MissingGlyphError, match="one font only"):
        fitted("מצלמה カメラ", style(fonts=(face(LATIN), face(japanese()))), 600, 60)


def test_without_fribidi_plain_texts_work_and_others_say_what_is_missing() -> None:
    simple = Face("DejaVuSans.ttf", LATIN.read_bytes(), complex_layout=False)
    assert fitted("Käfer", style(fonts=(simple,)), 300, 60).lines == 1
    with pytest.raises(LayoutError, match="libfribidi0"):
        fitted(TITLES["hebrew"], style(fonts=(simple,)), 600, 60)


@given(st.text(max_size=30))
@settings(max_examples=60)
def test_whatever_the_text_it_is_set_or_refused(text: str) -> None:
    try:
        found = fitted(text, style(), 200, 80)
    except ImageError:
        return
    assert found.ink.right <= 200
