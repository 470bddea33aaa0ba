"""What was asked of a product photo, in the words of PhotoRoom's API; what it has no word for is an error."""

from collections.abc import Iterator
from dataclasses import dataclass

from imaging.product_options import CutoutOptions, Encode, PhotoOptions, Place, Refine, Review, Shadow, Sides

SEGMENT, EDIT = "/v1/segment", "/v2/edit"
SEGMENT_FORMATS = ("png", "webp")  # its JPEG would need a ground
OPAQUE = "FF"
LOSSLESS = "png"
FULL_TURN = 360.0
OURS = Encode()
SOFT, FLOATING, OVERRIDDEN = "ai.soft", "ai.floating", "ai.auto-with-overrides"


class UntranslatableError(ValueError):
    """The text names what the other API cannot be told."""


@dataclass(frozen=True, slots=True)
class Call:
    """A form for the other API: its path, the field of the picture, and all other fields."""

    path: str
    file_field: str
    fields: dict[str, str]


def call_of(options: CutoutOptions) -> Call:
    """Raises UntranslatableError."""
    _only(options.refine == Refine(), "refine")
    _only(options.review == Review(above=options.review.above), "review.flip")
    encode = options.encode
    _only(encode.format != "zip", "encode.format zip")
    _only(encode.format == LOSSLESS or encode.quality == OURS.quality, "encode.quality")
    if isinstance(options, PhotoOptions):
        return _edit(encode, dict(_photo(options)))
    if encode.format in SEGMENT_FORMATS and encode.dpi == OURS.dpi:
        return Call(SEGMENT, "image_file", {"format": encode.format, "channels": "rgba", "size": "full"})
    _only(encode.format != "jpeg", "encode.format jpeg without a ground")
    return _edit(encode, {"outputSize": "originalImage", "referenceBox": "originalImage"})


def _edit(encode: Encode, fields: dict[str, str]) -> Call:
    return Call(EDIT, "imageFile", {**fields, "export.format": encode.format, "export.dpi": str(encode.dpi)})


def _photo(options: PhotoOptions) -> Iterator[tuple[str, str]]:
    _only(options.template is None, "template")
    _only(options.ground.gradient is None, "ground.gradient")
    _only(options.ground.picture is None, "ground.picture")
    if options.ground.color is not None:
        bare = options.ground.color.removeprefix("#")
        _only(bare.endswith(OPAQUE), "ground.color with opacity")
        yield "background.color", bare.removesuffix(OPAQUE)
    yield from _place(options.place)
    yield from _shadow(options.shadow)


def _place(place: Place) -> Iterator[tuple[str, str]]:
    _only(place.center == "box", "place.center optical")
    _only(place.subject == "placed" or place.size == "original", "place.subject as_is on another canvas")
    yield "outputSize", _size(place)
    if place.subject == "as_is":
        yield "referenceBox", "originalImage"
        return
    yield "scaling", place.scale
    yield "horizontalAlignment", place.horizontal
    yield "verticalAlignment", place.vertical
    yield "ignorePaddingAndSnapOnCroppedSides", str(place.snap).lower()
    yield from _sides("padding", place.padding)
    yield from _sides("margin", place.margin)


def _size(place: Place) -> str:
    if isinstance(place.size, tuple):
        return "x".join(map(str, place.size))
    return {"original": "originalImage", "fitted": "croppedSubject"}[place.size]


def _sides(name: str, sides: Sides) -> Iterator[tuple[str, str]]:
    for side, length in (("Left", sides.left), ("Top", sides.top), ("Right", sides.right), ("Bottom", sides.bottom)):
        yield f"{name}{side}", length


def _shadow(shadow: Shadow) -> Iterator[tuple[str, str]]:
    """Theirs turns the other way round: 90 is left."""
    if shadow.kind == "none":
        return
    usual = Shadow(kind=shadow.kind)
    _only(shadow.kind != "drop", "shadow.kind drop")
    for name in ("length", "contact", "color"):
        _only(getattr(shadow, name) == getattr(usual, name), f"shadow.{name}")
    if shadow == usual:
        yield "shadow.mode", SOFT if shadow.kind == "dual" else FLOATING
        return
    _only(shadow.kind == "dual", "a floating shadow of another direction, softness or opacity")
    yield "shadow.mode", OVERRIDDEN
    yield "shadow.directionOverride", f"{(FULL_TURN - shadow.direction) % FULL_TURN:g}"
    yield "shadow.intensityOverride", f"{shadow.opacity:g}"
    yield "shadow.softnessOverride", f"{shadow.softness:g}"


def _only(is_so: bool, name: str) -> None:  # noqa: FBT001 - private, reads like an assertion
    if not is_so:
        raise UntranslatableError(name)
