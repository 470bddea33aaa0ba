"""The room that a template takes of a picture: what it says itself, or else what its bars hide."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imaging import template_fields
from imaging.product_options import SIDE_LIMIT
from imaging.room import Room
from imaging.template_layout import Place, placed
from imaging.template_schema import Bar, pixels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imaging.template_fields import Values
    from imaging.template_file import Template
    from imaging.template_schema import Reserve, Sheet

HIDING = 0.5  # opacity from which a bar hides what lies under it
EXACT = 1e-6  # a sum of lengths is no more than that above the whole pixels it means


@dataclass(frozen=True, slots=True)
class TemplateRoom:
    """The room of a template with these values, on any canvas."""

    name: str
    sheet: Sheet
    values: Values

    def on(self, height: int, width: int) -> Room:
        if self.sheet.reserve is not None:
            return _said(self.sheet.reserve, height, width)
        veils = {bar.number for bar in self._bars(SIDE_LIMIT, SIDE_LIMIT) if _is_across(bar) and _is_along(bar)}
        bars = [bar for bar in self._bars(height, width) if bar.number not in veils]
        left, right = _ends([(bar.box.left, bar.box.right) for bar in bars if _is_along(bar)], width)
        top, bottom = _ends([(bar.box.top, bar.box.bottom) for bar in bars if _is_across(bar)], height)
        return Room(left, top, right, bottom)

    def _bars(self, height: int, width: int) -> list[Place]:
        return [place for place in placed(self.sheet, self.values, height, width) if self._hides(place)]

    def _hides(self, place: Place) -> bool:
        element = place.element
        if not isinstance(element, Bar):
            return False
        return self.values.share(element.opacity) * self.values.paint(element.color)[3] / 255 >= HIDING


def reserve(template: Template, fields: Mapping[str, str]) -> TemplateRoom:
    """Raises FieldError."""
    values = template_fields.values(template.sheet.fields, fields)
    return TemplateRoom(f"template {template.name}", template.sheet, values)


def _said(wishes: Reserve, height: int, width: int) -> Room:
    def whole(length: str, side: int) -> int:
        return math.ceil(pixels(length, side, (height, width)) - EXACT)

    return Room(
        whole(wishes.left, width), whole(wishes.top, height), whole(wishes.right, width), whole(wishes.bottom, height)
    )


def _is_across(bar: Place) -> bool:
    return bar.box.left <= 0 and bar.box.right >= bar.canvas[1]


def _is_along(bar: Place) -> bool:
    return bar.box.top <= 0 and bar.box.bottom >= bar.canvas[0]


def _ends(spans: Iterable[tuple[int, int]], side: int) -> tuple[int, int]:
    """Return how far bars reach in from both ends of an axis, each from the end or from where another one stops."""
    ordered = sorted(spans)
    before = after = 0
    for start, end in ordered:
        before = max(before, end) if start <= before else before
    for start, end in sorted(ordered, key=lambda span: -span[1]):
        after = max(after, side - start) if end >= side - after else after
    return before, after
