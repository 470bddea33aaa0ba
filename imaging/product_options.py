"""What can be asked of a product photo: one schema for the Triton steps, the gateway's forms and the command line.

Every part belongs to one step and is named as it is. Lengths are a ratio of the canvas' side as a number (0.1), a
percentage of it ("10%") or pixels ("40px"); colours are hexadecimal (FFFFFF, #FFFFFF, #FFFFFFCC) or CSS names.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from PIL import ImageColor
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from imaging.errors import ImageError

SIDE_LIMIT = 10_000
PIXEL_LIMIT = 50_000_000
FEWEST_HEX, MOST_HEX = 3, 8
HEX = frozenset("0123456789abcdefABCDEF")


class OptionsError(ImageError):
    """The options are no JSON of the schema; the text names the field and what is allowed."""


def _colour(text: str) -> str:
    """Return #RRGGBBAA for what Pillow knows as a colour; the hash may be missing. Raises ValueError."""
    bare = FEWEST_HEX <= len(text) <= MOST_HEX and set(text) <= HEX
    red, green, blue, *alpha = ImageColor.getrgb(f"#{text}" if bare else text)
    return "#" + "".join(f"{part:02X}" for part in (red, green, blue, *(alpha or [255])))


def _length(given: object) -> object:
    """Return "0.1", "10%" or "40px" in that form. Raises ValueError for what is none of these or below 0."""
    text = str(given).strip() if isinstance(given, (int, float, str)) and not isinstance(given, bool) else ""
    unit = next((unit for unit in ("px", "%") if text.endswith(unit)), "")
    try:
        amount = float(text.removesuffix(unit))
    except ValueError:
        amount = -1.0
    if not 0 <= amount <= {"px": SIDE_LIMIT, "%": 49, "": 0.49}[unit]:
        raise ValueError(
            f'a ratio 0 to 0.49 (0.1), a percentage to 49 ("10%") or pixels ("40px") expected, not {given!r}'
        )
    return f"{amount:g}{unit}"


def pixels(length: str, side: int) -> float:
    """Return a checked length in pixels of a canvas whose side along it is `side`."""
    if length.endswith("px"):
        return float(length.removesuffix("px"))
    if length.endswith("%"):
        return float(length.removesuffix("%")) * side / 100
    return float(length) * side


