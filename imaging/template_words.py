"""The words of a template, set in their places: a text alone, or with the texts that stand under it as one block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imaging.errors import ImageError
from imaging.template_schema import Text, named
from imaging.typesetting import Style, fitted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imaging.template_fields import Values
    from imaging.template_file import Template
    from imaging.template_layout import Place
    from imaging.typesetting import Setting


class DrawError(ImageError):
    """An element of a template cannot be drawn with these fields on this picture; the text names both."""


def blocks(places: Iterable[Place]) -> list[list[Place]]:
    """Return what is drawn together, the lowest first: texts with those under them, all else alone."""
    found: dict[str | int, list[Place]] = {}
    for place in places:
        under = place.element.under if isinstance(place.element, Text) else None
        found.setdefault(under or place.element.name or place.number, []).append(place)
    return list(found.values())


def settings(block: Sequence[Place], template: Template, values: Values) -> list[Setting]:
    """Return how each text of a block is set in the block's box. Raises DrawError.

    The first one gets the height that the others leave it, and the block is aligned as a whole: from its first line's
    capitals to its last baseline.
    """
    first, *others = block
    height = first.seen.bottom - first.seen.top
    lower = [(_gap(place), _set(place, template, values, height)) for place in others]
    taken = sum(gap + setting.baseline - setting.capitals for gap, setting in lower)
    found = [_set(first, template, values, max(int(height - taken), 0))]
    for gap, setting in lower:
        found.append(setting.lowered(round(found[-1].baseline + gap - setting.capitals)))
    over = max(found[-1].ink.bottom - height, 0)
    if over > found[0].ink.top:
        raise DrawError(f"{first.said(template.name)}: it and what stands under it are higher than {height} pixels")
    return [setting.lowered(-over) for setting in found]


def text(place: Place) -> Text:
    if not isinstance(place.element, Text):
        raise TypeError(f"{place.element.kind} is no text")
    return place.element


def style(place: Place, element: Text, template: Template) -> Style:
    size = place.pixels(element.size)
    return Style(
        fonts=tuple(template.faces[name] for name in element.fonts or template.faces),
        size=size,
        smallest=size if element.min_size is None else place.pixels(element.min_size),
        lines=element.max_lines,
        balance=element.balance,
        spacing=element.line_spacing,
        align=element.align,
        vertical=element.vertical,
        direction=element.direction,
        language=element.language,
        stroke=place.pixels(element.stroke),
    )


def _gap(place: Place) -> float:
    return place.pixels(text(place).gap)


def _set(place: Place, template: Template, values: Values, height: int) -> Setting:
    element, box = text(place), place.seen
    try:
        words = element.text.format_map(values.shown)
        return fitted(words, style(place, element, template), box.right - box.left, height)
    except ImageError as error:
        fields = ", ".join(dict.fromkeys(named(element.text)))
        where = f"fields: {fields}" if fields else place.said(template.name)
        raise DrawError(f"{where}: {error}") from error
