"""Triton step: a classifier's probabilities and its label file to keywords, the most probable first."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import numpy as np
import triton_python_backend_utils as pb_utils

from imaging import batch, ranking
from imaging.errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUTS = ("scores", "labels")


class TritonPythonModel:
    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return [_answer(request) for request in requests]


def _answer(request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
    if request.is_cancelled():
        return _failed("the request was cancelled", pb_utils.TritonError.CANCELLED)
    try:
        inputs = [pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in INPUTS]
        tensors = _named(list(zip(*inputs, strict=True)))
    except ImageError as error:
        return _failed(str(error), pb_utils.TritonError.INVALID_ARG)
    except Exception:  # noqa: BLE001 - an exception out of execute would fail every request of the batch
        pb_utils.Logger.log_error(traceback.format_exc())
        return _failed("the keywords could not be named", pb_utils.TritonError.INTERNAL)
    wanted = set(request.requested_output_names())
    return pb_utils.InferenceResponse([pb_utils.Tensor(name, tensors[name]) for name in tensors if name in wanted])


def _named(pictures: list[tuple[NDArray[np.generic], ...]]) -> dict[str, NDArray[np.generic]]:
    found = batch.each(lambda one: ranking.ranked(one[0], ranking.labels_of(one[1])), pictures)
    return {
        "keywords": np.array([[label.encode() for label in labels] for labels, _ in found], np.object_),
        "confidences": np.stack([confidences for _, confidences in found]),
    }


def _failed(text: str, code: int) -> pb_utils.InferenceResponse:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(text, code))
