"""Words into a box: fonts chosen, lines broken, the largest size that fits, right-to-left scripts included.

Nothing of a text ever lies outside its box: what does not fit at the smallest size is an error.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image, ImageDraw

from imaging.errors import ImageError
from imaging.paragraphs import Paragraph, paragraphs, runs, start
from imaging.wrapping import Column, steering

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL.ImageFont import FreeTypeFont

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
class Piece:
    """Part of a line in one font, its origin on the baseline in pixels of the box."""

    text: str
    font: FreeTypeFont
    left: int
    baseline: int
    direction: Direction | None
    language: str | None

    def ink(self, stroke: float) -> Extent:
        left, top, right, bottom = self.font.getbbox(
            self.text, "L", self.direction, None, self.language, stroke, anchor="ls"
        )
        return Extent(
            math.floor(left) + self.left,
            math.floor(top) + self.baseline,
            math.ceil(right) + self.left,
            math.ceil(bottom) + self.baseline,
        )


@dataclass(frozen=True, slots=True)
class Extent:
    """A rectangle in pixels of the box, right and bottom exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    def joined(self, other: Extent) -> Extent:
        return Extent(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def reduced(self, scale: int) -> Extent:
        """Return the whole pixels that it touches once the box is that many times smaller."""
        return Extent(self.left // scale, self.top // scale, -(-self.right // scale), -(-self.bottom // scale))


@dataclass(frozen=True, slots=True)
class Setting:
    """A text that fits: its pieces, `scale` times as large as they are drawn, the size as drawn in pixels, the number
    of lines, and all of the box that its ink touches.
    """

    pieces: tuple[Piece, ...]
    size: float
    lines: int
    ink: Extent
    scale: int = 1


def fitted(text: str, style: Style, width: int, height: int) -> Setting:
    """Return the text at the largest size that fits into the box. Raises ImageError: too long, or no glyph for it."""
    parts = paragraphs(text, style.fonts, style.direction)
    if len(parts) > style.lines:
        raise TooLongTextError(f"{start(text)} has {len(parts)} lines, its place takes {style.lines}")
    scale = _scale(style, width, height)
    found = _largest(_Trial(parts, style.scaled(scale), width * scale, height * scale))
    if found is None:
        raise TooLongTextError(_too_long(text, style, width, height))
    return replace(found, size=found.size / scale, ink=found.ink.reduced(scale), scale=scale)


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
        first = self._first_baseline(rows, size)
        if first is None:
            return None
        lines = [
            self._line(line, part, size, round(first + number * self.style.spacing * size))
            for number, (line, part) in enumerate(rows)
        ]
        pieces = [piece for line in lines for piece in line]
        inks = [piece.ink(self.style.stroke) for piece in pieces]
        extent = inks[0]
        for ink in inks[1:]:
            extent = extent.joined(ink)
        return self._inside(pieces, extent, size, len(rows))

    def _first_baseline(self, rows: Sequence[tuple[str, Paragraph]], size: float) -> float | None:
        used = {face for _, part in rows for face in part.faces}
        ascent, descent = (max(edges) for edges in zip(*(face.sized(size).getmetrics() for face in used), strict=True))
        between = (len(rows) - 1) * self.style.spacing * size
        if ascent + between + descent > self.height:
            return None
        capital = max(face.capital for face in used) * size
        center = (self.height - between + capital) / 2
        heights: dict[str, float] = {"top": ascent, "center": center, "bottom": self.height - descent - between}
        return heights[self.style.vertical]

    def _line(self, line: str, part: Paragraph, size: float, baseline: int) -> Iterator[Piece]:
        spans = [(text, face.sized(size), face) for text, face in runs(line, part)]
        keys = [steering(face, part, self.style.language) for _, _, face in spans]
        widths = [
            font.getlength(text, direction=direction, language=language)
            for (text, font, _), (direction, language) in zip(spans, keys, strict=True)
        ]
        left = _aligned(self.width - sum(widths), self.style.align, part.direction)
        for (text, font, _), (direction, language), width in zip(spans, keys, widths, strict=True):
            yield Piece(text, font, round(left), baseline, direction, language)
            left += width

    def _inside(self, pieces: Sequence[Piece], ink: Extent, size: float, lines: int) -> Setting | None:
        """Return the setting, moved where ink hangs over the box, None where it is larger than that."""
        if ink.right - ink.left > self.width or ink.bottom - ink.top > self.height:
            return None
        right = max(-ink.left, 0) - max(ink.right - self.width, 0)
        down = max(-ink.top, 0) - max(ink.bottom - self.height, 0)
        moved = [replace(piece, left=piece.left + right, baseline=piece.baseline + down) for piece in pieces]
        extent = Extent(ink.left + right, ink.top + down, ink.right + right, ink.bottom + down)
        return Setting(tuple(moved), size, lines, extent)


def _largest(trial: _Trial) -> Setting | None:
    """Bisect the sizes: a text that fits wherever a longer one does is then never set smaller than that."""
    sizes = trial.sizes()
    if trial.at(sizes[-1]) is None:
        return None
    number = bisect_left(range(len(sizes) - 1), 1, key=lambda index: int(trial.at(sizes[index]) is not None))
    plain = trial.at(sizes[number])
    return (trial.at(sizes[number], balance=True) or plain) if trial.style.balance else plain


def _aligned(room: float, align: str, direction: Direction) -> float:
    side = {"start": "left", "end": "right"} if direction == "ltr" else {"start": "right", "end": "left"}
    return {"left": 0.0, "center": room / 2, "right": room}[side.get(align, align)]


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
