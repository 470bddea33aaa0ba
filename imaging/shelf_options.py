"""What can be asked of a shelf's picture: one schema for the Triton step and the gateway."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class ShelfOptions(BaseModel):
    """Of `segment_shelf`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    opacity: Annotated[float, Field(ge=0, le=1)] = Field(default=0.5, description="of the colours over the picture")
    outline: bool = Field(default=False, description="lines in full colour where one class meets another")
    format: Literal["jpeg", "png", "webp"] = Field(default="jpeg", description="of the overlay")
    quality: Annotated[int, Field(ge=1, le=100)] = Field(default=90, description="of JPEG and WebP")
    mask: Literal["grey", "palette"] = Field(
        default="grey", description="the mask's PNG: the classes as grey values, or as indices of their colours"
    )
    rle: bool = Field(default=False, description="COCO RLE of every class and every instance in the answer")
