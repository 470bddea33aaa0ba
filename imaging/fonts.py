"""Fonts of templates: which characters one has, and the font at a size."""

from __future__ import annotations

import io
import unicodedata
from functools import lru_cache

from fontTools.ttLib import TTFont
from PIL import ImageFont, features

from imaging.errors import ImageError

KEPT_SIZES = 24
CAPITAL = 0.7  # of the em, where a font has no H
UNSEEN = frozenset("\n\u00ad\u034f\u061c\u200b\u200c\u200d\u200e\u200f\u2060\u2066\u2067\u2068\u2069\ufeff")
"""Line breaks, and characters that steer the layout and need no glyph."""
SPACES = frozenset("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f")
"""HarfBuzz makes these from the plain space where a font lacks them."""
SELECTORS = ("\ufe00", "\ufe0f")
TRIAL = 16.0


class FontError(ImageError):
    """A file is no font that texts can be set in."""


class LayoutError(ImageError):
    """A text cannot be set with what is installed."""

    def __init__(self) -> None:
        super().__init__(
            "a text from right to left or with joined letters cannot be set here: Pillow finds no libfribidi; "
            "install it on the server (Debian and Ubuntu: apt-get install libfribidi0)"
        )


class Face:
    """One font of a file. `name` is how messages call it.

    `complex_layout` says whether right-to-left and joined scripts can be set; what Pillow finds here by default.
    """

    def __init__(self, name: str, data: bytes, index: int = 0, *, complex_layout: bool | None = None) -> None:
        """Raise FontError."""
        self.name = name
        self.complex_layout = features.check("raqm") if complex_layout is None else complex_layout
        self._data, self._index = data, index
        self._codes = _codes(name, data, index)
        self.sized = lru_cache(maxsize=KEPT_SIZES)(self._sized)
        try:
            self.capital = self._capital()
        except OSError as error:
            raise FontError(f"{name}: is no font with outlines: {error}") from error

    def _sized(self, size: float) -> ImageFont.FreeTypeFont:
        engine = ImageFont.Layout.RAQM if self.complex_layout else ImageFont.Layout.BASIC
        return ImageFont.truetype(io.BytesIO(self._data), size, self._index, layout_engine=engine)

    def _capital(self) -> float:
        """Return the height of capitals as a share of the em."""
        font = self._sized(TRIAL * 4)
        return -font.getbbox("H", anchor="ls")[1] / font.size if self.has("H") else CAPITAL

    def has(self, sign: str) -> bool:
        """Say whether a character has a glyph, needs none, or can be put together of others that have one."""
        if ord(sign) in self._codes or sign in UNSEEN or SELECTORS[0] <= sign <= SELECTORS[1]:
            return True
        if sign in SPACES:
            return ord(" ") in self._codes
        parts = unicodedata.normalize("NFD", sign)
        return parts != sign and all(ord(part) in self._codes for part in parts)

    def covers(self, text: str) -> bool:
        return all(self.has(sign) for sign in set(text))


def _codes(name: str, data: bytes, index: int) -> frozenset[int]:
    try:
        with TTFont(io.BytesIO(data), fontNumber=index, lazy=True) as font:
            codes = font.getBestCmap()
    except Exception as error:  # whatever the reader says of a damaged file, the author hears one kind of error
        raise FontError(f"{name}: is no readable TrueType or OpenType font: {error}") from error
    if not codes:
        raise FontError(f"{name}: the font maps no Unicode characters")
    return frozenset(codes)
