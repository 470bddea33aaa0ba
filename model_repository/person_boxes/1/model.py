"""Triton step: a detector's boxes, shares of the picture's sides, to pixels; only those that are likely enough."""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING

import triton_python_backend_utils as pb_utils

from imaging import batch, detections
from imaging.errors import ImageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imaging.detections import Detections

INPUTS = ("boxes", "scores", "size")


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        self._threshold = _threshold(json.loads(args["model_config"]).get("parameters", {}))

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
        if request.is_cancelled():
            return _failed("the request was cancelled", pb_utils.TritonError.CANCELLED)
        try:
            inputs = [pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in INPUTS]
            found = batch.each(self._kept, list(zip(*inputs, strict=True)))
        except ImageError as error:
            return _failed(str(error), pb_utils.TritonError.INVALID_ARG)
        except Exception:  # noqa: BLE001 - an exception out of execute would fail every request of the batch
            pb_utils.Logger.log_error(traceback.format_exc())
            return _failed("the boxes could not be made", pb_utils.TritonError.INTERNAL)
        boxes, scores, count = detections.padded(found)
        tensors = {"boxes": boxes, "scores": scores, "count": count}
        wanted = set(request.requested_output_names())
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, tensors[name]) for name in tensors if name in wanted])

    def _kept(self, arrays: tuple[NDArray[np.generic], ...]) -> Detections:
        boxes, scores, size = arrays
        return detections.likely(boxes, scores, (int(size[0]), int(size[1])), self._threshold)


def _failed(text: str, code: int) -> pb_utils.InferenceResponse:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(text, code))


def _threshold(parameters: dict[str, dict[str, str]]) -> float:
    text = parameters.get("threshold", {}).get("string_value", str(detections.THRESHOLD))
    try:
        threshold = float(text)
    except ValueError:
        threshold = -1.0
    if not 0 <= threshold <= 1:
        raise ValueError(f"person_boxes: parameter threshold must be a number from 0 to 1, not {text!r}")
    return threshold
