"""Words into a box: fonts chosen, lines broken, the largest size that fits, right-to-left scripts included.

Nothing of a text ever lies outside its box: what does not fit at the smallest size is an error.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image, ImageDraw

from imaging.errors import ImageError
from imaging.paragraphs import Paragraph, paragraphs, runs, start
from imaging.pieces import Extent, Piece, joined
from imaging.wrapping import Column, steering

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from imaging.arrays import Bytes
    from imaging.fonts import Face
    from imaging.paragraphs import Direction

STEP, MOST_STEPS = 0.5, 128  # pixels between two sizes that are tried, and how many sizes at most
LEGIBLE, MOST_PIXELS = 16.0, 16_000_000
"""Below this size in pixels, letters are set several times larger and averaged, as long as their box has not more than
so many pixels then: rounded to whole pixels, a text would fit on one canvas and not on another of the same shape.
"""


class TooLongTextError(ImageError):
    """A text does not fit into its place at the smallest size."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a text is set. `size`, `smallest` and `stroke` in pixels, `spacing` in sizes, `lines` at most."""

    fonts: tuple[Face, ...]
    size: float
    smallest: float
    lines: int = 1
    balance: bool = True
    spacing: float = 1.2
    align: Literal["start", "center", "end", "left", "right"] = "start"
    vertical: Literal["top", "center", "bottom"] = "center"
    direction: Literal["auto", "ltr", "rtl"] = "auto"
    language: str | None = None
    stroke: float = 0.0

    def scaled(self, scale: int) -> Style:
        return replace(self, size=self.size * scale, smallest=self.smallest * scale, stroke=self.stroke * scale)


@dataclass(frozen=True, slots=True)
class Setting:
    """A text that fits: its pieces, `scale` times as large as they are drawn; and in pixels as drawn its size, where
    the capitals of its first line begin, its last baseline, and all of the box that its ink touches.
    """

    pieces: tuple[Piece, ...]
    size: float
    lines: int
    capitals: float
    baseline: float
    ink: Extent
    scale: int = 1

    def lowered(self, down: int) -> Setting:
        return replace(
            self,
            pieces=tuple(piece.moved(0, down * self.scale) for piece in self.pieces),
            capitals=self.capitals + down,
            baseline=self.baseline + down,
            ink=self.ink.moved(0, down),
        )

    def reduced(self, scale: int) -> Setting:
        """Return the same of a text that was set that many times larger."""
        return Setting(
            self.pieces,
            self.size / scale,
            self.lines,
            self.capitals / scale,
            self.baseline / scale,
            self.ink.reduced(scale),
            scale,
        )


def fitted(text: str, style: Style, width: int, height: int) -> Setting:
    """Return the text at the largest size that fits into the box. Raises ImageError: too long, or no glyph for it."""
    parts = paragraphs(text, style.fonts, style.direction)
    if len(parts) > style.lines:
        raise TooLongTextError(f"{start(text)} has {len(parts)} lines, its place takes {style.lines}")
    scale = _scale(style, width, height)
    found = _largest(_Trial(parts, style.scaled(scale), width * scale, height * scale))
    if found is None:
        raise TooLongTextError(_too_long(text, style, width, height))
    return _aligned(found, style.scaled(scale), width * scale).reduced(scale)


def coverage(setting: Setting, stroke: float = 0.0) -> Bytes:
    """Return UINT8 [h, w] of the ink's extent: how much of each pixel the letters, and a stroke round them, cover."""
    ink, scale = setting.ink, setting.scale
    canvas = Image.new("L", ((ink.right - ink.left) * scale, (ink.bottom - ink.top) * scale))
    draw = ImageDraw.Draw(canvas)
    for piece in setting.pieces:
        draw.text(
            (piece.left - ink.left * scale, piece.baseline - ink.top * scale),
            piece.text,
            255,
            piece.font,
            "ls",
            direction=piece.direction,
            language=piece.language,
            stroke_width=stroke * scale,
        )
    return np.asarray(canvas if scale == 1 else canvas.reduce(scale))


