"""Triton step: the network's matte and the full picture to the cut-out, its alpha and its box."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import cv2
import numpy as np
import triton_python_backend_utils as pb_utils

from imaging import batch, cutout, encode
from imaging.errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUTS = ("matte", "full", "coverage", "size")


class TritonPythonModel:
    def initialize(self, _args: dict[str, str]) -> None:
        cv2.setNumThreads(1)  # an instance is a process; the number of instances uses the cores

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
        if request.is_cancelled():
            return _failed("the request was cancelled", pb_utils.TritonError.CANCELLED)
        try:
            inputs = [pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in INPUTS]
            outputs = _outputs(list(zip(*inputs, strict=True)), set(request.requested_output_names()))
        except ImageError as error:
            return _failed(str(error), pb_utils.TritonError.INVALID_ARG)
        except Exception:  # noqa: BLE001 - an exception out of execute would fail every request of the batch
            pb_utils.Logger.log_error(traceback.format_exc())
            return _failed("the cut-out could not be made", pb_utils.TritonError.INTERNAL)
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, values) for name, values in outputs.items()])


def _outputs(pictures: list[tuple[NDArray[np.generic], ...]], wanted: set[str]) -> dict[str, NDArray[np.generic]]:
    made = batch.each(lambda arrays: _made(arrays, wanted), pictures)
    return {name: np.stack([one[name] for one in made]) for name in made[0]}


def _made(arrays: tuple[NDArray[np.generic], ...], wanted: set[str]) -> dict[str, NDArray[np.generic]]:
    small, full, coverage, size = arrays
    cut = cutout.cut_out(small, batch.real_part(full, size), batch.own_alpha(coverage, size))
    made: dict[str, NDArray[np.generic]] = {}
    if "cutout" in wanted:
        made["cutout"] = np.array([encode.png(cut.pixels)], np.object_)
    if "alpha" in wanted:
        made["alpha"] = np.array([encode.png(cut.alpha)], np.object_)
    if "box" in wanted:
        made["box"] = cut.box
    return made


def _failed(text: str, code: int) -> pb_utils.InferenceResponse:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(text, code))
