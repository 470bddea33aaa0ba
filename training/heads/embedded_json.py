"""JSON that a web application wrapped in a page: the longest array or object in the text."""

import html
import json
import re

from training.heads.errors import HeadsError

Json = list[object] | dict[str, object]
# A page has few brackets that start no JSON; a file with more of them is something else, and trying all takes for ever.
MOST_ATTEMPTS = 10_000
SHOWN = 80
_BRACKET = re.compile(r"[\[{]")


def extract(text: str, place: str) -> Json:
    """Return the array or object that `text` is, or the longest one inside it (also with `&quot;` for quotes).

    Raises:
        HeadsError: there is none; the text names `place`.
    """
    readings = (text, html.unescape(text)) if "&" in text else (text,)
    for reading in readings:
        found = _whole(reading)
        if found is not None:
            return found
    _, found = max((_longest(reading) for reading in readings), key=lambda one: one[0])
    if found:  # empty brackets, as in a script of the page, say nothing
        return found
    raise HeadsError(f"{place}: there is no JSON array or object in the answer, which begins {text[:SHOWN]!r}")


def _whole(text: str) -> Json | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list | dict) else None


def _longest(text: str) -> tuple[int, Json | None]:
    decoder = json.JSONDecoder()
    best: Json | None = None
    longest = position = 0
    for _ in range(MOST_ATTEMPTS):
        bracket = _BRACKET.search(text, position)
        if bracket is None:
            break
        try:
            value, position = decoder.raw_decode(text, bracket.start())
        except (ValueError, RecursionError):
            position = bracket.start() + 1
            continue
        if position - bracket.start() > longest:
            best, longest = value, position - bracket.start()
    return longest, best
