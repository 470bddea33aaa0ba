"""Which elements of a template are drawn, and where they lie on a canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imaging.template_schema import Text, named, pixels
from imaging.tiles import Tile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imaging.template_fields import Values
    from imaging.template_schema import AnyElement, Box, Sheet


@dataclass(frozen=True, slots=True)
class Place:
    """An element, its number in the file, its box in whole pixels (part of it may lie off the canvas), and the lengths
    it measures by: its surrounding box' shorter side, and the canvas (height, width).
    """

    element: AnyElement
    number: int
    box: Tile
    around: int
    canvas: tuple[int, int]

    @property
    def height(self) -> int:
        return self.box.bottom - self.box.top

    @property
    def width(self) -> int:
        return self.box.right - self.box.left

    @property
    def seen(self) -> Tile:
        """The part of the box on the canvas; empty where there is none."""
        (height, width), box = self.canvas, self.box
        left, top = min(max(box.left, 0), width), min(max(box.top, 0), height)
        return Tile(top, left, max(min(box.bottom, height), top), max(min(box.right, width), left))

    def pixels(self, length: str, side: float | None = None) -> float:
        return pixels(length, self.around if side is None else side, self.canvas)

    def said(self, template: str) -> str:
        """Return how messages call the element."""
        return f"template {template}, elements.{self.number}" + (f" ({self.element.name})" if self.element.name else "")


def placed(sheet: Sheet, values: Values, height: int, width: int) -> Iterator[Place]:
    """Yield what is drawn, the lowest first."""
    whole = Tile(0, 0, height, width)
    frames: dict[str | None, tuple[Tile, Tile]] = {
        None: (whole, whole)
    }  # of every element so far its box and the surrounding one
    for number, element in enumerate(sheet.elements):
        if isinstance(element, Text) and element.under is not None:
            box, outer = frames[element.under]
        else:
            outer, _ = frames[element.inside]
            box = _box(element.box, outer, (height, width))
        if element.name is not None:
            frames[element.name] = box, outer
        if _is_wanted(element, values):
            around = min(outer.bottom - outer.top, outer.right - outer.left)
            yield Place(element, number, box, around, (height, width))


def _is_wanted(element: AnyElement, values: Values) -> bool:
    if not all(values.shown[name] for name in element.given) or any(values.shown[name] for name in element.missing):
        return False
    fields = named(element.text) if isinstance(element, Text) else []
    return not fields or any(values.shown[name] for name in fields)


def _box(box: Box, outer: Tile, canvas: tuple[int, int]) -> Tile:
    left, right = _axis((box.left, box.right, box.width), outer.left, outer.right, canvas)
    top, bottom = _axis((box.top, box.bottom, box.height), outer.top, outer.bottom, canvas)
    return Tile(top, left, bottom, right)


def _axis(
    lengths: tuple[str | None, str | None, str | None], start: int, end: int, canvas: tuple[int, int]
) -> tuple[int, int]:
    """Return where an element begins and ends, at least a pixel apart, from its two distances and its size."""
    before, after, size = (None if length is None else pixels(length, end - start, canvas) for length in lengths)
    if size is None:
        first, last = start + (before or 0.0), end - (after or 0.0)
    elif before is not None:
        first, last = start + before, start + before + size
    elif after is not None:
        first, last = end - after - size, end - after
    else:
        first, last = (start + end - size) / 2, (start + end + size) / 2
    return round(first), max(round(last), round(first) + 1)
