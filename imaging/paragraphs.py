"""Text as it is going to be set: its paragraphs, which way each runs, and the font of every part."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Literal, TypeAlias

from imaging import line_breaks
from imaging.errors import ImageError
from imaging.fonts import LayoutError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imaging.fonts import Face

Direction: TypeAlias = Literal["ltr", "rtl"]
RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
STEERING = frozenset("\u061c\u200c\u200d\u200e\u200f\u2066\u2067\u2068\u2069")
SHOWN, MOST_NAMED = 40, 12  # characters of a text, and missing ones, in a message


class MissingGlyphError(ImageError):
    """No font of those allowed has a character of the text."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A text without line breaks. `faces` are what it is set in: one, or several where none has all characters.

    `places` are the ends that a line may have, as `line_breaks.places` says.
    """

    text: str
    faces: tuple[Face, ...]
    direction: Direction
    places: tuple[int, ...]


def paragraphs(text: str, fonts: Sequence[Face], direction: Literal["auto", "ltr", "rtl"] = "auto") -> list[Paragraph]:
    """Return at least one paragraph. Raises MissingGlyphError, and LayoutError where Pillow cannot set the script."""
    faces = _chosen(text.replace(line_breaks.SOFT_HYPHEN, "-"), fonts)
    if _is_complex(text) and not all(face.complex_layout for face in faces):
        raise LayoutError
    running: Direction = "ltr"
    found: list[Paragraph] = []
    for part in (line.strip() for line in text.split("\n")):
        running = (_first_strong(part) or running) if direction == "auto" else direction
        found.append(Paragraph(part, faces, running, tuple(line_breaks.places(part))))
    return found


def runs(line: str, part: Paragraph) -> list[tuple[str, Face]]:
    """Return a line of a paragraph cut where the font changes, in reading order."""
    if len(part.faces) == 1:
        return [(line, part.faces[0])]
    faces: list[Face] = []
    for sign in line:
        stays = bool(faces) and not sign.isalnum() and faces[-1].has(sign)
        faces.append(faces[-1] if stays else next(face for face in part.faces if face.has(sign)))
    pairs = groupby(zip(line, faces, strict=True), key=lambda pair: pair[1])
    return [("".join(sign for sign, _ in group), face) for face, group in pairs] or [(line, part.faces[0])]


def start(text: str) -> str:
    """Return a text, or its start where it is long, in quotes on one line."""
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= SHOWN else flat[:SHOWN] + "...")


def _chosen(text: str, fonts: Sequence[Face]) -> tuple[Face, ...]:
    """Return the first font that has the whole text, or all that it takes together."""
    whole = next((face for face in fonts if face.covers(text)), None)
    if whole is not None:
        return (whole,)
    missing = [sign for sign in dict.fromkeys(text) if not any(face.has(sign) for face in fonts)]
    names = ", ".join(face.name for face in fonts)
    if missing:
        raise MissingGlyphError(f"{start(text)} needs {_said(missing)}, which no font of its place has ({names})")
    if any(unicodedata.bidirectional(sign) in RIGHT_TO_LEFT for sign in text):
        raise MissingGlyphError(
            f"{start(text)} runs from right to left, and no font of its place has all of its characters ({names}): "
            "such a text is set in one font only"
        )
    return tuple(fonts)


def _said(signs: Iterable[str]) -> str:
    named = [f"{sign} (U+{ord(sign):04X} {unicodedata.name(sign, 'unknown')})" for sign in signs]
    return ", ".join(named[:MOST_NAMED]) + (f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else "")


def _is_complex(text: str) -> bool:
    return any(
        unicodedata.bidirectional(sign) in RIGHT_TO_LEFT or unicodedata.category(sign)[0] == "M" or sign in STEERING
        for sign in text
    )


def _first_strong(text: str) -> Direction | None:
    for sign in text:
        kind = unicodedata.bidirectional(sign)
        if kind == "L":
            return "ltr"
        if kind in {"R", "AL"}:
            return "rtl"
    return None
