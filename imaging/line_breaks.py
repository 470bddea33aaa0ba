"""Where a line may end: at spaces, after hyphens, and between the characters of Chinese and Japanese. A number stays
with its unit.

A simple form of Unicode's line breaking (UAX 14). Korean breaks at its spaces. Thai, Lao, Khmer and Burmese, which
need a dictionary, break only where a zero-width space (U+200B) says so.
"""

from __future__ import annotations

import re
import unicodedata

SOFT_HYPHEN = "\N{SOFT HYPHEN}"
GLUE = frozenset("\u00a0\u202f\u2007\u2060\ufeff\u200d")
SPACES = frozenset(" \u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a\u200b\u3000")
HYPHENS = frozenset("-\u2010\u2013\u2014")
# ruff: noqa: RUF001 - signs of other scripts are meant
NEVER_FIRST = frozenset(
    "!%),.:;?]}¢°’”…‰′″℃"
    "、。々〉》」』】〕〗〙〛〜〟・ーヽヾゝゞ゠"
    "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶ"
    "！％），．：；？］｝｠～｡｣､･ｰ"
)
NEVER_LAST = frozenset("$([{£¥‘“〈《「『【〔〖〘〚〝＄（［｛｟｢￡￥")

UNIT = re.compile(r"(?:[mck]?m|[mk]?g|m?l|[km]?W|[kM]?Hz|[kMGT]B|MP|Mpx|px|Wh|m?Ah|V|fps|ms|dB|[€$£%])(?![^\W_])")


def places(text: str) -> list[int]:
    """Return every index at which a new line may start, ascending, the text's end included."""
    return [at for at in range(1, len(text)) if may_break(text, at)] + [len(text)]


def may_break(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    if after in SPACES or after in GLUE or before in GLUE or unicodedata.category(after).startswith("M"):
        return False
    if before in SPACES or before == SOFT_HYPHEN:
        return not _is_unit(text, at)
    if before in HYPHENS:
        return after.isalpha() and after not in NEVER_FIRST and at > 1 and text[at - 2].isalpha()
    return _between_characters(before, after)


def _is_unit(text: str, at: int) -> bool:
    """Say whether a unit begins there, a plain space after its number."""
    return at > 1 and text[at - 1] == " " and text[at - 2].isdigit() and UNIT.match(text, at) is not None


def line(text: str) -> str:
    """Return what is drawn of a line that was cut out of a paragraph."""
    cut = text.rstrip("".join(SPACES))
    hyphen = "-" if cut.endswith(SOFT_HYPHEN) else ""
    return cut.replace(SOFT_HYPHEN, "").replace("\u200b", "").replace("\u2060", "") + hyphen


def _between_characters(before: str, after: str) -> bool:
    if after in NEVER_FIRST or before in NEVER_LAST or (before.isdigit() and before.isascii()):
        return False
    return _is_character(before) or _is_character(after)


def _is_character(sign: str) -> bool:
    return unicodedata.east_asian_width(sign) in {"W", "F"} and not "\uac00" <= sign <= "\ud7a3"
