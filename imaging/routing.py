"""The routing file of recipe photos: from a keyword to a pipeline and its options. YAML in, checked rules out.

What a request may say instead is here, too. The options of a route are checked by the schema of the pipeline that it
leads to; every wrong field is named with its line and with what is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from imaging import yaml_document
from imaging.errors import ImageError
from imaging.product_options import CutoutOptions, Encode, OptionsError, PhotoOptions, Share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FILE = "routes.yaml"
MOST_BYTES = 256 * 1024
MOST_ROUTES = 2000
UNKNOWN_FIELD, UNKNOWN_TAG, NO_TAG = "extra_forbidden", "union_tag_invalid", "union_tag_not_found"
TAG = "pipeline"
JPEG = "jpeg"
KEY = "[key]"  # in pydantic's locations

Keyword = Annotated[str, Field(min_length=1, max_length=200)]
Reason = Literal["keyword", "default", "review_below"]


class RoutingError(ImageError):
    """The routing file is wrong; the text names file, line, field and what is allowed."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class MatteOptions(_Part):
    """Of `step_cutout` and `main_cutout`."""

    output: Literal["cutout", "alpha"] = Field(
        default="cutout", description="the subject on nothing, or its mask alone; a PNG either way"
    )


class NoOptions(_Part):
    """Of what makes nothing: there is nothing to choose."""


class StepCutout(_Part):
    """A step's subject on a transparent ground."""

    pipeline: Literal["step_cutout"]
    options: MatteOptions = Field(default_factory=MatteOptions)


class MainCutout(_Part):
    """The same for a recipe's main picture."""

    pipeline: Literal["main_cutout"]
    options: MatteOptions = Field(default_factory=MatteOptions)


class ProductCutout(_Part):
    """The subject on nothing, refined as product photos are."""

    pipeline: Literal["product_cutout"]
    options: CutoutOptions = Field(default_factory=CutoutOptions)

    @model_validator(mode="after")
    def _shows_its_alpha(self) -> ProductCutout:
        if self.options.encode.format == JPEG:
            raise ValueError("options.encode.format: jpeg has no alpha; allowed: png, webp, avif or zip")
        return self


class ProductPhoto(_Part):
    """The subject placed on a ground, with shadow and template."""

    pipeline: Literal["product_photo"]
    options: PhotoOptions = Field(default_factory=PhotoOptions)

    @model_validator(mode="after")
    def _shows_its_alpha(self) -> ProductPhoto:
        ground = self.options.ground
        if self.options.encode.format == JPEG and not (ground.color or ground.gradient or ground.picture):
            raise ValueError(
                "options.encode.format: jpeg has no alpha and needs a ground; allowed: png, webp, avif or zip"
            )
        return self


class AsIs(_Part):
    """The file as it came."""

    pipeline: Literal["as_is"]
    options: NoOptions = Field(default_factory=NoOptions)


class Review(_Part):
    """No picture: a person decides."""

    pipeline: Literal["review"] = "review"
    options: NoOptions = Field(default_factory=NoOptions)


