"""Triton step: the class masks of videos made steady. A video is a sequence; its state lives in this process."""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING

import cv2
import numpy as np
import triton_python_backend_utils as pb_utils

from imaging import shelf_counts
from imaging.errors import ImageError
from imaging.steady import State, steadied
from imaging.videos import Videos

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNKNOWN = -1.0
FULL = 255


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        cv2.setNumThreads(1)  # an instance is a process; the number of instances uses the cores
        parameters = json.loads(args["model_config"]).get("parameters", {})
        texts = {name: value["string_value"] for name, value in parameters.items()}
        self._videos: Videos[State] = Videos(int(texts["most_videos"]), float(texts["idle_seconds"]))

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
        # Whatever goes wrong, the video's state is gone by then.
        number = int(_values(request, "CORRID").item())
        before = self._videos.take(number)
        if request.is_cancelled():
            return _failed("the request was cancelled", pb_utils.TritonError.CANCELLED)
        try:
            outputs, state = _outputs(request, None if _values(request, "START").item() else before)
        except ImageError as error:
            return _failed(str(error), pb_utils.TritonError.INVALID_ARG)
        except Exception:  # noqa: BLE001 - an exception out of execute would fail every request of the batch
            pb_utils.Logger.log_error(traceback.format_exc())
            return _failed("the mask could not be made steady", pb_utils.TritonError.INTERNAL)
        if not _values(request, "END").item():
            self._videos.put(number, state)
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, values[None]) for name, values in outputs.items()])


def _outputs(request: pb_utils.InferenceRequest, before: State | None) -> tuple[dict[str, NDArray[np.generic]], State]:
    pixels, confidence = (_values(request, name)[0] for name in ("pixels", "confidence"))
    mask = _values(request, "mask")[0].copy()  # it is kept beyond this request, whose memory is not
    steady, state = steadied(before, pixels, mask, confidence, float(_values(request, "smoothing").item()))
    outputs: dict[str, NDArray[np.generic]] = {
        "smoothed": steady.mask,
        "flicker": np.array([UNKNOWN if steady.flicker is None else steady.flicker], np.float32),
        "mean_confidence": np.array([confidence.mean() / FULL], np.float32),
        "shares": np.array(shelf_counts.class_shares(steady.mask), np.float32),
        "motion": np.array(steady.shift, np.float32),
    }
    return outputs, state


def _values(request: pb_utils.InferenceRequest, name: str) -> NDArray[np.generic]:
    values: NDArray[np.generic] = pb_utils.get_input_tensor_by_name(request, name).as_numpy()
    return values


def _failed(text: str, code: int) -> pb_utils.InferenceResponse:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(text, code))
