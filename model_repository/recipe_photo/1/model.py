"""Triton step: a recipe's photo to its finished picture, by keyword and routing file, through the pipelines served."""

from __future__ import annotations

import asyncio
import json
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import triton_python_backend_utils as pb_utils

from imaging import decode, recipe, routing
from imaging.analysis import CallError
from imaging.errors import ImageError
from imaging.rulebook import Rulebook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from imaging.rulebook import InForce

NOT_SERVED = ("unknown model", "not at ready state", "is not ready", "no available versions")
BUSY = "Exceeds maximum queue size"
# So that the gateway tells this step's own words, which are for clients, from Triton's.
OWN = "recipe_photo: "


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        parameters = json.loads(args["model_config"]).get("parameters", {})
        given = {name: value.get("string_value", "") for name, value in parameters.items()}
        self._max_pixels = int(given.get("max_pixels", str(decode.MAX_PIXELS)))
        path = Path(args["model_repository"]) / given.get("routes", routing.FILE)
        self._rulebook = Rulebook(path)
        self._problem = ""
        try:
            self._rulebook.current()
        except routing.RoutingError as error:
            raise ValueError(f"recipe_photo: {path.parent}: {error}") from error

    async def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        rules = self._rules()
        return list(await asyncio.gather(*(self._answer(request, rules) for request in requests)))

    def _rules(self) -> InForce:
        """The rules for all requests of a batch. What is wrong with a new file is logged once."""
        rules = self._rulebook.current()
        if rules.problem and rules.problem != self._problem:
            kept = f"the routes of {rules.sha256[:12]} stay in force"
            pb_utils.Logger.log_error(f"recipe_photo: {self._rulebook.path}: {rules.problem}; {kept}")
        self._problem = rules.problem
        return rules

    async def _answer(self, request: pb_utils.InferenceRequest, rules: InForce) -> pb_utils.InferenceResponse:
        if request.is_cancelled():
            return _failed("the request was cancelled", pb_utils.TritonError.CANCELLED)
        try:
            found = await self._answers(request, rules)
        except ImageError as error:
            return _failed(str(error), pb_utils.TritonError.INVALID_ARG)
        except CallError as error:
            code = pb_utils.TritonError.INVALID_ARG if error.refused else pb_utils.TritonError.UNAVAILABLE
            return _failed(str(error), code)
        except Exception:  # noqa: BLE001 - an exception out of execute would fail every request of the batch
            pb_utils.Logger.log_error(traceback.format_exc())
            return _failed("the photo could not be finished", pb_utils.TritonError.INTERNAL)
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, values) for name, values in found.items()])

    async def _answers(self, request: pb_utils.InferenceRequest, rules: InForce) -> dict[str, NDArray[Any]]:
        images, options = (
            pb_utils.get_input_tensor_by_name(request, name).as_numpy().reshape(-1) for name in ("image", "options")
        )
        wishes = [routing.wishes(text) for text in options]
        call = _Models(request)
        work = (self._finish(image, wish, rules, call) for image, wish in zip(images, wishes, strict=True))
        found = await asyncio.gather(*work)
        return {
            "keyword": _column([one.seen.keyword.encode() for one in found]),
            "confidence": np.array([[one.seen.confidence] for one in found], np.float32),
            "route": _column([one.decision.route.pipeline.encode() for one in found]),
            "picture": _column([one.picture for one in found]),
            "report": _column([one.report for one in found]),
        }

    async def _finish(self, image: bytes, wishes: routing.Wishes, rules: InForce, call: _Models) -> recipe.Finished:
        try:
            found = await recipe.finish(image, wishes, rules, call)
        except CallError as error:
            # Whose fault it is, only the picture can tell: release 24.10 does not hand on a called model's code.
            if not error.refused:
                await self._look_at(image)
            raise
        if not recipe.was_seen(wishes, found):
            await self._look_at(image)
        return found

    async def _look_at(self, image: bytes) -> None:
        """Raises ImageError for a picture that cannot be decoded."""
        await asyncio.to_thread(decode.decode, image, self._max_pixels, 1)


class _Models:
    """`imaging.analysis.Call` over Triton's own pipelines."""

    def __init__(self, request: pb_utils.InferenceRequest) -> None:
        self._trace = request.trace()

    async def __call__(
        self, model: str, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        request = pb_utils.InferenceRequest(
            model_name=model,
            requested_output_names=list(outputs),
            inputs=[pb_utils.Tensor(name, values) for name, values in inputs.items()],
            preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU, 0),
            trace=self._trace,
        )
        try:
            response = await request.async_exec()
        except pb_utils.TritonModelException as error:
            raise _failure(model, str(error)) from error
        if response.has_error():
            raise _failure(model, response.error().message())
        return {name: pb_utils.get_output_tensor_by_name(response, name).as_numpy() for name in outputs}


def _failure(model: str, text: str) -> CallError:
    """What a client may read; what only an operator understands goes to the log."""
    if any(words in text.lower() for words in NOT_SERVED):
        return CallError(f"{model} is not served")
    if BUSY in text:
        return CallError(f"{model} has too much to do")
    if said := recipe.refusal(text):
        return CallError(said, refused=True)
    pb_utils.Logger.log_error(f"{model}: {text}")
    return CallError(f"{model} failed")


def _column(texts: list[bytes]) -> NDArray[Any]:
    column = np.empty((len(texts), 1), np.object_)
    column[:, 0] = texts
    return column


def _failed(text: str, code: int) -> pb_utils.InferenceResponse:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(OWN + text, code))
