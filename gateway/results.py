"""From a vetted picture to a stored result: look it up, or infer and store it, once however many ask for it."""

import asyncio
import hashlib
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Self

from pydantic import BaseModel, ValidationError

from gateway.admission import Admission
from gateway.catalogue import Catalogue, Served
from gateway.content import MEDIA_TYPES, SMALL_BYTES, Content, content_of
from gateway.errors import (
    InferenceFailedError,
    PhotoRefusedError,
    PipelineChangedError,
    PipelineDownError,
    ResultNotFoundError,
    UnreadablePictureError,
)
from gateway.flights import Flights
from gateway.inference import Box, Inference
from gateway.limits import Picture
from gateway.photos import Made, made_of
from gateway.pipelines import Pipeline
from gateway.recipes import Routed
from gateway.store import Shelf
from gateway.telemetry import Telemetry

PNG_START = struct.Struct(">8s4x4sII")
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
RETRY_AFTER_S = 5.0


@dataclass(frozen=True, slots=True)
class Order:
    """What to make of a picture; `options` is a pipeline's JSON, and the same wish must always be the same bytes.

    `template` is the hash of the template that the options name, and `template_now` reads it anew; for a recipe's photo
    of the routing file and all templates in it. `rules` is the SHA-256 of the routing file, and without an `extension`
    that is known only when the result is made.
    """

    pipeline: Pipeline
    picture: Picture
    options: bytes = b""
    extension: str = "png"
    template: str = ""
    template_now: Callable[[], Awaitable[str]] | None = None
    rules: str = ""

    async def renewed(self) -> Self:
        """The same order of the template as it is now. Raises StoreFailedError."""
        return replace(self, template=await self.template_now()) if self.template_now else self

    def path(self, address: str) -> str:
        return result_path(self.pipeline.name, address, self.extension)

    def address(self, epoch: str, served: Served) -> str:
        """Everything that the result depends on, as one hash."""
        parts = [epoch, self.pipeline.name, served.identity, self.picture.sha256]
        if self.options:
            parts += [hashlib.sha256(self.options).hexdigest(), self.template]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class Record(BaseModel):
    """What is known of a result; stored beside its picture, which it may lack: then there is no `extension`."""

    id: str
    pipeline: str
    output: str
    model: str
    version: int
    width: int
    height: int
    box: Box | None
    extension: str = "png"
    uncertainty: float | None = None
    needs_review: bool | None = None
    routed: Routed | None = None

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.extension]


@dataclass(frozen=True, slots=True)
class Result:
    """A result that lies in the store; `data` is at hand only when it was just made."""

    record: Record
    cached: bool
    data: bytes | None = None

    @property
    def path(self) -> str:
        return result_path(self.record.pipeline, self.record.id, self.record.extension)


