from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.line_breaks import NEVER_FIRST, NEVER_LAST, line, places


def parts(text: str) -> list[str]:
    ends = places(text)
    return [text[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two words", ["two ", "words"]),
        ("10\u00a0mm lens", ["10\u00a0mm ", "lens"]),
        ("Tele-Zoom", ["Tele-", "Zoom"]),
        ("a-ゃ", ["a-ゃ"]),
        ("24-70 mm lens", ["24-70 mm ", "lens"]),
        ("35 mm, 5 km/h", ["35 mm, ", "5 km/h"]),
        ("3 min 2 metres", ["3 ", "min ", "2 ", "metres"]),
        ("EOS mm 5\u200bmm", ["EOS ", "mm ", "5\u200b", "mm"]),
        ("写真機", ["写", "真", "機"]),
        ("「写真」。", ["「写", "真」。"]),
        ("キャノン", ["キャ", "ノ", "ン"]),  # noqa: RUF001
        ("レンズー", ["レ", "ン", "ズー"]),
        ("新品Canon製", ["新", "品", "Canon", "製"]),
        ("100円", ["100円"]),
        ("카메라 렌즈", ["카메라 ", "렌즈"]),
        ("ab\u200bcd", ["ab\u200b", "cd"]),
        ("a\u00adb", ["a\u00ad", "b"]),
        ("か\u3099き", ["か\u3099", "き"]),
        ("", [""]),
    ],
)
def test_where_a_line_may_end(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


@given(st.text("a1 -「」、。ゃ写真Ｃ（）\u00a0\u00ad\u3000", min_size=1, max_size=40))  # noqa: RUF001
def test_no_line_begins_or_ends_with_what_must_not(text: str) -> None:
    found = parts(text)
    assert "".join(found) == text
    for before, after in pairwise(found):
        assert after[0] not in NEVER_FIRST or before[-1] in " \u3000\u00ad"
        assert before[-1] not in NEVER_LAST


@pytest.mark.parametrize(
    ("cut", "drawn"), [("word ", "word"), ("Ob\u00adjek\u00ad", "Objek-"), ("ab\u200bcd\u3000", "abcd"), ("a b", "a b")]
)
def test_what_is_drawn_of_a_line(cut: str, drawn: str) -> None:
    assert line(cut) == drawn