Colour = Annotated[str, AfterValidator(_colour)]
Length = Annotated[str, BeforeValidator(_length)]
Share = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=16, le=SIDE_LIMIT)]
Degrees = Annotated[float, Field(ge=0, lt=360)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Sides(_Part):
    """A length for every side."""

    left: Length = "0"
    top: Length = "0"
    right: Length = "0"
    bottom: Length = "0"


def _sides(given: object) -> object:
    if isinstance(given, (dict, Sides)):
        return given
    return dict.fromkeys(("left", "top", "right", "bottom"), given)


AllSides: TypeAlias = Annotated[Sides, BeforeValidator(_sides)]


class Refine(_Part):
    """The matte at full size, and the subject's own colours."""

    erosion: Annotated[float, Field(ge=-5, le=5)] = Field(
        default=0.0,
        description="pixels by which the edge moves inwards, outwards where negative; parts of a pixel count",
    )
    decontaminate: bool = Field(default=True, description="take the old ground's colour out of the edge")
    holes: Share = Field(default=0.0, description="largest hole that is filled, as a share of the subject's area")
    specks: Share = Field(default=0.001, description="largest loose speck that is removed, as a share of the subject's")
    white_on_white: Literal["auto", "off"] = Field(
        default="auto", description="a second look at an even, light ground that hardly differs from the subject"
    )


class Place(_Part):
    """Where the subject comes to lie, and how large."""

    size: Literal["original", "fitted"] | Annotated[tuple[Side, Side], Field(strict=False)] = Field(
        default="original",
        description="the canvas: as the photo, as the subject with padding and margin, or [width, height] in pixels",
    )
    subject: Literal["placed", "as_is"] = Field(
        default="placed", description="placed by these options, or where and as large as it is in the photo"
    )
    padding: AllSides = Field(default_factory=Sides, description="room between the subject and the margin")
    margin: AllSides = Field(default_factory=Sides, description="room at the canvas' sides, kept where padding is not")
    scale: Literal["fit", "fill"] = Field(
        default="fit", description="the subject inside the room left, or over it as far as its shorter side reaches"
    )
    horizontal: Literal["left", "center", "right"] = Field(default="center", description="alignment in the room left")
    vertical: Literal["top", "center", "bottom"] = Field(default="center", description="alignment in the room left")
    center: Literal["box", "optical"] = Field(
        default="box", description="what is centred: the middle of the subject's box, or its centre of mass"
    )
    snap: bool = Field(
        default=True, description="no padding or margin on a side where the photo's edge cuts the subject"
    )


class Gradient(_Part):
    start: Colour = "#FFFFFFFF"
    end: Colour = "#E6E6E6FF"
    angle: Degrees = Field(default=180.0, description="where the end lies: 0 top, 90 right, 180 bottom, 270 left")


class Picture(_Part):
    """A picture as the ground."""

    data: Annotated[str, Field(max_length=30_000_000)] = Field(description="the bytes of an image file in base64")
    scale: Literal["fit", "fill"] = Field(
        default="fill", description="cover the canvas, or lie within it on the colour"
    )
    blur: Annotated[float, Field(ge=0, le=0.2)] = Field(default=0.0, description="sigma, as a share of the longer side")


class Ground(_Part):
    """What lies behind the subject: the picture, or else the gradient, or else the colour; the last unless null."""

    color: Colour | None = Field(default="#FFFFFFFF", description="null for a transparent ground")
    gradient: Gradient | None = None
    picture: Picture | None = None


class Shadow(_Part):
    """What the subject throws onto the ground."""

    kind: Literal["none", "dual", "drop", "floating"] = Field(
        default="none", description="contact and cast shadow, one behind the subject, or one below a subject in the air"
    )
    direction: Degrees = Field(
        default=165.0, description="where it falls: 0 behind (up), 90 right, 180 front, 270 left"
    )
    length: Annotated[float, Field(ge=0, le=2)] = Field(
        default=0.25,
        description="of the cast on the ground, in subject's heights; a drop shadow moves by a tenth of it, and a "
        "floating subject is that high over the ground",
    )
    softness: Share = Field(default=0.5, description="of the edges; a cast is crisper at the feet than far from them")
    opacity: Share = Field(default=0.45, description="share of the light that the shadow takes, the contact aside")
    contact: Share = Field(default=0.8, description="the same of the contact shadow, of the kind dual")
    color: Colour = Field(default="#000000FF", description="its alpha weakens the shadow")


class Template(_Part):
    """A template to draw over the picture, and what stands in it."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")] = "bar"
    version: Annotated[int, Field(ge=1)] | None = Field(default=None, description="the newest one without")
    fields: dict[str, Annotated[str, Field(max_length=2000)]] = Field(
        default_factory=dict, description="texts and colours by the names that the template declares"
    )


class PhotoTemplate(Template):
    """The same over a photo whose subject is placed."""

    reserve: bool = Field(
        default=True,
        description="place the subject in what the template leaves free; one that is as_is stays where it is",
    )


class Encode(_Part):
    """The file that comes back."""

    format: Literal["png", "jpeg", "webp", "avif", "zip"] = Field(
        default="png", description="zip: color.jpg and alpha.png; jpeg has no alpha and needs a ground"
    )
    quality: Annotated[int, Field(ge=1, le=100)] = Field(
        default=90, description="of JPEG, WebP, AVIF and the ZIP's JPEG"
    )
    dpi: Annotated[int, Field(ge=72, le=1200)] = 72
    palette: Literal["auto", "never"] = Field(
        default="auto", description="8-bit PNG where hardly a pixel changes by it"
    )


class Review(_Part):
    """When a person should look at a result."""

    flip: bool = Field(default=False, description="ask the network about the mirrored photo, too; takes its time again")
    above: Share = Field(default=0.5, description="uncertainty from which a result needs review")


class CutoutOptions(_Part):
    """Of `product_cutout`."""

    refine: Refine = Field(default_factory=Refine)
    encode: Encode = Field(default_factory=Encode)
    review: Review = Field(default_factory=Review)


class TemplateOptions(_Part):
    """Of `render_template`."""

    template: Template | None = Field(default=None, description="none: the picture as it is, in another format perhaps")
    encode: Encode = Field(default_factory=Encode)


class PhotoOptions(CutoutOptions):
    """Of `product_photo`."""

    place: Place = Field(default_factory=Place)
    ground: Ground = Field(default_factory=Ground)
    shadow: Shadow = Field(default_factory=Shadow)
    template: PhotoTemplate | None = None


Options = TypeVar("Options", bound=BaseModel)


def read(text: bytes, kind: type[Options]) -> Options:
    """Return checked options. Raises OptionsError, which names every wrong field; empty text is the defaults."""
    try:
        return kind.model_validate_json(text or b"{}")
    except ValidationError as error:
        raise OptionsError("; ".join(_said(one) for one in error.errors(include_url=False))) from error


def _said(error: Any) -> str:  # noqa: ANN401 - pydantic's dictionaries
    where = ".".join(map(str, error["loc"])) or "options"
    return f"{where}: {error['msg']}"
