"""What a live stream's client may ask for, in its first message and, in part, later."""

import json
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway.errors import InvalidOptionError

LONGEST_TEXT = 4096
Opacity = Annotated[float, Field(ge=0, le=1)]
Quality = Annotated[int, Field(ge=1, le=100)]
Rate = Annotated[float, Field(gt=0, le=240)]
Input = Literal["frames", "chunks", "source"]
Output = Literal["overlay", "mask", "rle", "json"]
Format = Literal["jpeg", "webp"]


class LiveOptions(BaseModel):
    """The first message. Everything but `input` has a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Input = Field(description="JPEG, WebP or PNG frames; chunks of one WebM, MP4 or MPEG-TS; or a source")
    source: str | None = Field(None, max_length=64, description="name of a source, with input source only")
    output: Output = Field("overlay", description="classes drawn over the picture, PNG of classes, RLE, or facts alone")
    format: Format = Field("jpeg", description="of overlays")
    quality: Quality = Field(80, description="of overlays, 1 to 100")
    opacity: Opacity = Field(0.5, description="of the classes in overlays, 0 to 1")
    network: str = Field("default", max_length=64, description="name of a network that is served")
    smoothing: float = Field(0.5, ge=0, lt=1, description="how much of the frames before counts, 0 (none) to below 1")
    max_fps: Rate | None = Field(None, description="most frames per second that are answered")
    complete: bool = Field(
        default=False, description="true: no frame is dropped, the client is read more slowly instead"
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.input == "source") != (self.source is not None):
            raise ValueError("source names what input source shows, and belongs to no other input")
        if self.complete and self.input == "source":
            raise ValueError("complete is for frames and chunks: a source goes on without its viewers")
        return self


class LiveChange(BaseModel):
    """A later message: what may be changed while the stream runs, or its end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    end: Literal[True] | None = Field(None, description="true: nothing more comes; the last answers are sent")
    output: Output | None = None
    format: Format | None = None
    quality: Quality | None = None
    opacity: Opacity | None = None
    max_fps: Rate | None = None

    def applied(self, options: LiveOptions) -> LiveOptions:
        return options.model_copy(update=self.model_dump(exclude={"end"}, exclude_unset=True))


def options_of(text: str) -> LiveOptions:
    """Raises InvalidOptionError, which says what is wrong and what is allowed."""
    try:
        return LiveOptions.model_validate(_read(text))
    except ValidationError as error:
        raise InvalidOptionError(_said(error, LiveOptions)) from error


def change_of(text: str) -> LiveChange:
    """Raises InvalidOptionError, as above."""
    try:
        return LiveChange.model_validate(_read(text))
    except ValidationError as error:
        raise InvalidOptionError(_said(error, LiveChange)) from error


def _read(text: str) -> object:
    if len(text) > LONGEST_TEXT:
        raise InvalidOptionError(f"options have at most {LONGEST_TEXT} characters")
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidOptionError('options are a JSON object, such as {"input": "frames"}') from error
    if not isinstance(found, dict):
        raise InvalidOptionError('options are a JSON object, such as {"input": "frames"}')
    return found


def _said(error: ValidationError, model: type[BaseModel]) -> str:
    """Each finding in a sentence, without the input; unknown names with those that there are."""
    sentences = []
    for item in error.errors(include_url=False):
        name = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            sentences.append(f"{name[:64]} is no option; there are {', '.join(model.model_fields)}")
        else:
            sentences.append(f"{name}: {item['msg']}" if name else item["msg"].removeprefix("Value error, "))
    return "; ".join(sentences)
