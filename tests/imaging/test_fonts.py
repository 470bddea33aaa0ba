from __future__ import annotations

import pytest

from imaging.fonts import Face, FontError
from tests.imaging.type_samples import LATIN, TITLES, face, japanese


@pytest.mark.parametrize("script", TITLES)
def test_the_shipped_font_has_the_scripts_that_it_is_shipped_for(script: str) -> None:
    assert face(LATIN).covers(TITLES[script])


@pytest.mark.parametrize("sign", ["\u200d", "\u200f", "\ufe0f", "\u00ad", "\u202f", "ǰ", "ấ"])
def test_a_character_that_needs_no_glyph_of_its_own_is_covered(sign: str) -> None:
    assert face(LATIN).has(sign)


@pytest.mark.parametrize("sign", ["限", "\U0010fffe", "\ue123", "क"])
def test_a_character_without_a_glyph_is_not_covered(sign: str) -> None:
    assert not face(LATIN).has(sign)


def test_the_japanese_font_has_no_hebrew() -> None:
    assert face(japanese()).covers("日本語カメラ、中文相機")
    assert not face(japanese()).covers("א")


def test_capitals_are_as_high_as_they_are_seen() -> None:
    assert 0.70 < face(LATIN).capital < 0.76


@pytest.mark.parametrize("data", [b"", b"no font", LATIN.read_bytes()[:5000]])
def test_what_is_no_font_is_an_error_that_names_the_file(data: bytes) -> None:
    with pytest.raises(FontError, match=r"^logo\.ttf: "):
        Face("logo.ttf", data)


def test_sizes_are_kept_only_up_to_a_number() -> None:
    found = Face("sans", LATIN.read_bytes())
    for size in range(10, 100):
        found.sized(float(size))
    assert found.sized.cache_info().currsize <= 24
