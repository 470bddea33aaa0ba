"""Triton step: the network's matte and the full photo to a product's cut-out or its finished picture."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import triton_python_backend_utils as pb_utils

from imaging import batch, product, product_options, uncertainty
from imaging.errors import ImageError
from imaging.shelf import Shelf

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUTS = ("pixels", "matte", "full", "coverage", "size", "options")
PROJECT = Path(product.__file__).parents[1]
PIXELS, ALPHA = "pixels", "alpha"  # of the network


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        cv2.setNumThreads(1)  # an instance is a process; the number of instances uses the cores
        parameters = json.loads(args["model_config"]).get("parameters", {})
        texts = {name: value.get("string_value", "") for name, value in parameters.items()}
        self._network = texts.get("calls", "product_matte")
        self._shelf = Shelf(PROJECT / texts.get("templates", "templates"))
        self._calibration = uncertainty.read(texts)

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
            return _failed("the product's picture could not be made", pb_utils.TritonError.INTERNAL)
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, values) for name, values in outputs.items()])

    def _outputs(self, request: pb_utils.InferenceRequest) -> dict[str, NDArray[Any]]:
        wanted = set(request.requested_output_names())
        inputs = [pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in INPUTS]
        made = batch.each(lambda arrays: self._made(arrays, wanted, request.trace()), list(zip(*inputs, strict=True)))
        return {name: np.stack([one[name] for one in made]) for name in made[0] if name in wanted}

    def _made(self, arrays: tuple[Any, ...], wanted: set[str], trace: Any) -> dict[str, NDArray[Any]]:  # noqa: ANN401
        pixels, small, full, coverage, size, options = arrays
        shot = product.Shot(small, batch.real_part(full, size), batch.own_alpha(coverage, size))
        name = "picture" if "picture" in wanted else "cutout"
        wishes: product_options.CutoutOptions
        if name == "picture":
            wishes = photo = product_options.read(options[0], product_options.PhotoOptions)
            result = product.photo(shot, photo, self._shelf)
        else:
            wishes = product_options.read(options[0], product_options.CutoutOptions)
            result = product.cutout(shot, wishes)
        mirrored = self._mirrored(pixels, trace) if wishes.review.flip else None
        score = uncertainty.score(uncertainty.raw(small, mirrored), self._calibration)
        review = score >= wishes.review.above
        report = result.report(uncertainty=round(score, 4), needs_review=review)
        return {
            name: np.array([result.file.data], np.object_),
            "uncertainty": np.array([score], np.float32),
            "needs_review": np.array([review], np.bool_),
            "report": np.array([report], np.object_),
        }

    def _mirrored(self, pixels: NDArray[Any], trace: Any) -> NDArray[Any]:  # noqa: ANN401 - Triton's classes are untyped
        """The network's matte of the mirrored photo, left and right still changed over."""
        request = pb_utils.InferenceRequest(
            model_name=self._network,
            requested_output_names=[ALPHA],
            inputs=[pb_utils.Tensor(PIXELS, np.ascontiguousarray(pixels[None, :, ::-1]))],
            preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU, 0),
            trace=trace,
        )
        response = request.exec()
        if response.has_error():
            raise RuntimeError(f"{self._network}: {response.error().message()}")
        matte: NDArray[Any] = pb_utils.get_output_tensor_by_name(response, ALPHA).as_numpy()
        return matte[0]


def _failed(text: str, code: int) -> pb_utils.InferenceResponse:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(text, code))
