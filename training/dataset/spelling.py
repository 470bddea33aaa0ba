"""When two spellings are the same keyword: case, separators, accents written otherwise, plural."""

import re
import unicodedata

_BETWEEN = re.compile(r"[\W_]+")
_ENDINGS = (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("zes", "z"), ("oes", "o"))
_NO_PLURAL = ("ss", "us", "is")
SHORTEST = 4


def normal(text: str) -> str:
    """`Pot_Two  handles` -> `pot-two-handles`; empty where there is neither letter nor digit."""
    return _BETWEEN.sub("-", unicodedata.normalize("NFKC", text).casefold()).strip("-")


def singular(text: str) -> str:
    """`pots-two-handles` -> `pot-two-handle`, of a normal spelling. A key to compare by, not always a word."""
    return "-".join(_one(word) for word in text.split("-"))


def _one(word: str) -> str:
    if len(word) < SHORTEST or word.endswith(_NO_PLURAL):
        return word
    for plural, one in _ENDINGS:
        if word.endswith(plural):
            return word.removesuffix(plural) + one
    return word.removesuffix("s")
