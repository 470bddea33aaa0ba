"""Analyses: a picture and a list of tasks to the answer of the image_embed API."""

import asyncio
import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field

from gateway.admission import Admission
from gateway.catalogue import Catalogue
from gateway.errors import InferenceFailedError
from gateway.inference import Box, Inference, Tensors
from gateway.pipelines import ANALYZE
from gateway.results import require_pulse
from gateway.telemetry import Telemetry
from imaging.operations import FACE, OPERATIONS, PERSON, WHOLE, Operation

PERSON_MODELS = frozenset({"person_detector", "person_detector_faster_rcnn"})
FACE_MODEL = "face_detector"


class OperationResult(BaseModel):
    """What one task came to."""

    status: str = Field("success", description="success, error, or skipped", examples=["success"])
    data: Any | None = Field(
        None, description="vector, box, caption or classification", examples=[[100, 150, 250, 350]]
    )
    cropped_image_bbox: Box | None = Field(None, description="xmin, ymin, xmax, ymax of the part that was looked at")
    cropped_image_base64: str | None = Field(None, description="that part as a PNG, base64")
    error_message: str | None = Field(None, description="why it was skipped or failed")


class OperationInfo(BaseModel):
    """What a kind of task does and where it may look."""

    description: str
    allowed_targets: list[str]
    default_target: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """Results by operation id, and the seconds that each stage worked."""

    results: Mapping[str, OperationResult]
    timings: Mapping[str, float]


class Analyst:
    """Asks the pipeline `analyze`, and puts its answer into the API's shape."""

    def __init__(self, catalogue: Catalogue, inference: Inference, admission: Admission, telemetry: Telemetry) -> None:
        self._catalogue = catalogue
        self._inference = inference
        self._admission = admission
        self._telemetry = telemetry

    def require(self) -> None:
        """Raises PipelineNotServedError or PipelineDownError."""
        self._catalogue.pipeline(ANALYZE.name)
        require_pulse(self._inference, ANALYZE.name)

    async def analyse(self, image: bytes, tasks: list[dict[str, Any]], request_id: str) -> Analysis:
        """Raises a GatewayError, UnreadablePictureError for what the picture or the list is to blame for."""
        options = json.dumps({"tasks": tasks}).encode()
        async with self._admission.slot():
            started = time.monotonic()
            inputs = {"image": image, "options": options}
            found = await self._inference.call(ANALYZE.name, inputs, ANALYZE.outputs, request_id)
            self._telemetry.inference_seconds.labels(ANALYZE.name).observe(time.monotonic() - started)
        return await asyncio.to_thread(_analysis, found)

    def operations(self) -> dict[str, OperationInfo]:
        """The operations whose models are loaded, each with the targets that can be found."""
        loaded = self._catalogue.loaded
        found = {name: _info(operation, loaded) for name, operation in OPERATIONS.items()}
        return {name: info for name, info in found.items() if info is not None}


def _info(operation: Operation, loaded: frozenset[str]) -> OperationInfo | None:
    there = {WHOLE, *({PERSON} if PERSON_MODELS & loaded else ()), *({FACE} if FACE_MODEL in loaded else ())}
    if operation.kind != "detect" and operation.model not in loaded:
        return None
    if operation.kind == "classify" and OPERATIONS["embed_clip_vit_b_32"].model not in loaded:
        return None
    targets = [target for target in operation.targets if target in there]
    if not targets:
        return None
    default = operation.default if operation.default in targets else targets[0]
    return OperationInfo(description=operation.description, allowed_targets=targets, default_target=default)


def _analysis(found: Tensors) -> Analysis:
    try:
        document = json.loads(found["answer"][0])
        vectors, crops = found["vectors"], [base64.b64encode(crop).decode() for crop in found["crops"]]
        results = {name: _result(entry, vectors, crops) for name, entry in document["results"].items()}
        return Analysis(results, document["timings"])
    except (ValueError, LookupError, TypeError) as error:
        raise InferenceFailedError("the inference failed", private=f"{ANALYZE.name} answered {error!r}") from error


def _result(entry: Mapping[str, Any], vectors: npt.NDArray[np.float32], crops: list[str]) -> OperationResult:
    place, crop = entry["vector"], entry["crop"]
    return OperationResult(
        status=entry["status"],
        data=entry["data"] if place is None else vectors[place[0] : place[0] + place[1]].tolist(),
        cropped_image_bbox=entry["cropped_image_bbox"],
        cropped_image_base64=None if crop is None else crops[crop],
        error_message=entry["error_message"],
    )