Route: TypeAlias = Annotated[
    StepCutout | MainCutout | ProductCutout | ProductPhoto | AsIs | Review, Field(discriminator=TAG)
]
PIPELINES: tuple[str, ...] = tuple(
    get_args(kind.model_fields[TAG].annotation)[0] for kind in get_args(get_args(Route)[0])
)


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a photo goes, and why."""

    route: StepCutout | MainCutout | ProductCutout | ProductPhoto | AsIs | Review
    reason: Reason


class Routing(_Part):
    """A routing file."""

    version: Literal[1]
    review_below: Share = Field(default=0.6, description="a keyword less probable than this is for a person to judge")
    review: Route = Field(default_factory=Review, description="where photos below `review_below` go")
    routes: dict[Keyword, Route] = Field(max_length=MOST_ROUTES)
    default: Route = Field(default_factory=Review, description="where a keyword goes that has no route")

    def decide(self, keyword: str, confidence: float, review_below: float | None = None) -> Decision:
        """Return where a photo goes; every keyword leads somewhere."""
        if confidence < (self.review_below if review_below is None else review_below):
            return Decision(self.review, "review_below")
        if keyword in self.routes:
            return Decision(self.routes[keyword], "keyword")
        return Decision(self.default, "default")

    def templates(self) -> list[tuple[str, int | None]]:
        """Return name and version (None: the newest) of every template that a route draws, sorted."""
        named = [route.options.template for route in self._all() if isinstance(route, ProductPhoto)]
        return sorted({(one.name, one.version) for one in named if one}, key=str)

    def _all(self) -> Iterator[object]:
        yield from (self.review, self.default, *self.routes.values())


class Wishes(_Part):
    """What one request may say; what it leaves out stands in the routing file."""

    keyword: Keyword | None = Field(default=None, description="what is in the picture; then nobody is asked")
    review_below: Share | None = Field(default=None, description="instead of the file's")
    encode: Encode | None = Field(
        default=None, description="the file that comes back, over the route's own; cut-outs of steps are always PNG"
    )
    dry_run: bool = Field(default=False, description="say where the photo would go, and make nothing")

    def encoded(self, route: ProductPhoto | ProductCutout) -> bytes:
        """Return a route's options as JSON, with this request's `encode` over them. Raises OptionsError."""
        fields = route.options.encode.model_dump()
        fields |= self.encode.model_dump(exclude_unset=True) if self.encode else {}
        options = route.options.model_copy(update={"encode": Encode(**fields)})
        try:
            checked = type(route).model_validate({TAG: route.pipeline, "options": options})
        except ValidationError as error:
            raise OptionsError("; ".join(text for _, text in _findings(error, type(route)))) from error
        return checked.options.model_dump_json().encode()


def read(data: bytes, where: str = FILE) -> Routing:
    """Return the rules of a routing file; errors begin with `where`. Raises RoutingError."""
    if len(data) > MOST_BYTES:
        raise RoutingError(f"{where} is larger than {MOST_BYTES // 1024} KiB")
    try:
        document = yaml_document.read(data)
    except yaml_document.DocumentError as error:
        raise RoutingError(f"{where}: {error}") from error
    if twice := [f"{where}, line {line}: {key!r} is there twice" for line, key in document.repeated()]:
        raise RoutingError("; ".join(twice))
    try:
        return Routing.model_validate({} if document.value is None else document.value)
    except ValidationError as error:
        told = (f"{where}, line {document.line(place)}: {text}" for place, text in _findings(error, Routing))
        raise RoutingError("; ".join(told)) from error


def wishes(text: bytes) -> Wishes:
    """Return what a request says; nothing is no wish. Raises OptionsError, which names every wrong field."""
    try:
        return Wishes.model_validate_json(text or b"{}")
    except ValidationError as error:
        raise OptionsError("; ".join(text for _, text in _findings(error, Wishes))) from error


def _findings(error: ValidationError, kind: type[BaseModel]) -> Iterator[tuple[Sequence[str | int], str]]:
    """Yield of everything that is wrong the place and a sentence."""
    for one in error.errors(include_url=False):
        place = _Place.of(one["loc"], kind)
        name = ".".join(map(str, place.parts))
        yield place.parts, f"{name}: {_said(one, place)}" if name else _said(one, place)


def _said(one: Any, place: _Place) -> str:  # noqa: ANN401 - pydantic's dictionaries
    if one["type"] == UNKNOWN_FIELD:
        return f"there is no such field; allowed: {', '.join(place.allowed) or 'none'}"
    if one["type"] in {UNKNOWN_TAG, NO_TAG}:
        given = one["input"].get(TAG) if isinstance(one["input"], dict) else None
        return f"{TAG} must be one of {', '.join(PIPELINES)}, {'it is missing' if given is None else f'not {given!r}'}"
    said = str(one["msg"]).removeprefix("Value error, ")
    return f"as a keyword: {said}" if KEY in one["loc"] else said


@dataclass(slots=True)
class _Place:
    """Where an error is: its parts as they stand in the file, and the fields that its last part could have been."""

    parts: list[str | int] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, found: Sequence[str | int], kind: type[BaseModel]) -> _Place:
        """Walk along pydantic's location, which also names the kind of route that was taken for the options' schema."""
        place, kinds = cls(), [kind]
        for part in found:
            place.allowed = sorted({name for one in kinds for name in one.model_fields})
            inner = [one.model_fields[part].annotation for one in kinds if part in one.model_fields]
            tagged = [one for one in kinds if part in _tags(one)]
            if inner or not (tagged or part == KEY):
                place.parts.append(part)
            kinds = [model for one in inner for model in _models(one)] if inner else tagged or kinds
        return place


def _tags(kind: type[BaseModel]) -> tuple[Any, ...]:
    return get_args(kind.model_fields[TAG].annotation) if TAG in kind.model_fields else ()


def _models(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any type
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
