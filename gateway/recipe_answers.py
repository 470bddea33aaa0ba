"""Bodies of the answers about recipe photos."""

from typing import Any, Self

from pydantic import BaseModel, Field

from gateway.inference import Box
from gateway.recipes import Guess
from gateway.results import Result
from gateway.schemas import EXAMPLE_ADDRESS

PERCENT = 100


class RouteAnswer(BaseModel):
    """A recipe's photo: what is in it, where it went, and what came of it. Confidences are percentages."""

    keyword: str = Field(description="the most probable keyword, or the one that was given", examples=["oven-tray"])
    confidence: float = Field(description="in percent", examples=[99.98514652252197])
    route: str = Field(description="where the routing file sends the photo", examples=["step_cutout"])
    result: str | None = Field(description="the picture: its address, or base64; null where the route makes none")
    reason: str = Field(
        description="keyword: it has that route; default: it has none; review_below: it was not sure enough",
        examples=["keyword"],
    )
    keywords: list[Guess] = Field(description="the three most probable ones; none where a keyword was given")
    classified: bool = Field(description="false where the keyword was given")
    pipeline: str | None = Field(description="what made the picture", examples=["cutout_step"])
    id: str = Field(description="hash of picture, options, routing file and versions", examples=[EXAMPLE_ADDRESS])
    cached: bool = Field(description="whether the result was in the store, or being made, already")
    model: str = Field(description="the network that found the keyword", examples=["keyword_classifier"])
    version: int = Field(description="that network's version", examples=[1])
    media_type: str | None = Field(description="of the picture", examples=["image/png"])
    width: int | None = Field(description="of the picture, where a pipeline made it")
    height: int | None = Field(description="of the picture, where a pipeline made it")
    box: Box | None = Field(description="subject's box in the picture: xmin, ymin, xmax, ymax, max exclusive")
    uncertainty: float | None = Field(description="of a product photo's cut-out, 0 to 1")
    needs_review: bool = Field(
        description="whether a person should look: the route says so, or the cut-out is uncertain"
    )
    notes: list[str] = Field(description="what of the options the route has no use for")
    rules: str = Field(description="SHA-256 of the routing file that decided")
    rules_problem: str | None = Field(description="what is wrong with a newer routing file, which is not in force")

    @classmethod
    def of(cls, result: Result, found: str | None) -> Self:
        record, routed = result.record, result.record.routed
        assert routed is not None, "a recipe's photo was routed"  # noqa: S101 - for the type checker
        ranking = [Guess(keyword=one.keyword, confidence=one.confidence * PERCENT) for one in routed.keywords]
        known = record.model_dump(include={"id", "model", "version", "box", "uncertainty"})
        known |= routed.model_dump(include={"keyword", "route", "reason", "classified", "pipeline", "notes"})
        return cls(
            **known,
            confidence=routed.confidence * PERCENT,
            keywords=ranking,
            result=found,
            cached=result.cached,
            media_type=record.media_type if record.extension else None,
            width=record.width or None,
            height=record.height or None,
            needs_review=routed.route == "review" or bool(record.needs_review),
            rules=routed.rules.sha256,
            rules_problem=routed.rules.problem,
        )


class RoutesAnswer(BaseModel):
    """The routing file in force, as the gateway reads it; Triton reads the same file for itself."""

    sha256: str | None = Field(description="of the file; null where the gateway sees none that it can take")
    problem: str | None = Field(description="what is wrong with a newer file, which is not in force")
    rules: dict[str, Any] | None = Field(description="what it says, defaults left out")
