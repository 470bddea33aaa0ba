"""The pipelines that the gateway offers, by what clients ask for: a kind of picture and a kind of result."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The kind of picture: a step of a recipe, or the main picture of one."""

    STEP = "step"
    MAIN = "main"


class Output(StrEnum):
    """The kind of result: the subject on transparent ground, or its mask alone as a grey picture."""

    CUTOUT = "cutout"
    ALPHA = "alpha"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline in Triton: its name, the output that is the result, and all outputs to ask for."""

    name: str
    output: str
    outputs: tuple[str, ...]


def pipeline_of(role: Role, output: Output) -> Pipeline:
    extra = ("box",) if output is Output.CUTOUT else ()
    return Pipeline(f"{output}_{role}", output.value, (output.value, *extra))


CUTOUTS = tuple(pipeline_of(role, output) for role in Role for output in Output)
ANALYZE = Pipeline("analyze", "answer", ("answer", "vectors", "crops"))
KEYWORDS = Pipeline("classify_keywords", "keywords", ("keywords", "confidences"))
PRODUCT_CUTOUT, PRODUCT_PHOTO = (
    Pipeline(name, "picture", ("picture", "uncertainty", "needs_review", "report"))
    for name in ("product_cutout", "product_photo")
)
RENDER_TEMPLATE = Pipeline("render_template", "picture", ("picture", "report"))
PHOTOS = (PRODUCT_CUTOUT, PRODUCT_PHOTO, RENDER_TEMPLATE)
RECIPE_PHOTO = Pipeline("recipe_photo", "picture", ("keyword", "confidence", "route", "picture", "report"))
# Of the network that is served by default; another one's are named after it, with an underscore between.
SEGMENT_SHELF = Pipeline("segment_shelf", "answer", ("answer", "mask", "overlay"))
SEGMENT_STREAM = Pipeline("segment_stream", "smoothed", ("smoothed", "flicker", "mean_confidence", "shares", "motion"))
SHELVES = (SEGMENT_SHELF, SEGMENT_STREAM)
ALL = (*CUTOUTS, ANALYZE, KEYWORDS, *PHOTOS, RECIPE_PHOTO, *SHELVES)
