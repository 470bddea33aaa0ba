"""What a template.yaml may say. templates/README.md lists every key with its range and default.

Lengths are a share of the surrounding box (0.1 or "10%"), pixels ("40px"), or as in CSS a percentage of the canvas'
width, height, shorter or longer side ("10vw", "10vh", "10vmin", "10vmax").
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from imaging.product_options import SIDE_LIMIT
from imaging.template_fields import LONGEST_TEXT, AnyField, ColorField, NumberField, colour

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LENGTH = re.compile(r"([0-9]+(?:\.[0-9]+)?)(px|%|vw|vh|vmin|vmax)?")
REFERENCE = re.compile(r"\{[a-z][a-z0-9_]{0,39}\}")
MOST_ELEMENTS, MOST_FIELDS, MOST_FONTS = 64, 64, 16


def _length(given: object) -> object:
    written = isinstance(given, (int, float, str)) and not isinstance(given, bool)
    found = LENGTH.fullmatch(str(given).strip()) if written else None
    most = {None: 1, "px": SIDE_LIMIT}.get(found[2], 100) if found else 0
    if found is None or float(found[1]) > most:
        raise ValueError(
            f'a share of 0 to 1 (0.1), "10%", "40px" or a percentage of the canvas ("10vw", "10vh", "10vmin", "10vmax")'
            f" is expected, not {given!r}"
        )
    return found[0]


def pixels(length: str, side: float, canvas: tuple[int, int]) -> float:
    """Return a checked length in pixels, where the surrounding box measures `side` and the canvas (height, width)."""
    found = LENGTH.fullmatch(length)
    if found is None:
        raise ValueError(f"{length!r} was not checked")
    height, width = canvas
    wholes = {"px": 1.0, "%": side / 100, "vw": width / 100, "vh": height / 100}
    wholes |= {"vmin": min(canvas) / 100, "vmax": max(canvas) / 100}
    return float(found[1]) * wholes.get(found[2], side)


def _font(given: object) -> object:
    return {"file": given} if isinstance(given, str) else given


def _paint(text: str) -> str:
    return text if REFERENCE.fullmatch(text) else colour(text)


def _opacity(given: object) -> object:
    is_reference = isinstance(given, str) and REFERENCE.fullmatch(given)
    is_share = isinstance(given, (int, float)) and not isinstance(given, bool) and 0 <= given <= 1
    if not is_reference and not is_share:
        raise ValueError(f"0 to 1, or a field of kind number in braces, is expected, not {given!r}")
    return given


Name: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Paint: TypeAlias = Annotated[str, AfterValidator(_paint), WithJsonSchema({"type": "string", "format": "color"})]
Opacity: TypeAlias = Annotated[
    float | str, BeforeValidator(_opacity), WithJsonSchema({"type": "string", "format": "opacity"})
]
Length: TypeAlias = Annotated[str, BeforeValidator(_length), WithJsonSchema({"type": "string", "format": "length"})]
AssetPath: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]
Names: TypeAlias = Annotated[list[Name], Field(max_length=MOST_FIELDS)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Font(_Part):
    """A font file; the file's name alone says the same."""

    file: AssetPath = Field(description="a TrueType or OpenType file with outlines, in the template's folder")
    index: Annotated[int, Field(ge=0, le=63)] = Field(default=0, description="which font of a collection (.ttc)")


class Box(_Part):
    """Where an element lies. On each axis at most two of three are said.

    One distance and the size anchor it to that side, the size alone centres it, distances alone leave the rest.
    """

    left: Length | None = Field(default=None, description="distance from the left side, a share of the width")
    right: Length | None = Field(default=None, description="distance from the right side, a share of the width")
    width: Length | None = Field(default=None, description="a share of the width")
    top: Length | None = Field(default=None, description="distance from the top, a share of the height")
    bottom: Length | None = Field(default=None, description="distance from the bottom, a share of the height")
    height: Length | None = Field(default=None, description="a share of the height")

    @model_validator(mode="after")
    def _open(self) -> Box:
        for axis in (("left", "right", "width"), ("top", "bottom", "height")):
            if all(getattr(self, key) is not None for key in axis):
                raise ValueError(f"{', '.join(axis)}: only two of them can be said")
        return self


