"""Parts of lines, each in one font, and the ink they leave."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PIL.ImageFont import FreeTypeFont

    from imaging.paragraphs import Direction


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a line in one font, its origin on the baseline in pixels of the box."""

    text: str
    font: FreeTypeFont
    left: int
    baseline: int
    direction: Direction | None
    language: str | None

    def moved(self, right: int, down: int) -> Piece:
        return replace(self, left=self.left + right, baseline=self.baseline + down)

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

    def exact_ink(self, stroke: float) -> Extent:
        """Return the same without the free space before and after the letters, which takes longer."""
        mask, (left, top) = self.font.getmask2(self.text, "L", self.direction, None, self.language, stroke, anchor="ls")
        box = mask.getbbox()
        if box is None:
            return self.ink(stroke)
        return Extent(box[0] + left, box[1] + top, box[2] + left, box[3] + top).moved(self.left, self.baseline)


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

    def moved(self, right: int, down: int) -> Extent:
        return Extent(self.left + right, self.top + down, self.right + right, self.bottom + down)

    def reduced(self, scale: int) -> Extent:
        """Return the whole pixels that it touches once the box is that many times smaller."""
        return Extent(self.left // scale, self.top // scale, -(-self.right // scale), -(-self.bottom // scale))


def joined(inks: Iterable[Extent]) -> Extent:
    return reduce(Extent.joined, inks)
