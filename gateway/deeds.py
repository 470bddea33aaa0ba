"""The deeds of the old photo service: for each one its pipeline, the schema of its options, and its form fields.

A field is a name that people know for a place in the options; what it may hold, the schema says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias

from gateway.pipelines import PRODUCT_CUTOUT, PRODUCT_PHOTO, RENDER_TEMPLATE, Pipeline
from imaging.product_options import CutoutOptions, PhotoOptions, TemplateOptions

Place: TypeAlias = tuple[str | int, ...]
Options: TypeAlias = CutoutOptions | PhotoOptions | TemplateOptions

IMAGE, IMAGE_URL, WHOLE = "image", "image_url", "options"
WIDTH, HEIGHT, SIZE = "width", "height", "size"
SHADOW, SHADOW_KIND = "shadow", "shadow_kind"
FREE_TEXT = "field_"
TRANSPARENT = "transparent"


class Kind(StrEnum):
    """How a form's text becomes a value."""

    TEXT = "text"
    NUMBER = "number"
    SWITCH = "switch"
    GROUND = "ground"


@dataclass(frozen=True, slots=True)
class Field:
    """A form field's place in the options."""

    place: Place
    kind: Kind = Kind.TEXT


ENCODE = {
    "format": Field(("encode", "format")),
    "quality": Field(("encode", "quality"), Kind.NUMBER),
    "dpi": Field(("encode", "dpi"), Kind.NUMBER),
}
CUTOUT = {
    "erosion": Field(("refine", "erosion"), Kind.NUMBER),
    "decontaminate": Field(("refine", "decontaminate"), Kind.SWITCH),
    "white_on_white": Field(("refine", "white_on_white")),
    "flip": Field(("review", "flip"), Kind.SWITCH),
    "review_above": Field(("review", "above"), Kind.NUMBER),
    **ENCODE,
}
PHOTO = {
    "background": Field(("ground", "color"), Kind.GROUND),
    SHADOW: Field(("shadow", "kind"), Kind.SWITCH),
    SHADOW_KIND: Field(("shadow", "kind")),
    "shadow_direction": Field(("shadow", "direction"), Kind.NUMBER),
    "shadow_length": Field(("shadow", "length"), Kind.NUMBER),
    "shadow_softness": Field(("shadow", "softness"), Kind.NUMBER),
    "shadow_opacity": Field(("shadow", "opacity"), Kind.NUMBER),
    "shadow_contact": Field(("shadow", "contact"), Kind.NUMBER),
    "shadow_color": Field(("shadow", "color")),
    WIDTH: Field(("place", "size", 0), Kind.NUMBER),
    HEIGHT: Field(("place", "size", 1), Kind.NUMBER),
    SIZE: Field(("place", "size")),
    "padding": Field(("place", "padding")),
    "margin": Field(("place", "margin")),
    "scale": Field(("place", "scale")),
    "horizontal": Field(("place", "horizontal")),
    "vertical": Field(("place", "vertical")),
    "center": Field(("place", "center")),
    "snap": Field(("place", "snap"), Kind.SWITCH),
    **CUTOUT,
}
TEMPLATE = {
    "template": Field(("template", "name")),
    "template_version": Field(("template", "version"), Kind.NUMBER),
    **{name: Field(("template", "fields", name)) for name in ("title", "subtitle", "price", "text_color", "bar_color")},
}
RESERVE = {"template_reserve": Field(("template", "reserve"), Kind.SWITCH)}


@dataclass(frozen=True, slots=True)
class Deed:
    """`defaults` are options where the old service's differ from the schema's."""

    pipeline: Pipeline
    kind: type[CutoutOptions] | type[PhotoOptions] | type[TemplateOptions]
    fields: Mapping[str, Field]
    defaults: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    has_template: bool = False

    def field(self, name: str) -> Field | None:
        """A form field by its name; a template's own begin with `field_`."""
        if self.has_template and name.startswith(FREE_TEXT) and name != FREE_TEXT:
            return Field(("template", "fields", name.removeprefix(FREE_TEXT)))
        return self.fields.get(name)

    @property
    def names(self) -> list[str]:
        """All fields that the form may have."""
        return [IMAGE, IMAGE_URL, WHOLE, *self.fields, *([f"{FREE_TEXT}NAME"] if self.has_template else [])]


ROOMY = {"place": {"padding": 0.1}}
REMOVE_BACKGROUND = Deed(PRODUCT_CUTOUT, CutoutOptions, CUTOUT)
PROCESS = Deed(PRODUCT_PHOTO, PhotoOptions, PHOTO, ROOMY)
PROCESS_FULL = Deed(
    PRODUCT_PHOTO, PhotoOptions, PHOTO | TEMPLATE | RESERVE, ROOMY | {"template": {}}, has_template=True
)
RENDER = Deed(RENDER_TEMPLATE, TemplateOptions, TEMPLATE | ENCODE, {"template": {}}, has_template=True)
