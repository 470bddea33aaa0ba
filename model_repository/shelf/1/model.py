"""Triton step: a network's masks of a shelf and the full picture to figures, mask and overlay as files."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import triton_python_backend_utils as pb_utils

from imaging import batch, product_options, shelf_answer
from imaging.errors import ImageError
from imaging.instances import found
from imaging.shelf_options import ShelfOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUTS = ("classes_mask", "confidence", "full", "size", "options")
INSTANCES = ("instances", "boxes", "scores", "classes")


class TritonPythonModel:
    def initialize(self, _args: dict[str, str]) -> None:
        cv2.setNumThreads(1)  # an instance is a process; the number of instances uses the cores

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
        if request.is_cancelled():
            return _failed("the request was cancelled", pb_utils.TritonError.CANCELLED)
        try:
            outputs = self._outputs(request)
        except ImageError as error:
            return _failed(str(error), pb_utils.TritonError.INVALID_ARG)
        except Exception:  # noqa: BLE001 - an exception out of execute would fail every request of the batch
            pb_utils.Logger.log_error(traceback.format_exc())
            return _failed("the shelf's picture could not be answered", pb_utils.TritonError.INTERNAL)
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, values) for name, values in outputs.items()])

    def _outputs(self, request: pb_utils.InferenceRequest) -> dict[str, NDArray[np.object_]]:
        wanted = set(request.requested_output_names())
        given = [pb_utils.get_input_tensor_by_name(request, name) for name in (*INPUTS, *INSTANCES)]
        arrays = [tensor.as_numpy() for tensor in given if tensor is not None]
        made = batch.each(lambda rows: _files(rows, wanted), list(zip(*arrays, strict=True)))
        return {name: np.array([[one[name]] for one in made], np.object_) for name in made[0]}


def _files(rows: tuple[Any, ...], wanted: set[str]) -> dict[str, bytes]:
    mask, confidence, full, size, options, *instances = rows
    wishes = product_options.read(options[0], ShelfOptions)
    seen = found(*instances) if instances else None
    shot = shelf_answer.Segmentation(batch.real_part(full, size), mask, confidence, seen)
    makers = {
        "answer": lambda: shelf_answer.answer(shot, wishes),
        "mask": lambda: shelf_answer.mask_file(shot, wishes),
        "overlay": lambda: shelf_answer.overlay_file(shot, wishes).data,
    }
    return {name: make() for name, make in makers.items() if name in wanted}


def _failed(text: str, code: int) -> pb_utils.InferenceResponse:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(text, code))
