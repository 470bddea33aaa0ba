"""Triton step: the network's matte at the size of the picture, as a grey PNG."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import cv2
import numpy as np
import triton_python_backend_utils as pb_utils

from imaging import batch, cutout, decode, encode, matte
from imaging.errors import ImageError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUTS = ("matte", "coverage", "size")


class TritonPythonModel:
    def initialize(self, _args: dict[str, str]) -> None:
        cv2.setNumThreads(1)  # an instance is a process; the number of instances uses the cores

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return [_answer(request) for request in requests]


def _answer(request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
    if request.is_cancelled():
        return _failed("the request was cancelled", pb_utils.TritonError.CANCELLED)
    try:
        inputs = [pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in INPUTS]
        files = batch.each(_png, list(zip(*inputs, strict=True)))
    except ImageError as error:
        return _failed(str(error), pb_utils.TritonError.INVALID_ARG)
    except Exception:  # noqa: BLE001 - an exception out of execute would fail every request of the batch
        pb_utils.Logger.log_error(traceback.format_exc())
        return _failed("the alpha could not be made", pb_utils.TritonError.INTERNAL)
    return pb_utils.InferenceResponse([pb_utils.Tensor("alpha", np.array(files, np.object_)[:, None])])


def _png(arrays: tuple[NDArray[np.generic], ...]) -> bytes:
    small, coverage, size = arrays
    height, width = (int(side) for side in size)
    if not 0 < height * width <= decode.LARGEST_LIMIT or height < 0:
        raise ShapeError(f"size {height} x {width} is no size of a picture")
    alpha = matte.plain(small, height, width)
    return encode.png(cutout.limited(alpha, batch.own_alpha(coverage, size)))


def _failed(text: str, code: int) -> pb_utils.InferenceResponse:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(text, code))
