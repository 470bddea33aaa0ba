"""From a vetted picture to a stored result: look it up, or infer and store it, once however many ask for it."""

import asyncio
import hashlib
import struct
import time
from dataclasses import dataclass, replace

from pydantic import BaseModel, ValidationError

from gateway.admission import Admission
from gateway.catalogue import Catalogue, Served
from gateway.content import PNG, SMALL_BYTES, Content, content_of
from gateway.errors import InferenceFailedError, PipelineChangedError, PipelineDownError, ResultNotFoundError
from gateway.flights import Flights
from gateway.inference import Box, Inference
from gateway.limits import Picture
from gateway.pipelines import Pipeline
from gateway.store import Shelf
from gateway.telemetry import Telemetry

PNG_START = struct.Struct(">8s4x4sII")
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
RETRY_AFTER_S = 5.0


class Record(BaseModel):
    """What is known of a result; stored beside its picture."""

    id: str
    pipeline: str
    output: str
    model: str
    version: int
    width: int
    height: int
    box: Box | None


@dataclass(frozen=True, slots=True)
class Result:
    """A result that lies in the store; `png` is at hand only when it was just made."""

    record: Record
    cached: bool
    png: bytes | None = None

    @property
    def path(self) -> str:
        return result_path(self.record.pipeline, self.record.id, "png")


class Cutouts:
    """The gateway's one deed."""

    def __init__(
        self,
        epoch: str,
        catalogue: Catalogue,
        inference: Inference,
        shelf: Shelf,
        admission: Admission,
        telemetry: Telemetry,
    ) -> None:
        self._epoch = epoch
        self._catalogue = catalogue
        self._inference = inference
        self._shelf = shelf
        self._telemetry = telemetry
        self._admission = admission
        self._flights = Flights[Result]()

    def require(self, pipeline: Pipeline) -> Served:
        """The pipeline as it is served, or was before it went down: what it made can still be found.

        Raises PipelineNotServedError, or PipelineDownError where Triton has not answered yet.
        """
        return self._catalogue.last_served(pipeline.name)

    async def make(self, pipeline: Pipeline, picture: Picture, request_id: str) -> Result:
        """The result for a picture, from the store if it is there. Raises a GatewayError."""
        try:
            return await self._make(pipeline, picture, request_id)
        except PipelineChangedError:
            return await self._make(pipeline, picture, request_id)

    async def _make(self, pipeline: Pipeline, picture: Picture, request_id: str) -> Result:
        served = self.require(pipeline)
        address = self._address(pipeline, served, picture)

        async def work() -> Result:
            found = await self._recall(pipeline, address)
            return found or await self._create(pipeline, served, picture, address, request_id)

        result, joined = await self._flights.join(f"{pipeline.name}/{address}", work)
        origin = "stored" if result.cached else "shared" if joined else "made"
        self._telemetry.results.labels(pipeline.name, origin).inc()
        return replace(result, cached=True) if joined else result

    async def picture(self, result: Result) -> Content:
        """The result's PNG: out of memory only if it is small, for there it would stay while a slow client reads."""
        if result.png is not None and len(result.png) <= SMALL_BYTES:
            return content_of(result.png)
        return await self._shelf.open(result.path)

    def _address(self, pipeline: Pipeline, served: Served, picture: Picture) -> str:
        """Everything that the result depends on, as one hash."""
        parts = (self._epoch, pipeline.name, served.identity, picture.sha256)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    async def _recall(self, pipeline: Pipeline, address: str) -> Result | None:
        """A stored result, if both of its objects are still there and readable."""
        try:
            card, _ = await asyncio.gather(
                self._shelf.get(result_path(pipeline.name, address, "json")),
                self._shelf.size(result_path(pipeline.name, address, "png")),
            )
            return Result(Record.model_validate_json(card), cached=True)
        except (ResultNotFoundError, ValidationError):
            return None

    def _require_alive(self, pipeline: Pipeline) -> None:
        self._catalogue.pipeline(pipeline.name)
        require_pulse(self._inference, pipeline.name)

    async def _create(
        self, pipeline: Pipeline, served: Served, picture: Picture, address: str, request_id: str
    ) -> Result:
        self._require_alive(pipeline)
        async with self._admission.slot():
            started = time.monotonic()
            cut = await self._inference.infer(pipeline, picture.data, request_id)
            self._telemetry.inference_seconds.labels(pipeline.name).observe(time.monotonic() - started)
        await self._catalogue.confirm(pipeline.name, served)
        width, height = png_size(cut.png)
        record = Record(
            id=address,
            pipeline=pipeline.name,
            output=pipeline.output,
            model=served.model,
            version=served.version,
            width=width,
            height=height,
            box=cut.box,
        )
        # The card comes last: where it is, the picture is.
        await self._shelf.put(result_path(pipeline.name, address, "png"), cut.png, PNG)
        await self._shelf.put(
            result_path(pipeline.name, address, "json"), record.model_dump_json().encode(), "application/json"
        )
        return Result(record, cached=False, png=cut.png)


def require_pulse(inference: Inference, pipeline: str) -> None:
    """Raises PipelineDownError where the pipeline's last canary was not good."""
    pulse = inference.pulse(pipeline)
    if pulse is None or not pulse.ok:
        private = pulse.reason if pulse else "no canary yet"
        raise PipelineDownError(f"{pipeline} does not answer", private=private, retry_after_s=RETRY_AFTER_S)


def result_path(pipeline: str, address: str, suffix: str) -> str:
    """Where a result lies in the store: spread over 256 folders a pipeline."""
    return f"{pipeline}/{address[:2]}/{address}.{suffix}"


def png_size(png: bytes) -> tuple[int, int]:
    """Width and height from the PNG's own header. Raises InferenceFailedError."""
    if len(png) < PNG_START.size or png[:8] != PNG_MAGIC:
        raise InferenceFailedError("the inference failed", private="the answer is not a PNG")
    _, _, width, height = PNG_START.unpack_from(png)
    return width, height
