"""What the pipelines of product photos answer with, out of their tensors."""

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ValidationError

from gateway.errors import InferenceFailedError
from gateway.inference import Box, Tensors


@dataclass(frozen=True, slots=True)
class Made:
    """A file that a pipeline has just made; `uncertainty` is 0 to 1, None where nothing was cut out."""

    data: bytes
    width: int
    height: int
    box: Box | None = None
    uncertainty: float | None = None
    needs_review: bool | None = None


class Report(BaseModel):
    """The output `report`; what else stands in it is for Triton's own clients."""

    width: int
    height: int
    box: Box | None = None


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
