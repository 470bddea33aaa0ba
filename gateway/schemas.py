"""Bodies of requests and answers, with examples that /docs can send."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.analyst import OperationInfo, OperationResult
from gateway.catalogue import Model
from gateway.inference import Box
from gateway.keywords import KeywordOptions
from gateway.pipelines import Output
from gateway.results import Record, Result
from gateway.system import System

EXAMPLE_URL = "https://www.python.org/static/img/python-logo.png"
MOST_URLS = 256
MOST_INPUTS = 256
EXAMPLE_ADDRESS = "3f6c8b0e5d2a49e7b1c0d4f8a6e2937150bb7c9d8e4f21a3605c7e9b1d3f5a70"
EMBEDDING_EXAMPLES = (
    {"model": "embed_clip_vit_b_32", "input": "a bowl of soup"},
    {"model": "embed_clip_vit_b_32", "input": [{"image": EXAMPLE_URL}, {"text": "a logo"}]},
)


class PredictBody(BaseModel):
    """A picture by its URL."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"image_url": EXAMPLE_URL}, {"url": EXAMPLE_URL, "output": "alpha"}]},
    )

    image_url: str | None = Field(None, description="http(s) address of the picture")
    url: str | None = Field(None, description="the same under another name")
    output: Output | None = Field(None, description="what to make; without it the query's `output`, else `cutout`")

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.image_url is None) == (self.url is None):
            raise ValueError("exactly one of image_url and url is needed")
        return self

    @property
    def source(self) -> str:
        return self.image_url or self.url or ""


class CutoutAnswer(BaseModel):
    """A result and where it lies."""

    url: str = Field(
        description="the result, a PNG", examples=[f"http://127.0.0.1:8080/files/cutout_step/3f/{EXAMPLE_ADDRESS}.png"]
    )
    id: str = Field(
        description="address of the result by content: hash of picture, pipeline, versions", examples=[EXAMPLE_ADDRESS]
    )
    cached: bool = Field(description="whether the result was in the store, or being made, already")
    pipeline: str = Field(examples=["cutout_step"])
    output: Output
    model: str = Field(description="the network that found the subject", examples=["step_matte"])
    version: int = Field(description="that network's version", examples=[1])
    width: int = Field(description="of the result, upright, in pixels", examples=[601])
    height: int = Field(description="of the result, upright, in pixels", examples=[203])
    box: Box | None = Field(
        description="subject's box: xmin, ymin, xmax, ymax, max exclusive; null when nothing is found, or for `alpha`",
        examples=[[12, 8, 590, 196]],
    )

    @classmethod
    def of(cls, record: Record, url: str, *, cached: bool) -> Self:
        return cls(url=url, cached=cached, **record.model_dump())


class PhotoBody(BaseModel):
    """A picture by its URL, and what to make of it."""

    model_config = ConfigDict(extra="forbid")

    image_url: str
    options: dict[str, Any] = Field(default_factory=dict)


class PhotoAnswer(BaseModel):
    """A product photo and where it lies."""

    url: str = Field(description="the photo")
    id: str = Field(description="hash of picture, options, pipeline and versions", examples=[EXAMPLE_ADDRESS])
    cached: bool = Field(description="whether the photo was in the store, or being made, already")
    processed_by: str = Field(description="darkroom, or fallback", examples=["darkroom"])
    pipeline: str = Field(examples=["product_photo"])
    model: str = Field(description="the network that found the subject", examples=["product_matte"])
    version: int = Field(description="that network's version", examples=[1])
    media_type: str = Field(examples=["image/png"])
    extension: str = Field(examples=["png"])
    width: int = Field(description="in pixels", examples=[2000])
    height: int = Field(description="in pixels", examples=[2000])
    box: Box | None = Field(
        description="subject's box on the canvas: xmin, ymin, xmax, ymax, max exclusive",
        examples=[[200, 260, 1800, 1740]],
    )
    uncertainty: float | None = Field(
        description="of the cut-out, 0 to 1; null where nothing was cut out", examples=[0.08]
    )
    needs_review: bool | None = Field(description="whether a person should look at it", examples=[False])

    @classmethod
    def of(cls, result: Result, url: str, processed_by: str) -> Self:
        record = result.record
        known = record.model_dump(exclude={"output"})
        return cls(url=url, cached=result.cached, processed_by=processed_by, media_type=record.media_type, **known)


