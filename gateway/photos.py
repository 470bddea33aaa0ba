"""What the pipelines with options answer with, out of their tensors."""

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ValidationError

from gateway.errors import InferenceFailedError
from gateway.inference import Box, Tensors
from gateway.pipelines import RECIPE_PHOTO, Pipeline
from gateway.recipes import Routed


@dataclass(frozen=True, slots=True)
class Made:
    """A file that a pipeline has just made; `uncertainty` is 0 to 1, None where nothing was cut out.

    A recipe's photo may have no file, and its `extension` is known only now.
    """

    data: bytes
    width: int
    height: int
    box: Box | None = None
    uncertainty: float | None = None
    needs_review: bool | None = None
    extension: str | None = None
    routed: Routed | None = None

    @property
    def rules(self) -> str:
        """SHA-256 of the routing file that was in force; nothing where none decided."""
        return self.routed.rules.sha256 if self.routed else ""


class Report(BaseModel):
    """The output `report`; what else stands in it is for Triton's own clients."""

    width: int
    height: int
    box: Box | None = None


class RecipeReport(Routed):
    """The same of a recipe's photo, of which there may be none."""

    extension: str | None = None
    width: int | None = None
    height: int | None = None
    box: Box | None = None
    uncertainty: float | None = None
    needs_review: bool | None = None


def made_of(pipeline: Pipeline, tensors: Tensors) -> Made:
    """Raises InferenceFailedError for an answer that is none."""
    return recipe_of(tensors) if pipeline == RECIPE_PHOTO else photo_of(tensors)


def recipe_of(tensors: Tensors) -> Made:
    """Raises InferenceFailedError for an answer that is none."""
    try:
        data = bytes(tensors["picture"].reshape(-1)[0])
        report = RecipeReport.model_validate_json(bytes(tensors["report"].reshape(-1)[0]))
    except (LookupError, TypeError, ValueError, ValidationError) as error:
        private = f"a recipe's photo without its report: {error!r}"
        raise InferenceFailedError("the inference failed", private=private) from error
    return Made(
        data=data,
        width=report.width or 0,
        height=report.height or 0,
        box=report.box,
        uncertainty=report.uncertainty,
        needs_review=report.needs_review,
        extension=report.extension if data else "",
        routed=Routed.model_validate(report.model_dump()),
    )


def photo_of(tensors: Tensors) -> Made:
    """Raises InferenceFailedError for an answer that is none."""
    try:
        data = bytes(tensors["picture"].reshape(-1)[0])
        report = Report.model_validate_json(bytes(tensors["report"].reshape(-1)[0]))
    except (LookupError, TypeError, ValueError, ValidationError) as error:
        private = f"a photo without its picture or report: {error!r}"
        raise InferenceFailedError("the inference failed", private=private) from error
    score, review = (_first(tensors, name) for name in ("uncertainty", "needs_review"))
    return Made(
        data=data,
        width=report.width,
        height=report.height,
        box=report.box,
        uncertainty=None if score is None else score,
        needs_review=None if review is None else bool(review),
    )


def _first(tensors: Tensors, name: str) -> float | None:
    """The first value of an output, None where it was not asked for."""
    values = np.asarray(tensors[name]).reshape(-1) if name in tensors else np.empty(0)
    return float(values[0]) if values.size else None
