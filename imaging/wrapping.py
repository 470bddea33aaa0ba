"""A paragraph into lines of a width."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imaging import line_breaks
from imaging.paragraphs import runs

if TYPE_CHECKING:
    from imaging.fonts import Face
    from imaging.paragraphs import Direction, Paragraph

FIRST_REACH = 8


def steering(face: Face, part: Paragraph, language: str | None) -> tuple[Direction | None, str | None]:
    """Return the direction and language to lay out with; Pillow takes none where it has no complex layout."""
    return (part.direction, language) if face.complex_layout else (None, None)


@dataclass(frozen=True, slots=True)
class Column:
    """A paragraph at a size in pixels."""

    part: Paragraph
    size: float
    language: str | None

    def wrapped(self, width: float, most: int) -> list[str] | None:
        """Return the lines, each as full as it gets; None where they are more than `most` or a word is too wide."""
        lines: list[str] = []
        at = 0
        while at < len(self.part.text):
            ends = self.part.places[bisect_right(self.part.places, at) :]
            fits = self._fitting(at, ends, width)
            if fits == 0 or len(lines) == most:
                return None
            lines.append(self._cut(at, ends[fits - 1]))
            at = ends[fits - 1]
        return lines or ([""] if most else None)

    def balanced(self, lines: list[str]) -> list[str]:
        """Return as many lines, in the narrowest column that takes them."""
        if len(lines) == 1:
            return lines
        widest = math.ceil(max(map(self._measured, lines)))
        narrow = bisect_left(range(widest), 1, key=lambda width: int(self.wrapped(width, len(lines)) is not None))
        return self.wrapped(narrow, len(lines)) or lines

    def _fitting(self, at: int, ends: tuple[int, ...], width: float) -> int:
        """Return how many of the places that a line may end at lie within the width."""

        def is_beyond(end: int) -> int:
            return int(self._measured(self._cut(at, end)) > width)

        reach = FIRST_REACH  # a long paragraph is measured only as far as the line may get
        while reach < len(ends) and not is_beyond(ends[reach - 1]):
            reach *= 2
        return bisect_left(ends, 1, hi=min(reach, len(ends)), key=is_beyond)

    def _cut(self, at: int, end: int) -> str:
        return line_breaks.line(self.part.text[at:end])

    def _measured(self, line: str) -> float:
        total = 0.0
        for text, face in runs(line, self.part):
            direction, language = steering(face, self.part, self.language)
            total += face.sized(self.size).getlength(text, direction=direction, language=language)
        return total