class AnalysisTask(BaseModel):
    """One question about a picture."""

    operation_id: str = Field(description="the task's name in the answer", examples=["face"])
    type: str = Field(description="one of /available_operations/", examples=["detect_bounding_box"])
    params: dict[str, Any] | None = Field(
        None,
        description="target, face_context, collection_id, max_length, num_beams, model, normalized",
        examples=[{"target": "prominent_face", "face_context": "whole_image"}],
    )


class AnalyzeBody(BaseModel):
    """A picture by its URL, and what to find out."""

    image_url: str = Field(description="http(s) address of the picture", examples=[EXAMPLE_URL])
    tasks: list[AnalysisTask]


class AnalyzeManyBody(BaseModel):
    """Pictures by their URLs, and what to find out about each."""

    image_urls: Annotated[list[str], Field(min_length=1, max_length=MOST_URLS, examples=[[EXAMPLE_URL]])]
    tasks: list[AnalysisTask]


class AnalysisAnswer(BaseModel):
    """Results by operation id."""

    image_url: str = Field(description="as it was given, or uploaded:NAME")
    results: dict[str, OperationResult]


class Operations(BaseModel):
    """What can be asked for now."""

    operations: dict[str, OperationInfo]


class KeywordsBody(KeywordOptions):
    """Pictures by their URLs, and how to answer for each."""

    image_urls: Annotated[list[str], Field(min_length=1, max_length=MOST_URLS, examples=[[EXAMPLE_URL]])]


class Address(BaseModel):
    """A picture's URL, as chat messages hold it."""

    url: str


class EmbeddingInput(BaseModel):
    """One thing to embed: exactly one of `text`, `image` and `image_url`."""

    model_config = ConfigDict(extra="forbid")

    type: str | None = Field(None, description="ignored: what it is shows in the other fields")
    text: str | None = None
    image: str | None = Field(None, description="http(s) address, data URI, or base64 of the file")
    image_url: str | Address | None = Field(None, description="the same under the name of chat messages")

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if sum(value is not None for value in (self.text, self.image, self.image_url)) != 1:
            raise ValueError("exactly one of text, image and image_url is needed")
        return self

    @property
    def picture(self) -> str | None:
        """Where the picture is, or what it is."""
        return self.image_url.url if isinstance(self.image_url, Address) else self.image_url or self.image


class EmbeddingsBody(BaseModel):
    """What to embed, in the shape of OpenAI's API; a string is a text, or a picture where it is a data URI."""

    model_config = ConfigDict(extra="forbid")

    model: str
    input: str | Annotated[list[str | EmbeddingInput], Field(min_length=1, max_length=MOST_INPUTS)]
    encoding_format: Literal["float", "base64"] = "float"
    normalized: bool = Field(default=True, description="vectors of length 1; false: as the network gives them")
    user: str | None = Field(None, description="ignored")


class Embedding(BaseModel):
    """One vector: numbers, or base64 of little-endian FP32."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    """Tokens of all texts."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsAnswer(BaseModel):
    """Vectors in the order of the input."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: Usage


class PipelineHealth(BaseModel):
    """One pipeline's state."""

    status: str = Field(description="ok, or down", examples=["ok"])
    pipeline: str = Field(examples=["cutout_step"])
    model: str | None = Field(None, examples=["step_matte"])
    version: int | None = Field(None, examples=[1])
    canary_age_s: Annotated[float | None, Field(description="age of the last good canary, in seconds")] = None
    reason: str | None = Field(None, description="why it is down")


class Health(BaseModel):
    """The gateway's state: `ok`, `degraded` while some pipeline is down, `down` while all are."""

    status: str = Field(examples=["ok"])
    gateway: str = Field(description="the gateway's version", examples=["0.1.0"])
    triton: str = Field(description="ok, or down", examples=["ok"])
    model_loaded: bool = Field(description="whether product photos can be made")
    uptime_seconds: float = Field(description="of the gateway")
    system: System
    pipelines: list[PipelineHealth]


class Models(BaseModel):
    """All networks, by role."""

    models: list[Model]