def _scale(style: Style, width: int, height: int) -> int:
    wanted = math.ceil(LEGIBLE / min(style.smallest, style.size))
    return max(min(wanted, math.isqrt(MOST_PIXELS // max(width * height, 1))), 1)


@dataclass(frozen=True, slots=True)
class _Trial:
    """One text, to be tried at several sizes."""

    parts: Sequence[Paragraph]
    style: Style
    width: int
    height: int

    def sizes(self) -> list[float]:
        """Return the sizes that are allowed, largest first."""
        largest, smallest = self.style.size, min(self.style.smallest, self.style.size)
        steps = min(math.ceil((largest - smallest) / STEP), MOST_STEPS)
        return [largest - (largest - smallest) * step / max(steps, 1) for step in range(steps + 1)]

    def at(self, size: float, *, balance: bool = False) -> Setting | None:
        rows: list[tuple[str, Paragraph]] = []
        for part in self.parts:
            column = Column(part, size, self.style.language)
            lines = column.wrapped(self.width, self.style.lines - len(rows))
            if lines is None:
                return None
            rows += [(line, part) for line in (column.balanced(lines) if balance else lines)]
        return self._placed(rows, size)

    def _placed(self, rows: Sequence[tuple[str, Paragraph]], size: float) -> Setting | None:
        used = {face for _, part in rows for face in part.faces}
        capital = max(face.capital for face in used) * size
        first = self._first_baseline(used, capital, size, len(rows))
        if first is None:
            return None
        baselines = [round(first + number * self.style.spacing * size) for number in range(len(rows))]
        pieces = tuple(
            piece
            for (line, part), baseline in zip(rows, baselines, strict=True)
            for piece in self._line(line, part, size, baseline)
        )
        ink = joined([piece.ink(self.style.stroke) for piece in pieces])
        if ink.right - ink.left > self.width or ink.bottom - ink.top > self.height:
            return None
        setting = Setting(pieces, size, len(rows), baselines[0] - capital, baselines[-1], ink)
        return setting.lowered(max(-ink.top, 0) - max(ink.bottom - self.height, 0))

    def _first_baseline(self, used: Collection[Face], capital: float, size: float, lines: int) -> float | None:
        ascent, descent = (max(edges) for edges in zip(*(face.sized(size).getmetrics() for face in used), strict=True))
        between = (lines - 1) * self.style.spacing * size
        if ascent + between + descent > self.height:
            return None
        center = (self.height - between + capital) / 2
        heights: dict[str, float] = {"top": ascent, "center": center, "bottom": self.height - descent - between}
        return heights[self.style.vertical]

    def _line(self, line: str, part: Paragraph, size: float, baseline: int) -> Iterator[Piece]:
        left = 0.0
        for text, face in runs(line, part):
            font = face.sized(size)
            direction, language = steering(face, part, self.style.language)
            yield Piece(text, font, round(left), baseline, direction, language)
            left += font.getlength(text, direction=direction, language=language)


def _largest(trial: _Trial) -> Setting | None:
    """Bisect the sizes: a text that fits wherever a longer one does is then never set smaller than that."""
    sizes = trial.sizes()
    if trial.at(sizes[-1]) is None:
        return None
    number = bisect_left(range(len(sizes) - 1), 1, key=lambda index: int(trial.at(sizes[index]) is not None))
    plain = trial.at(sizes[number])
    return (trial.at(sizes[number], balance=True) or plain) if trial.style.balance else plain


def _aligned(setting: Setting, style: Style, width: int) -> Setting:
    """Return the lines, which begin at 0, where they belong: by their ink, so that letters of any size are flush."""
    lines: list[tuple[list[Piece], Extent]] = []
    for _, line in groupby(setting.pieces, key=lambda piece: piece.baseline):
        pieces = list(line)
        ink = joined([piece.exact_ink(style.stroke) for piece in pieces])
        share = _share(style.align, pieces[0].direction)
        right = round((width - (ink.right - ink.left)) * share) - ink.left
        lines.append(([piece.moved(right, 0) for piece in pieces], ink.moved(right, 0)))
    ink = joined([extent for _, extent in lines])
    return replace(setting, pieces=tuple(piece for pieces, _ in lines for piece in pieces), ink=ink)


def _share(align: str, direction: Direction | None) -> float:
    """Return how much of what a line leaves free lies before it."""
    sides = {"start": "right", "end": "left"} if direction == "rtl" else {"start": "left", "end": "right"}
    return {"left": 0.0, "center": 0.5, "right": 1.0}[sides.get(align, align)]


def _too_long(text: str, style: Style, width: int, height: int) -> str:
    smallest = min(style.smallest, style.size)
    scale = _scale(style, width, height)
    tiny = replace(style, size=smallest, smallest=smallest).scaled(scale)

    def fails(length: int) -> int:
        parts = paragraphs(text[:length], style.fonts, style.direction)
        return int(_Trial(parts, tiny, width * scale, height * scale).at(tiny.size) is None)

    fits = max(bisect_left(range(len(text)), 1, key=fails) - 1, 0)
    lines = "one line" if style.lines == 1 else f"{style.lines} lines"
    return (
        f"{start(text)} is too long: its place of {width} x {height} pixels takes about {fits} of its {len(text)} "
        f"characters on {lines}, at the smallest size of {smallest:.3g} pixels"
    )
