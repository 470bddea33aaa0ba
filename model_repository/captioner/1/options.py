"""What a request may ask of a caption, checked."""

from __future__ import annotations

import json
from dataclasses import dataclass

MAX_LENGTH, BEAMS, PROMPT = "max_length", "num_beams", "prompt"
MOST_BEAMS = 8
LONGEST_PROMPT = 500


class OptionError(ValueError):
    """The caller's mistake; the text says which field, and what is allowed."""


@dataclass(frozen=True)
class Options:
    """`max_length` counts tokens as transformers does: those that the text starts with and the closing one too."""

    max_length: int
    num_beams: int = 1
    prompt: str = ""


def read(text: bytes | str, usual_length: int, limit: int) -> Options:
    """Return the options in a JSON object, `usual_length` and 1 beam where it does not say.

    Raises OptionError for what is no such object, an unknown field, or a value out of range; `limit` is the longest
    text that the network can write.
    """
    fields = _object(text)
    if unknown := sorted(fields.keys() - {MAX_LENGTH, BEAMS, PROMPT}):
        raise OptionError(f"options: unknown field {unknown[0]!r}; allowed: {MAX_LENGTH}, {BEAMS}, {PROMPT}")
    prompt = fields.get(PROMPT, "")
    if not isinstance(prompt, str) or len(prompt) > LONGEST_PROMPT:
        raise OptionError(f"options: {PROMPT} must be a text of at most {LONGEST_PROMPT} characters")
    return Options(
        _integer(fields, MAX_LENGTH, min(usual_length, limit), limit), _integer(fields, BEAMS, 1, MOST_BEAMS), prompt
    )


def _object(text: bytes | str) -> dict[str, object]:
    try:
        fields = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise OptionError(f"options: no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise OptionError("options: must be a JSON object")
    return fields


def _integer(fields: dict[str, object], name: str, usual: int, most: int) -> int:
    value = fields.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise OptionError(f"options: {name} must be an integer from 1 to {most}, not {value!r}")
    return value
