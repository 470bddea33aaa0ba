"""Triton step: a picture with a template over it."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import triton_python_backend_utils as pb_utils

from imaging import batch, product, product_options
from imaging.errors import ImageError
from imaging.shelf import Shelf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.product import Result

INPUTS = ("full", "coverage", "size", "options")
PROJECT = Path(product.__file__).parents[1]


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        cv2.setNumThreads(1)  # an instance is a process; the number of instances uses the cores
        parameters = json.loads(args["model_config"]).get("parameters", {})
        self._shelf = Shelf(PROJECT / parameters.get("templates", {}).get("string_value", "templates"))

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
        if request.is_cancelled():
            return _failed("the request was cancelled", pb_utils.TritonError.CANCELLED)
        try:
            inputs = [pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in INPUTS]
            made = batch.each(self._made, list(zip(*inputs, strict=True)))
        except ImageError as error:
            return _failed(str(error), pb_utils.TritonError.INVALID_ARG)
        except Exception:  # noqa: BLE001 - an exception out of execute would fail every request of the batch
            pb_utils.Logger.log_error(traceback.format_exc())
            return _failed("the template could not be drawn", pb_utils.TritonError.INTERNAL)
        outputs = {"picture": [one.file.data for one in made], "report": [one.report() for one in made]}
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor(name, np.array(values, np.object_)[:, None]) for name, values in outputs.items()]
        )

    def _made(self, arrays: tuple[NDArray[np.generic], ...]) -> Result:
        full, coverage, size, options = arrays
        wishes = product_options.read(options[0], product_options.TemplateOptions)
        return product.rendered(batch.real_part(full, size), batch.own_alpha(coverage, size), wishes, self._shelf)


def _failed(text: str, code: int) -> pb_utils.InferenceResponse:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(text, code))