class Reserve(_Part):
    """Room at the canvas' sides that a placed subject keeps out of. Without a word about a side, there is none."""

    left: Length = Field(default="0", description="from the left side, a share of the canvas' width")
    top: Length = Field(default="0", description="from the top, a share of the canvas' height")
    right: Length = Field(default="0", description="from the right side, a share of the canvas' width")
    bottom: Length = Field(default="0", description="from the bottom, a share of the canvas' height")

    @model_validator(mode="after")
    def _leaves_room(self) -> Reserve:
        square = 1, 1
        for ends in (("left", "right"), ("top", "bottom")):
            lengths = [getattr(self, end) for end in ends]
            if sum(pixels(length, 1, square) for length in lengths if not length.endswith("px")) >= 1:
                raise ValueError(f"{' and '.join(ends)}: {' and '.join(lengths)} leave no room on a square picture")
        return self


class _Element(_Part):
    name: Name | None = Field(default=None, description="for `inside` of later elements, and for messages")
    inside: Name | None = Field(
        default=None, description="the earlier element that is the surrounding box, the canvas if left out"
    )
    box: Box = Field(default_factory=Box, description="where it lies, all over the surrounding box if left out")
    given: Names = Field(default_factory=list, description="drawn only where all these fields say something")
    missing: Names = Field(default_factory=list, description="drawn only where none of these fields says anything")
    opacity: Opacity = Field(default=1.0, description="of the whole element, beside its colour's own")

    def references(self) -> Iterator[tuple[str, str, type[BaseModel] | None]]:
        """Yield the key, the field's name and the kind it must be of, None for any."""
        yield from (("given", name, None) for name in self.given)
        yield from (("missing", name, None) for name in self.missing)
        if isinstance(self.opacity, str):
            yield "opacity", self.opacity[1:-1], NumberField


class Bar(_Element):
    """A rectangle."""

    kind: Literal["bar"]
    color: Paint = Field(default="#000000FF", description="a colour, or a field of that kind")
    radius: Length = Field(default="0", description="of its corners, a share of its shorter side, at most half")

    def references(self) -> Iterator[tuple[str, str, type[BaseModel] | None]]:
        yield from super().references()
        yield from _colours({"color": self.color})


class Text(_Element):
    """Words in a box: from `size` down to `min_size` the largest at which they fit."""

    kind: Literal["text"]
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)] = Field(
        description="with {field} where a field's value stands; {{ and }} for braces"
    )
    under: Name | None = Field(
        default=None, description="the earlier text in whose box, and under which, it stands; the two are one block"
    )
    gap: Length = Field(default="0.1", description="from the last line above to its capitals, a share as of `size`")
    fonts: Annotated[list[Name], Field(max_length=MOST_FONTS)] = Field(
        default_factory=list, description="names in order of preference, all of the template's if left out"
    )
    size: Length = Field(description="of the em, a share of the surrounding box' shorter side; above 0")
    min_size: Length | None = Field(
        default=None, description="down to which the text may shrink, `size` if left out; above 0"
    )
    max_lines: Annotated[int, Field(ge=1, le=50)] = Field(default=1, description="that it may take")
    balance: bool = Field(default=True, description="wrap into lines of about the same length")
    line_spacing: Annotated[float, Field(ge=0.8, le=3)] = Field(default=1.2, description="from line to line, in sizes")
    align: Literal["start", "center", "end", "left", "right"] = Field(
        default="start", description="start is left, or right where the text runs from right to left"
    )
    vertical: Literal["top", "center", "bottom"] = Field(
        default="center", description="center puts the capitals' middle in the middle"
    )
    direction: Literal["auto", "ltr", "rtl"] = Field(
        default="auto", description="auto goes by each paragraph's first letter"
    )
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None = Field(
        default=None, description="its code, where a font has other forms for it (zh-Hant, sr, tr)"
    )
    color: Paint = Field(default="#FFFFFFFF", description="a colour, or a field of that kind")
    stroke: Length = Field(default="0", description="width of a line round the letters, a share as of `size`")
    stroke_color: Paint = Field(default="#000000FF", description="colour of that line")

    def references(self) -> Iterator[tuple[str, str, type[BaseModel] | None]]:
        yield from super().references()
        yield from (("text", name, None) for name in named(self.text))
        yield from _colours({"color": self.color, "stroke_color": self.stroke_color})

    @model_validator(mode="after")
    def _sound(self) -> Text:
        named(self.text)
        if not all(float(found[1]) for found in map(LENGTH.fullmatch, (self.size, self.min_size or "1")) if found):
            raise ValueError("size and min_size: more than 0 is expected")
        if self.under is not None and (self.inside is not None or self.box != Box()):
            raise ValueError("under: a text under another one has that one's box, and neither `box` nor `inside`")
        return self


