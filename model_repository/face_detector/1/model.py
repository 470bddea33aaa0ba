"""Triton step: the faces in decoded pictures, by MTCNN's three networks, of all requests that wait together."""

from __future__ import annotations

import json
import traceback
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import cv2
import numpy as np
import triton_python_backend_utils as pb_utils

from imaging import batch, cascade, face_settings
from imaging.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from imaging.arrays import Floats
    from imaging.faces import Faces

NETWORKS = {
    "face_pnet": ("probability", "regression"),
    "face_rnet": ("probability", "regression"),
    "face_onet": ("probability", "regression", "landmarks"),
}


class NetworkError(RuntimeError):
    """One of the three networks does not answer."""


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        cv2.setNumThreads(1)  # the networks use the cores
        parameters = json.loads(args["model_config"]).get("parameters", {})
        self._settings = face_settings.read({name: value["string_value"] for name, value in parameters.items()})
        self._networks = cascade.Networks(*(partial(_call, name) for name in NETWORKS))

    async def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        asked = [_asked(request) for request in requests]
        searches = [search for one in asked if isinstance(one, list) for search in one]
        try:
            found = iter(await cascade.find(searches, self._networks, self._settings))
        except NetworkError as error:
            failed = _failed(str(error), pb_utils.TritonError.UNAVAILABLE)
        except Exception:  # noqa: BLE001 - an exception out of execute would fail broken requests with the wrong text
            pb_utils.Logger.log_error(traceback.format_exc())
            failed = _failed("the faces could not be searched for", pb_utils.TritonError.INTERNAL)
        else:
            return [_answer(list(islice(found, len(one)))) if isinstance(one, list) else one for one in asked]
        return [failed if isinstance(one, list) else one for one in asked]


def _asked(request: pb_utils.InferenceRequest) -> list[cascade.Search] | pb_utils.InferenceResponse:
    """What a request wants searched, or the answer to one that cannot be."""
    if request.is_cancelled():
        return _failed("the request was cancelled", pb_utils.TritonError.CANCELLED)
    try:
        full, size = (pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in ("full", "size"))
        regions = pb_utils.get_input_tensor_by_name(request, "region")
        boxes = np.zeros((len(full), 4), np.int32) if regions is None else regions.as_numpy()
        return batch.each(_search, list(zip(full, size, boxes, strict=True)))
    except ImageError as error:
        return _failed(str(error), pb_utils.TritonError.INVALID_ARG)
    except Exception:  # noqa: BLE001 - as above
        pb_utils.Logger.log_error(traceback.format_exc())
        return _failed("the picture could not be read", pb_utils.TritonError.INTERNAL)


def _search(arrays: tuple[NDArray[np.generic], ...]) -> cascade.Search:
    full, size, region = arrays
    return cascade.Search(batch.real_part(full, size), region.tolist() if region.any() else None)


async def _call(network: str, pixels: Floats) -> dict[str, Floats]:
    """A network's answers to one batch. Raises NetworkError."""
    names = NETWORKS[network]
    request = pb_utils.InferenceRequest(
        model_name=network,
        inputs=[pb_utils.Tensor("pixels", pixels)],
        requested_output_names=list(names),
        preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU),
    )
    response = await request.async_exec()
    if response.has_error():
        raise NetworkError(f"{network} does not answer: {response.error().message()}")
    return {name: pb_utils.get_output_tensor_by_name(response, name).as_numpy() for name in names}


def _answer(found: Sequence[Faces]) -> pb_utils.InferenceResponse:
    """The faces of a request's pictures; those with fewer than the most end in zeros."""
    most = max((len(faces) for faces in found), default=0)
    arrays = {
        name: np.stack([_filled(getattr(faces, name), most) for faces in found])
        for name in ("boxes", "scores", "landmarks")
    }
    arrays["count"] = np.array([[len(faces)] for faces in found], np.int32)
    return pb_utils.InferenceResponse([pb_utils.Tensor(name, values) for name, values in arrays.items()])


def _filled(values: Floats, count: int) -> Floats:
    filled = np.zeros((count, *values.shape[1:]), np.float32)
    filled[: len(values)] = values
    return filled


def _failed(text: str, code: int) -> pb_utils.InferenceResponse:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(text, code))
