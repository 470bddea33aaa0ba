"""What may be asked of a video, and the names of what comes of it."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from gateway.jobs.job import Result
from gateway.segmentation.segmenter import DEFAULT


class Output(StrEnum):
    """A file that a video's job makes."""

    VIDEO = "video"
    MASKS = "masks"
    RLE = "rle"
    CSV = "csv"
    PARQUET = "parquet"


RESULTS = {
    Output.VIDEO: Result("overlay.mp4", "video/mp4"),
    Output.MASKS: Result("masks.zip", "application/zip"),
    Output.RLE: Result("masks.jsonl", "application/jsonl"),
    Output.CSV: Result("frames.csv", "text/csv; charset=utf-8"),
    Output.PARQUET: Result("frames.parquet", "application/vnd.apache.parquet"),
}


def _listed(value: object) -> object:
    """A form has one text for a list."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    return list(dict.fromkeys(value)) if isinstance(value, list) else value


class FilmOptions(BaseModel):
    """How a video is segmented, and what is made of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: str = Field(DEFAULT, max_length=80, description="the network; its names are told where one is unknown")
    smoothing: float = Field(
        0.5, ge=0, lt=1, description="how much of the frames before stays in a mask: 0 (nothing) to below 1"
    )
    opacity: float = Field(0.5, ge=0, le=1, description="of the classes' colours over the picture")
    outline: bool = Field(default=False, description="true: edges between classes in their full colour")
    outputs: Annotated[
        list[Output],
        BeforeValidator(_listed),
        Field(
            min_length=1,
            description="files to make, in a form separated by commas: video (overlay, MP4 with the sound), masks (ZIP "
            "of PNG), rle (COCO RLE, a JSON line per frame), csv and parquet (a row per frame: counts, coverage, "
            "shares, confidence, flicker)",
        ),
    ] = [Output.VIDEO, Output.CSV]

    @property
    def results(self) -> list[Result]:
        return [RESULTS[output] for output in self.outputs]
