"""A shelf video through a network, frame by frame."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gateway.catalogue import Catalogue
from gateway.errors import InferenceFailedError, InvalidOptionError
from gateway.inference import Inference
from gateway.model_config import FrameContract
from gateway.pipelines import SEGMENT_STREAM
from gateway.results import require_pulse
from gateway.sequences import Sequence
from gateway.tensors import Tensors
from imaging.instances import Instances, found

__all__ = ["DEFAULT", "FrameStream", "Instances", "Segmented", "Segmenter"]

DEFAULT = "default"
INSTANCES = ("instances", "boxes", "scores", "classes")
ALWAYS = ("smoothed", "flicker", "mean_confidence", "shares", "embedding")


@dataclass(frozen=True, slots=True)
class Segmented:
    """`mask` [S, S] of imaging.shelf_classes' values; `confidence` its mean, 0..1; `flicker` the share of pixels whose
    class is another than in the frame before, None of the first; `shares` of the pixels by class; `instances` None of a
    network that knows none; `seconds` from sending to the answer.
    """

    mask: NDArray[np.uint8]
    confidence: float
    flicker: float | None
    shares: tuple[float, ...]
    instances: Instances | None
    embedding: NDArray[np.float32]
    seconds: float


class Sampler(Protocol):
    """Is shown every frame of one stream with its answer. Must neither keep what it is given nor take time."""

    def offer(self, frame: NDArray[np.uint8], answer: Segmented) -> None: ...


class Watch(Protocol):
    """Wants to see frames of streams."""

    def stream(self, network: str, request_id: str) -> Sampler: ...


class FrameStream:
    """One video. Several frames may be under way; they are answered in the order in which they were given."""

    def __init__(
        self, sequence: Sequence, contract: FrameContract, smoothing: float, sampler: Sampler | None = None
    ) -> None:
        self.side = contract.side
        self._sequence = sequence
        self._sampler = sampler
        self._outputs = [*ALWAYS, *(name for name in INSTANCES if name in contract.outputs)]
        self._smoothing = np.array([smoothing], np.float32)
        self._turn = asyncio.Lock()

    async def segment(self, frame: NDArray[np.uint8]) -> Segmented:
        """RGB UINT8 [h, w, 3] of any size. Raises a GatewayError; the next frame then begins anew."""
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:  # noqa: PLR2004
            raise ValueError(f"a frame is RGB UINT8 [h, w, 3], not {frame.dtype} {frame.shape}")
        # Locks are fair: frames are brought to size one after the other, in the order in which they came.
        async with self._turn:
            pixels = await asyncio.to_thread(_square, frame, self.side)
            started = time.monotonic()
            answer = asyncio.ensure_future(
                self._sequence.infer({"pixels": pixels, "smoothing": self._smoothing}, self._outputs)
            )
            await asyncio.sleep(0)  # it is on its way before the next one
        try:
            tensors = await answer
        finally:
            answer.cancel()
        segmented = _segmented(tensors, time.monotonic() - started)
        if self._sampler is not None:
            self._sampler.offer(frame, segmented)
        return segmented


class Segmenter:
    """Opens streams to the networks that are served; `watch`, if there is one, sees their frames."""

    def __init__(self, catalogue: Catalogue, inference: Inference, watch: Watch | None = None) -> None:
        self._catalogue = catalogue
        self._inference = inference
        self._watch = watch

    def names(self) -> list[str]:
        """The networks that are served now, the one that is asked by default as "default"."""
        prefix = SEGMENT_STREAM.name
        return [
            name.removeprefix(prefix).removeprefix("_") or DEFAULT
            for name in sorted(self._catalogue.frames)
            if name == prefix or name.startswith(f"{prefix}_")
        ]

    @asynccontextmanager
    async def open(self, network: str, smoothing: float, request_id: str) -> AsyncIterator[FrameStream]:
        """`network` one of `names()`, or nothing for the default; `smoothing` from 0 (none) to below 1.

        Raises InvalidOptionError, PipelineNotServedError and PipelineDownError, before any frame.
        """
        if not (math.isfinite(smoothing) and 0 <= smoothing < 1):
            raise InvalidOptionError(f"smoothing must be a number from 0 (none) to below 1, not {smoothing:g}")
        name = self._pipeline(network)
        served = self._catalogue.pipeline(name)
        require_pulse(self._inference, name)
        contract = self._catalogue.frames[name]
        sampler = self._watch.stream(served.model, request_id) if self._watch else None
        async with self._inference.sequence(name, request_id) as sequence:
            yield FrameStream(sequence, contract, smoothing, sampler)

    def require(self, network: str) -> None:
        """Raises InvalidOptionError or PipelineNotServedError for a network that was not served when last looked at,
        PipelineDownError before the first look.
        """
        self._catalogue.pipeline(self._pipeline(network))

    def _pipeline(self, network: str) -> str:
        if network in {"", DEFAULT}:
            return SEGMENT_STREAM.name
        names = self.names()
        if network not in names:
            there = ", ".join(names) or "none"
            raise InvalidOptionError(f"network: there is no {network[:80]!r} served now; there are: {there}")
        return f"{SEGMENT_STREAM.name}_{network}"


def _square(frame: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    from imaging import resize

    return resize.square(frame, side)


def _segmented(tensors: Tensors, seconds: float) -> Segmented:
    try:
        flicker = float(tensors["flicker"][0])
        return Segmented(
            mask=tensors["smoothed"],
            confidence=float(tensors["mean_confidence"][0]),
            flicker=None if flicker < 0 else flicker,
            shares=tuple(tensors["shares"].tolist()),
            instances=found(*(tensors[name] for name in INSTANCES)) if INSTANCES[0] in tensors else None,
            embedding=tensors["embedding"],
            seconds=seconds,
        )
    except (LookupError, TypeError, ValueError) as error:
        raise InferenceFailedError("the inference failed", private=f"a frame's answer: {error!r}") from error