class Results:
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

    async def make(self, order: Order, request_id: str) -> Result:
        """The result of an order, from the store if it is there. Raises a GatewayError."""
        try:
            return await self._make(order, request_id)
        except PipelineChangedError:
            return await self._make(await order.renewed(), request_id)

    async def _make(self, order: Order, request_id: str) -> Result:
        served = self.require(order.pipeline)
        address = order.address(self._epoch, served)

        async def work() -> Result:
            found = await self._recall(order, address)
            return found or await self._create(order, served, address, request_id)

        result, joined = await self._flights.join(f"{order.pipeline.name}/{address}", work)
        origin = "stored" if result.cached else "shared" if joined else "made"
        self._telemetry.results.labels(order.pipeline.name, origin).inc()
        return replace(result, cached=True) if joined else result

    async def picture(self, result: Result) -> Content:
        """The result's file: out of memory only if it is small, for there it would stay while a slow client reads."""
        if result.data is not None and len(result.data) <= SMALL_BYTES:
            return content_of(result.data)
        return await self._shelf.open(result.path)

    async def keep(self, result: Result) -> None:
        """Puts a result that was just made into the store. Raises StoreFailedError."""
        record, data = result.record, result.data or b""
        if record.extension:
            await self._shelf.put(result.path, data, record.media_type)
        # The card comes last: where it is, the picture is.
        card = result_path(record.pipeline, record.id, "json")
        await self._shelf.put(card, record.model_dump_json().encode(), "application/json")

    async def _recall(self, order: Order, address: str) -> Result | None:
        """A stored result, if both of its objects are still there and readable."""
        card = self._shelf.get(result_path(order.pipeline.name, address, "json"))
        try:
            if order.extension:
                found, _ = await asyncio.gather(card, self._shelf.size(order.path(address)))
                return Result(Record.model_validate_json(found), cached=True)
            result = Result(Record.model_validate_json(await card), cached=True)
            if result.record.extension:
                await self._shelf.size(result.path)
        except (ResultNotFoundError, ValidationError):
            return None
        return result

    def _require_alive(self, pipeline: Pipeline) -> None:
        self._catalogue.pipeline(pipeline.name)
        require_pulse(self._inference, pipeline.name)

    async def _create(self, order: Order, served: Served, address: str, request_id: str) -> Result:
        self._require_alive(order.pipeline)
        async with self._admission.slot():
            started = time.monotonic()
            made = await self._infer(order, request_id)
            self._telemetry.inference_seconds.labels(order.pipeline.name).observe(time.monotonic() - started)
        await self._catalogue.confirm(order.pipeline.name, served)
        if (await order.renewed()).template != order.template:
            raise PipelineChangedError("the template has just been changed", retry_after_s=RETRY_AFTER_S)
        record = Record(
            id=address if made.rules == order.rules else _aside(address, made),
            pipeline=order.pipeline.name,
            output=order.pipeline.output,
            model=served.model,
            version=served.version,
            width=made.width,
            height=made.height,
            box=made.box,
            extension=order.extension if made.extension is None else made.extension,
            uncertainty=made.uncertainty,
            needs_review=made.needs_review,
            routed=made.routed,
        )
        result = Result(record, cached=False, data=made.data)
        await self.keep(result)
        return result

    async def _infer(self, order: Order, request_id: str) -> Made:
        if order.options:
            return await self._photo(order, request_id)
        cut = await self._inference.infer(order.pipeline, order.picture.data, request_id)
        width, height = png_size(cut.png)
        return Made(cut.png, width, height, cut.box)

    async def _photo(self, order: Order, request_id: str) -> Made:
        inputs, outputs = {"image": order.picture.data, "options": order.options}, order.pipeline.outputs
        try:
            found = await self._inference.call(order.pipeline.name, inputs, outputs, request_id)
        except UnreadablePictureError as error:
            # A step says of its options what it says of the picture: in words.
            raise PhotoRefusedError(error.public, private=error.private) from error
        return made_of(order.pipeline, found)


def _aside(address: str, made: Made) -> str:
    """Where nobody looks for a result: Triton had other rules in force than those that its address is made of."""
    return hashlib.sha256(f"{address}\n{made.rules}".encode()).hexdigest()


def require_pulse(inference: Inference, pipeline: str) -> None:
    """Raises PipelineDownError where the pipeline's last canary was not good."""
    pulse = inference.pulse(pipeline)
    if pulse is None or not pulse.ok:
        private = pulse.reason if pulse else "no canary yet"
        raise PipelineDownError(f"{pipeline} does not answer", private=private, retry_after_s=RETRY_AFTER_S)


def facts(result: Result) -> dict[str, str]:
    """What an answer's headers say of a result, whether its body is the file or JSON."""
    record = result.record
    told = {
        "ETag": f'"{record.id}"',
        "X-Model": record.model,
        "X-Model-Version": str(record.version),
        "X-Cached": str(result.cached).lower(),
        "X-Width": str(record.width),
        "X-Height": str(record.height),
        "Vary": "Accept",
    }
    if record.box:
        told["X-Box"] = ",".join(map(str, record.box))
    if record.uncertainty is not None:
        told["X-Uncertainty-Score"] = f"{record.uncertainty:.4f}"
    if record.needs_review is not None:
        told["X-Needs-Review"] = str(record.needs_review).lower()
    return told


def result_path(pipeline: str, address: str, suffix: str) -> str:
    """Where a result lies in the store: spread over 256 folders a pipeline."""
    return f"{pipeline}/{address[:2]}/{address}.{suffix}"


def png_size(png: bytes) -> tuple[int, int]:
    """Width and height from the PNG's own header. Raises InferenceFailedError."""
    if len(png) < PNG_START.size or png[:8] != PNG_MAGIC:
        raise InferenceFailedError("the inference failed", private="the answer is not a PNG")
    _, _, width, height = PNG_START.unpack_from(png)
    return width, height
