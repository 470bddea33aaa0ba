"""A circuit breaker for each pipeline: after several failures in a row nobody waits for the next one.

It opens for a while, or until a canary has come back well since. Then one request tries, and decides for the others.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from functools import partial
from typing import Self

import structlog

from gateway.errors import (
    InferenceFailedError,
    InferenceTimeoutError,
    InferenceUnavailableError,
    PipelineDownError,
    UnreadablePictureError,
)
from gateway.inference import Cut, Inference, Inventory, Pulse, Tensors
from gateway.pipelines import Pipeline
from gateway.sequences import Sequence as FrameSequence
from gateway.settings import Settings
from gateway.telemetry import Telemetry

log = structlog.get_logger("gateway.breaker")

FAILURES = (InferenceFailedError, InferenceTimeoutError, InferenceUnavailableError)


class Breaker:
    """Of one pipeline."""

    def __init__(self, most_failures: int, rest_s: float) -> None:
        self._most_failures = most_failures
        self._rest_s = rest_s
        self._failures = 0
        self._opened_at: float | None = None
        self._is_tried = False

    @property
    def is_open(self) -> bool:
        return self._opened_at is not None

    @contextmanager
    def attempt(self, pipeline: str, canary_age_s: float | None) -> Iterator[None]:
        """Around an inference. Raises PipelineDownError instead, while it is open and this is not the one to try."""
        is_trial = self._admit(pipeline, canary_age_s)
        try:
            yield
        except FAILURES:
            self._fail()
            raise
        except UnreadablePictureError:
            self._recover()
            raise
        else:
            self._recover()
        finally:
            if is_trial:
                self._is_tried = False

    def _admit(self, pipeline: str, canary_age_s: float | None) -> bool:
        """Whether this is the request that tries."""
        if self._opened_at is None:
            return False
        open_s = time.monotonic() - self._opened_at
        was_seen_well = canary_age_s is not None and canary_age_s < open_s
        if self._is_tried or not (was_seen_well or open_s >= self._rest_s):
            private = f"{self._failures} failures in a row"
            wait_s = max(1.0, self._rest_s - open_s)
            raise PipelineDownError(f"{pipeline} does not answer", private=private, retry_after_s=wait_s)
        self._is_tried = True
        return True

    def _fail(self) -> None:
        self._failures += 1
        if 0 < self._most_failures <= self._failures:
            self._opened_at = time.monotonic()

    def _recover(self) -> None:
        self._failures = 0
        self._opened_at = None


class Guarded:
    """An inference server behind breakers; everything but inferences passes."""

    def __init__(self, inference: Inference, settings: Settings, telemetry: Telemetry) -> None:
        self._inference = inference
        self._settings = settings
        self._telemetry = telemetry
        self._breakers: dict[str, Breaker] = {}

    async def __aenter__(self) -> Self:
        await self._inference.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._inference.__aexit__(*exc_info)

    async def infer(self, pipeline: Pipeline, image: bytes, request_id: str) -> Cut:
        with self._watched(pipeline.name):
            return await self._inference.infer(pipeline, image, request_id)

    async def call(self, model: str, inputs: Mapping[str, bytes], outputs: Sequence[str], request_id: str) -> Tensors:
        with self._watched(model):
            return await self._inference.call(model, inputs, outputs, request_id)

    @asynccontextmanager
    async def sequence(self, model: str, request_id: str) -> AsyncIterator[FrameSequence]:
        async with self._inference.sequence(model, request_id) as sequence:
            yield _GuardedSequence(sequence, partial(self._watched, model))

    async def inventory(self) -> Inventory:
        return await self._inference.inventory()

    async def still_has(self, known: Inventory) -> bool:
        return await self._inference.still_has(known)

    def pulse(self, pipeline: str) -> Pulse | None:
        return self._inference.pulse(pipeline)

    @contextmanager
    def _watched(self, name: str) -> Iterator[None]:
        breaker = self._breakers.get(name)
        if breaker is None:
            settings = self._settings
            breaker = Breaker(settings.breaker_failures, settings.breaker_rest_seconds)
            self._breakers[name] = breaker
        before, pulse = breaker.is_open, self._inference.pulse(name)
        try:
            with breaker.attempt(name, pulse.age_s if pulse else None):
                yield
        finally:
            self._telemetry.breaker_open.labels(name).set(breaker.is_open)
            if breaker.is_open != before:
                log.warning("the breaker has changed", pipeline=name, open=breaker.is_open)


class _GuardedSequence:
    """Every frame is an attempt of its own."""

    def __init__(self, sequence: FrameSequence, watched: Callable[[], AbstractContextManager[None]]) -> None:
        self._sequence = sequence
        self._watched = watched

    async def infer(self, tensors: Tensors, outputs: Sequence[str]) -> Tensors:
        with self._watched():
            return await self._sequence.infer(tensors, outputs)