class Picture(_Element):
    """A logo or another picture from the template's folder."""

    kind: Literal["image"]
    file: AssetPath = Field(description="PNG, WebP or JPEG in the template's folder")
    scale: Literal["fit", "fill"] = Field(default="fit", description="inside the box, or over all of it")
    horizontal: Literal["left", "center", "right"] = Field(default="center", description="alignment in the box")
    vertical: Literal["top", "center", "bottom"] = Field(default="center", description="alignment in the box")


AnyElement = Annotated[Bar | Text | Picture, Field(discriminator="kind")]


class Sheet(_Part):
    """The whole of a template.yaml."""

    description: Annotated[str, Field(max_length=500)] = Field(default="", description="for people")
    fonts: Annotated[dict[Name, Annotated[Font, BeforeValidator(_font)]], Field(max_length=MOST_FONTS)] = Field(
        default_factory=dict, description="font files by a name of your own"
    )
    fields: Annotated[dict[Name, AnyField], Field(max_length=MOST_FIELDS)] = Field(
        default_factory=dict, description="what a request may fill in, by name"
    )
    elements: Annotated[list[AnyElement], Field(max_length=MOST_ELEMENTS)] = Field(
        default_factory=list, description="what is drawn, the first one lowest"
    )
    reserve: Reserve | None = Field(
        default=None, description="room that a placed subject keeps out of, that of the bars if left out"
    )

    @model_validator(mode="after")
    def _joined_up(self) -> Sheet:
        seen: dict[str, AnyElement] = {}
        for number, element in enumerate(self.elements):
            problem = self._problem(element, seen)
            if problem:
                raise ValueError(f"elements.{number}: {problem}")
            seen |= {element.name: element} if element.name else {}
        return self

    def _problem(self, element: AnyElement, seen: Mapping[str, AnyElement]) -> str | None:
        if element.name in seen:
            return f"name: {element.name} is taken by an earlier element"
        if element.inside is not None and element.inside not in seen:
            return f"inside: no earlier element is named {element.inside}"
        for key, name, kind in element.references():
            if name not in self.fields:
                return f"{key}: {name} is not one of the fields: {', '.join(self.fields) or 'there are none'}"
            problem = None if kind is None else _kind_problem(self.fields[name], kind)
            if problem:
                return f"{key}: the field {name} {problem}"
        return self._text_problem(element, seen) if isinstance(element, Text) else None

    def _text_problem(self, element: Text, seen: Mapping[str, AnyElement]) -> str | None:
        above = seen.get(element.under or "")
        if element.under is not None and not (isinstance(above, Text) and above.under is None):
            return f"under: {element.under} is no earlier text that stands by itself"
        unknown = [name for name in element.fonts if name not in self.fonts]
        if unknown or not self.fonts:
            return f"fonts: {', '.join(unknown) or 'none'} is not one of: {', '.join(self.fonts) or 'there are none'}"
        return None


def named(text: str) -> list[str]:
    """Return the fields that a text names in braces. Raises ValueError for braces that are none of a field."""
    parts = list(string.Formatter().parse(text))
    if any(spec or conversion or name == "" for _, name, spec, conversion in parts):
        raise ValueError("text: a field's name alone is expected in braces, {{ and }} for braces themselves")
    return [name for _, name, _, _ in parts if name is not None]


def _colours(keys: Mapping[str, str]) -> Iterator[tuple[str, str, type[BaseModel] | None]]:
    yield from ((key, text[1:-1], ColorField) for key, text in keys.items() if text.startswith("{"))


def _kind_problem(field: AnyField, kind: type[BaseModel]) -> str | None:
    """Return why a field cannot be a colour or an opacity."""
    if not isinstance(field, kind):
        return f"is of kind {field.kind}"
    if not field.required and not field.default:
        return "is neither required nor has it a default"
    if isinstance(field, NumberField) and not 0 <= field.minimum <= field.maximum <= 1:
        return "may be more than 1: minimum and maximum from 0 to 1 are expected"
    return None
