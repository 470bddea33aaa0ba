"""Triton step: the bytes of image files to pixels; only the outputs that are asked for are computed."""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING

import cv2
import numpy as np
import triton_python_backend_utils as pb_utils

from imaging import batch, decode, resize
from imaging.errors import ImageError
from imaging.frame import FRAMES, framed

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDES = {"pixels_512": 512, "pixels_640": 640, "pixels_1024": 1024}


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        cv2.setNumThreads(1)  # an instance is a process; the number of instances uses the cores
        self._max_pixels = _max_pixels(json.loads(args["model_config"]).get("parameters", {}))

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
        if request.is_cancelled():
            return _failed("the request was cancelled", pb_utils.TritonError.CANCELLED)
        try:
            files = pb_utils.get_input_tensor_by_name(request, "image").as_numpy().reshape(-1)
            outputs = self._outputs(files, set(request.requested_output_names()))
        except ImageError as error:
            return _failed(str(error), pb_utils.TritonError.INVALID_ARG)
        except Exception:  # noqa: BLE001 - an exception out of execute would fail every request of the batch
            pb_utils.Logger.log_error(traceback.format_exc())
            return _failed("the picture could not be decoded", pb_utils.TritonError.INTERNAL)
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, values) for name, values in outputs.items()])

    def _outputs(self, files: NDArray[np.object_], wanted: set[str]) -> dict[str, NDArray[np.generic]]:
        sides = {name: side for name, side in SIDES.items() if name in wanted}
        frames = {name: frame for name, frame in FRAMES.items() if name in wanted}
        least = [*sides.values(), *(frame.smallest for frame in frames.values())]
        smallest = None if "full" in wanted else max(least, default=1)
        pictures = batch.each(lambda data: decode.decode(data, self._max_pixels, smallest), files)
        outputs: dict[str, NDArray[np.generic]] = {
            name: np.stack([resize.for_network(picture, side) for picture in pictures]) for name, side in sides.items()
        }
        for name, frame in frames.items():
            outputs[name] = np.stack([framed(picture, frame) for picture in pictures])
        if "full" in wanted:
            outputs["full"] = batch.padded([picture.pixels for picture in pictures], self._max_pixels)
        if "coverage" in wanted:
            outputs["coverage"] = batch.coverage(pictures, self._max_pixels)
        if "size" in wanted:
            outputs["size"] = np.array([(picture.height, picture.width) for picture in pictures], np.int32)
        return outputs


def _failed(text: str, code: int) -> pb_utils.InferenceResponse:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(text, code))


def _max_pixels(parameters: dict[str, dict[str, str]]) -> int:
    text = parameters.get("max_pixels", {}).get("string_value", str(decode.MAX_PIXELS))
    if not text.isdecimal() or not 0 < int(text) <= decode.LARGEST_LIMIT:
        raise ValueError(
            f"decode: parameter max_pixels must be an integer from 1 to {decode.LARGEST_LIMIT}, not {text!r}"
        )
    return int(text)
