"""What a request may fill into a template: the declared fields, their checks, and how their values are written."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from PIL import ImageColor
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from imaging.errors import ImageError
from imaging.product_options import Colour

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_TEXT = 2000
NO_BREAK = "\N{NO-BREAK SPACE}"
REFUSED = frozenset("\u2028\u2029\u202d\u202e")
"""Separators that are no line breaks here, and overrides, which make a text read as another one than it is."""
NUMBER = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,6}))?")
COLOUR: TypeAdapter[str] = TypeAdapter(Colour)


class FieldError(ImageError):
    """What was given does not fit the template's fields; the text names every wrong field and what is allowed."""


def _written(given: object) -> object:
    """Return the text of a number, which YAML reads as one."""
    return str(given) if isinstance(given, (int, float)) and not isinstance(given, bool) else given


Given: TypeAlias = Annotated[str, BeforeValidator(_written), Field(max_length=LONGEST_TEXT)]
Sign: TypeAlias = Annotated[str, Field(max_length=3)]


class _Field(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    required: bool = Field(default=False, description="an error where the request leaves it out or blank")
    default: Given = Field(default="", description="what stands in it where the request says nothing")
    example: Given = Field(default="", description="what the preview writes into it without a --field of its own")

    @model_validator(mode="after")
    def _said_once(self) -> _Field:
        if self.required and self.default:
            raise ValueError("a required field has no default")
        return self

    def checked(self, given: str) -> str:
        """Return the plain value of a text that is not blank. Raises ValueError, whose text follows the name."""
        raise NotImplementedError

    def shown(self, plain: str) -> str:
        return plain


class TextField(_Field):
    """Words. Line breaks are allowed where the text's place takes several lines."""

    kind: Literal["text"]
    max_length: Annotated[int, Field(ge=1, le=LONGEST_TEXT)] = Field(default=200, description="in characters")

    def checked(self, given: str) -> str:
        text = unicodedata.normalize("NFC", given.replace("\r\n", "\n")).strip()
        wrong = next((sign for sign in text if is_refused(sign)), None)
        if wrong is not None:
            raise ValueError(f"has the control character U+{ord(wrong):04X}; line breaks are the only ones allowed")
        if len(text) > self.max_length:
            raise ValueError(f"is {len(text)} characters long, at most {self.max_length} are allowed")
        return text


class ColorField(_Field):
    """A colour, for the `color` of elements."""

    kind: Literal["color"]

    def checked(self, given: str) -> str:
        try:
            return COLOUR.validate_python(given.strip())
        except ValidationError:
            raise ValueError(f"{given!r} is no colour: RRGGBB, #RRGGBB, #RRGGBBAA or a CSS name is expected") from None


class NumberField(_Field):
    """A number, for texts and for the `opacity` of elements."""

    kind: Literal["number"]
    minimum: float = Field(default=0.0, description="the smallest that is allowed")
    maximum: float = Field(default=1e9, description="the largest that is allowed")
    decimals: Annotated[int, Field(ge=0, le=6)] = Field(default=2, description="digits after the point, at most")
    decimal: Sign = Field(default=".", description="what is written for the decimal point")
    group: Sign = Field(default="", description="what is written between thousands")

    def checked(self, given: str) -> str:
        number = amount(given, self.decimals)
        if not self.minimum <= number <= self.maximum:
            raise ValueError(f"{given!r} is out of range: {self.minimum:g} to {self.maximum:g} is allowed")
        return str(number)

    def shown(self, plain: str) -> str:
        number = Decimal(plain)
        return grouped(number, max(-int(number.normalize().as_tuple().exponent), 0), self.decimal, self.group)


class PriceField(_Field):
    """An amount of money: 1299.9 in the request, 1.299,90 € in the picture. It is never broken over two lines."""

    kind: Literal["price"]
    currency: Annotated[str, Field(max_length=8)] = Field(default="€", description="its sign or code")
    pattern: Annotated[str, Field(max_length=40)] = Field(
        default="{amount} {currency}", description="how the two are put together"
    )
    decimals: Annotated[int, Field(ge=0, le=4)] = Field(default=2, description="digits after the point")
    decimal: Sign = Field(default=",", description="what is written for the decimal point")
    group: Sign = Field(default=".", description="what is written between thousands")
    whole: Annotated[str, Field(max_length=4)] | None = Field(
        default=None, description='written instead of the decimals where these are zero, such as ",-"'
    )

    @model_validator(mode="after")
    def _pattern_known(self) -> PriceField:
        left = self.pattern.replace("{amount}", "", 1).replace("{currency}", "", 1)
        if "{amount}" not in self.pattern or set(left) & set("{}"):
            raise ValueError("pattern: {amount} is expected once, {currency} at most once, and no other braces")
        return self

    def checked(self, given: str) -> str:
        number = amount(given, self.decimals)
        if number < 0:
            raise ValueError(f"{given!r} is negative")
        return str(number)

    def shown(self, plain: str) -> str:
        number = Decimal(plain)
        is_whole = self.whole is not None and number == number.to_integral_value()
        digits = grouped(number, 0 if is_whole else self.decimals, self.decimal, self.group)
        written = digits + (self.whole or "") if is_whole else digits
        text = self.pattern.replace("{amount}", written).replace("{currency}", self.currency)
        return text.strip().replace(" ", NO_BREAK)


AnyField = Annotated[TextField | ColorField | NumberField | PriceField, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class Values:
    """By field name: `plain` as checked (#RRGGBBAA, 1299.9), `shown` as it is written; "" for what was not given."""

    plain: Mapping[str, str]
    shown: Mapping[str, str]

    def share(self, opacity: float | str) -> float:
        """Return an opacity, or that of the field it names in braces."""
        return float(self.plain[opacity[1:-1]]) if isinstance(opacity, str) else opacity

    def paint(self, color: str) -> tuple[int, ...]:
        """Return RGBA, 0 to 255, of a checked colour, or of that of the field it names in braces."""
        return ImageColor.getrgb(self.plain[color[1:-1]] if color.startswith("{") else color)


def values(declared: Mapping[str, AnyField], given: Mapping[str, str]) -> Values:
    """Return every declared field's value. Raises FieldError, which names all that is wrong."""
    wrong = [f"{name}: the template has no such field; {_known(declared)}" for name in given if name not in declared]
    plain: dict[str, str] = {}
    for name, field in declared.items():
        try:
            plain[name] = value(field, given.get(name, ""))
        except ValueError as error:  # noqa: PERF203 - every wrong field is named at once
            wrong.append(f"{name}: {error}")
    if wrong:
        raise FieldError("fields: " + "; ".join(wrong))
    return Values(plain, {name: field.shown(plain[name]) if plain[name] else "" for name, field in declared.items()})


def value(field: AnyField, given: str) -> str:
    """Return the plain value of a field, "" for none. Raises ValueError, whose text follows the name."""
    text = given if given.strip() else field.default
    if text.strip():
        return field.checked(text)
    if field.required:
        raise ValueError("is required by the template")
    return ""


def _known(declared: Mapping[str, AnyField]) -> str:
    return f"it has {', '.join(declared)}" if declared else "it has none"


def colour(given: str) -> str:
    """Return #RRGGBBAA. Raises ValueError."""
    try:
        return COLOUR.validate_python(given.strip())
    except ValidationError:
        raise ValueError(f"{given!r} is no colour: RRGGBB, #RRGGBB, #RRGGBBAA or a CSS name is expected") from None


def is_refused(sign: str) -> bool:
    return sign in REFUSED or (sign != "\n" and unicodedata.category(sign) in {"Cc", "Cs"})


def amount(given: str, decimals: int) -> Decimal:
    """Return the number of a text such as 1299.90. Raises ValueError for more digits than `decimals`, which are not
    rounded away: that would be another price.
    """
    found = NUMBER.fullmatch(given.strip())
    if found is None:
        raise ValueError(f"{given!r} is no number: digits and a decimal point are expected, such as 1299.90")
    if len((found[3] or "").rstrip("0")) > decimals:
        raise ValueError(f"{given!r} has too many decimals, at most {decimals} are allowed")
    return Decimal(found[0])


def grouped(number: Decimal, decimals: int, decimal: str, group: str) -> str:
    whole, _, rest = f"{number:,.{decimals}f}".partition(".")
    return whole.replace(",", group) + (decimal + rest if rest else "")
