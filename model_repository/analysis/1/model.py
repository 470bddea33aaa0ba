"""Triton step: a picture and a list of tasks to one answer, by calling the models that the tasks need."""

from __future__ import annotations

import asyncio
import json
import traceback
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import triton_python_backend_utils as pb_utils

from imaging import answers, decode, tasks
from imaging.analysis import CallError
from imaging.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

NOT_SERVED = ("unknown model", "not at ready state", "is not ready", "no available versions")
REFUSALS = ("Classifier not found", "options: ")  # as collections and captioner begin


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        cv2.setNumThreads(1)  # an instance is a process; the number of instances uses the cores
        parameters = json.loads(args["model_config"]).get("parameters", {})
        self._detector = parameters.get("person_detector", {}).get("string_value", "person_detector")
        self._max_pixels = int(parameters.get("max_pixels", {}).get("string_value", str(decode.MAX_PIXELS)))
        if self._detector not in answers.DETECTORS:
            allowed = " or ".join(answers.DETECTORS)
            raise ValueError(f"analysis: parameter person_detector must be {allowed}, not {self._detector!r}")

    async def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return list(await asyncio.gather(*(self._answer(request) for request in requests)))

    async def _answer(self, request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
        if request.is_cancelled():
            return _failed("the request was cancelled", pb_utils.TritonError.CANCELLED)
        try:
            found = await self._answers(request)
        except ImageError as error:
            return _failed(str(error), pb_utils.TritonError.INVALID_ARG)
        except CallError as error:
            return _failed(str(error), pb_utils.TritonError.INTERNAL)
        except Exception:  # noqa: BLE001 - an exception out of execute would fail every request of the batch
            pb_utils.Logger.log_error(traceback.format_exc())
            return _failed("the picture could not be analysed", pb_utils.TritonError.INTERNAL)
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, values) for name, values in found.items()])

    async def _answers(self, request: pb_utils.InferenceRequest) -> dict[str, NDArray[Any]]:
        images, options = (
            pb_utils.get_input_tensor_by_name(request, name).as_numpy().reshape(-1) for name in ("image", "options")
        )
        wishes = [tasks.read(text) for text in options]
        call = _Models(request)
        work = (self._analyse(image, wish, call) for image, wish in zip(images, wishes, strict=True))
        found = await asyncio.gather(*work)
        return {
            "answer": np.array([[one.document] for one in found], np.object_),
            "vectors": _padded([one.vectors for one in found], np.zeros(1, np.float32)),
            "crops": _padded([np.array(one.crops, np.object_) for one in found], np.array([b""], np.object_)),
        }

    async def _analyse(self, image: bytes, wishes: tasks.Wishes, call: _Models) -> answers.Answer:
        try:
            return await answers.answer(image, wishes, call, self._detector)
        except CallError:
            # The picture was not decoded. Whose fault that is, only the picture can tell.
            await asyncio.to_thread(decode.decode, image, self._max_pixels, 1)
            raise


class _Models:
    """`imaging.analysis.Call` over Triton's own models."""

    def __init__(self, request: pb_utils.InferenceRequest) -> None:
        self._trace = request.trace()

    async def __call__(
        self, model: str, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        request = pb_utils.InferenceRequest(
            model_name=model,
            requested_output_names=list(outputs),
            inputs=[pb_utils.Tensor(name, np.ascontiguousarray(values)) for name, values in inputs.items()],
            preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU, 0),
            trace=self._trace,
        )
        try:
            response = await request.async_exec()
        except pb_utils.TritonModelException as error:
            raise _failure(model, str(error)) from error
        if response.has_error():
            error = response.error()
            raise _failure(model, error.message())
        return {tensor.name(): tensor.as_numpy() for tensor in response.output_tensors()}


def _failure(model: str, text: str) -> CallError:
    """What a client may read; what only an operator understands goes to the log. (Release 24.10 hands the text of a
    called model's error on, but not its code.)
    """
    if any(words in text.lower() for words in NOT_SERVED):
        return CallError(f"{model} is not served")
    if text.startswith(REFUSALS):
        return CallError(text, refused=True)
    pb_utils.Logger.log_error(f"{model}: {text}")
    return CallError(f"Internal error processing task: {model} failed")


def _padded(rows: list[NDArray[Any]], filler: NDArray[Any]) -> NDArray[Any]:
    """Return [n, longest], at least one long: the Python backend hands no empty tensor on."""
    longest = max(1, *(len(row) for row in rows))
    whole = np.repeat(filler, len(rows) * longest).reshape(len(rows), longest)
    for line, row in zip(whole, rows, strict=True):
        line[: len(row)] = row
    return whole


def _failed(text: str, code: int) -> pb_utils.InferenceResponse:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(text, code))
