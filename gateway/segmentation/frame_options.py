"""What may be asked of one frame of a shelf, and how the step is told."""

import json
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.negotiation import picture_format, prefers_json
from gateway.segmentation.segmenter import DEFAULT

Answer = Literal["overlay", "mask", "rle", "json"]
PIPELINE_OUTPUT: Mapping[Answer, str] = {"overlay": "overlay", "mask": "mask", "rle": "answer", "json": "answer"}


class FrameOptions(BaseModel):
    """Texts are read as what they stand for, since forms and queries have nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    output: Answer = Field(
        "overlay",
        description="overlay: the picture with the classes' colours over it; mask: PNG with the classes as values; "
        "json: counts, coverage, shares and instances; rle: the same with the masks as COCO RLE. Without it overlay, "
        "or json where Accept likes that better",
    )
    network: str = Field(DEFAULT, max_length=80, description="the network; its names are told where one is unknown")
    format: Literal["jpeg", "png", "webp"] = Field("jpeg", description="of the overlay; without it what Accept names")
    quality: int = Field(90, ge=1, le=100, description="of JPEG and WebP")
    opacity: float = Field(0.5, ge=0, le=1, description="of the classes' colours over the picture")
    outline: bool = Field(default=False, description="true: edges between classes in their full colour")
    mask: Literal["grey", "palette"] = Field("grey", description="the mask's PNG: grey values, or indices of colours")

    @property
    def wanted(self) -> str:
        """The output of the pipeline that has it."""
        return PIPELINE_OUTPUT[self.output]

    @property
    def media_type(self) -> str:
        types = {"overlay": f"image/{self.format}", "mask": "image/png"}
        return types.get(self.output, "application/json")

    def document(self) -> bytes:
        """The step's `options`."""
        told = self.model_dump(include={"format", "quality", "opacity", "outline", "mask"})
        return json.dumps({**told, "rle": self.output == "rle"}).encode()


def by_accept(given: Mapping[str, str], accept: str) -> dict[str, str]:
    """What was asked for, and what the Accept header says of the rest."""
    found = dict(given)
    if "output" not in found and prefers_json(accept):
        found["output"] = "json"
    if "format" not in found and (kind := picture_format(accept, ("jpeg", "png", "webp"))):
        found["format"] = kind
    return found
