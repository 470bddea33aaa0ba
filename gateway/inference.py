"""The door to Triton: a small protocol, and its adapter over `tritonclient.grpc.aio`.

The compressed picture goes in, the finished PNG comes out; no pixel is touched here.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

import numpy as np
from opentelemetry import propagate
from tritonclient.grpc import InferInput, InferRequestedOutput, service_pb2
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from gateway.background import Errands, beside
from gateway.errors import InferenceFailedError, InferenceUnavailableError
from gateway.model_config import FrameContract, frame_contract, is_network, shape, steps
from gateway.pipelines import Pipeline
from gateway.sequences import Sequence as FrameSequence
from gateway.settings import Settings
from gateway.streamed import TritonSequence
from gateway.tensors import Tensors
from gateway.triton_errors import translated
from serving.canary import Watch, connect, is_pipeline

__all__ = ["Box", "Cut", "Inference", "Inventory", "Pulse", "Tensors", "TritonInference"]

FIRST_LOOK_SECONDS = 10.0
PATIENCE_SECONDS = 1.0
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Cut:
    """A pipeline's answer: a PNG, and the subject's box (xmin, ymin, xmax, ymax; maxima exclusive) if found."""

    png: bytes
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Pulse:
    """A pipeline's last canary; `age_s` is the age of the last good one, None when there was none."""

    ok: bool
    reason: str
    age_s: float | None


@dataclass(frozen=True, slots=True)
class Inventory:
    """What the server has loaded: each model's versions, which models are networks, pipelines with their steps.

    `configs` holds a hash of what each model's config says about results; `requests` how many each has had; `frames`
    what the pipelines take and give that are called frame by frame.
    """

    versions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    networks: frozenset[str] = frozenset()
    steps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    configs: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
    frames: Mapping[str, FrameContract] = field(default_factory=dict)

    def continues(self, earlier: "Inventory") -> bool:
        """Whether no model was loaded in between: then its version would be another, or its requests count anew."""
        counted = all(self.requests.get(name, 0) >= count for name, count in earlier.requests.items())
        return counted and self.versions == earlier.versions


class Inference(Protocol):
    """What the gateway needs from an inference server. Entered once, in the event loop that uses it."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...

    async def infer(self, pipeline: Pipeline, image: bytes, request_id: str) -> Cut:
        """One picture through one pipeline; cancelling the caller cancels the inference. Raises a GatewayError."""
        ...

    async def call(self, model: str, inputs: Mapping[str, bytes], outputs: Sequence[str], request_id: str) -> Tensors:
        """One inference whose inputs are BYTES [1]; arrays without the batch's dimension. Otherwise as `infer`."""
        ...

    def sequence(self, model: str, request_id: str) -> AbstractAsyncContextManager[FrameSequence]:
        """A video's way through one model, whose state lives from the first frame to the end of the `with`."""
        ...

    async def inventory(self) -> Inventory:
        """What is served now. Raises InferenceUnavailableError."""
        ...

    async def still_has(self, known: Inventory) -> bool:
        """Whether the server loaded nothing since; cheaper than a whole inventory. Raises InferenceUnavailableError."""
        ...

    def pulse(self, pipeline: str) -> Pulse | None:
        """The pipeline's last canary, None before the first."""
        ...


class TritonInference:
    """Triton over gRPC: one channel, a deadline on every call, a canary watch in the background."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: InferenceServerClient | None = None
        self._watch: Watch | None = None
        self._watching: asyncio.Task[None] | None = None
        self._exit = AsyncExitStack()
        self._errands = Errands(PATIENCE_SECONDS)

    async def __aenter__(self) -> Self:
        settings = self._settings
        self._client = await self._exit.enter_async_context(connect(settings.triton_url))
        self._exit.push_async_callback(self._errands.aclose)
        self._watch = Watch(self._client, settings.canary_interval_seconds, settings.canary_timeout_seconds)
        # Whoever sees the gateway listen may send a picture: it knows its pipelines by then.
        with suppress(TimeoutError):
            await asyncio.wait_for(self._watch.look(), FIRST_LOOK_SECONDS)
        self._watching = await self._exit.enter_async_context(beside(self._watch.run(), "canaries"))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._exit.aclose()

    async def infer(self, pipeline: Pipeline, image: bytes, request_id: str) -> Cut:
        return _cut(pipeline, await self.call(pipeline.name, {"image": image}, pipeline.outputs, request_id))

    async def call(self, model: str, inputs: Mapping[str, bytes], outputs: Sequence[str], request_id: str) -> Tensors:
        deadline_s = self._settings.inference_timeout_seconds
        try:
            answer = await self._open_client().infer(
                model,
                [_input(name, content) for name, content in inputs.items()],
                outputs=[InferRequestedOutput(name) for name in outputs],
                request_id=request_id,
                client_timeout=deadline_s,
                timeout=int(deadline_s * 1e6),
                headers=_trace_headers(),
            )
        except InferenceServerException as error:
            raise translated(error) from error
        found = {name: answer.as_numpy(name) for name in outputs}
        if lacking := [name for name, values in found.items() if values is None or not len(values)]:
            raise InferenceFailedError("the inference failed", private=f"{model} gave no {', '.join(lacking)}")
        return {name: values[0] for name, values in found.items()}

    @asynccontextmanager
    async def sequence(self, model: str, request_id: str) -> AsyncIterator[FrameSequence]:
        sequence = TritonSequence(self._open_client(), model, request_id, self._settings.inference_timeout_seconds)
        try:
            yield sequence
        finally:
            sequence.close()
            self._errands.add(sequence.end(), f"end of a sequence of {model}")

    async def inventory(self) -> Inventory:
        client, deadline_s = self._open_client(), self._settings.canary_timeout_seconds
        try:
            counted = await self._counted()
            calls = (client.get_model_config(name, client_timeout=deadline_s) for name in counted.versions)
            configs = [answer.config for answer in await asyncio.gather(*calls)]
        except InferenceServerException as error:
            raise translated(error) from error
        by_name = {config.name: config for config in configs}
        return replace(
            counted,
            networks=frozenset(config.name for config in configs if is_network(config)),
            steps={name: steps(name, by_name) for name, config in by_name.items() if is_pipeline(config)},
            configs={config.name: shape(config) for config in configs},
            frames={config.name: found for config in configs if (found := frame_contract(config))},
        )

    async def still_has(self, known: Inventory) -> bool:
        try:
            return (await self._counted()).continues(known)
        except InferenceServerException as error:
            raise translated(error) from error

    async def _counted(self) -> Inventory:
        # Statistics exist of loaded models only, and of all of them. Triton's repository index would say the same
        # and belongs to the protocol that may also unload models, which a server does well to keep to itself.
        deadline_s = self._settings.canary_timeout_seconds
        loaded = (await self._open_client().get_inference_statistics(client_timeout=deadline_s)).model_stats
        return Inventory(_versions(loaded), requests=_requests(loaded))

    def pulse(self, pipeline: str) -> Pulse | None:
        if self._watch is None or self._watching is None or pipeline not in self._watch.results:
            return None
        if self._watching.done():
            return Pulse(ok=False, reason="the canary watch has ended", age_s=self._watch.age_s(pipeline))
        last = self._watch.results[pipeline]
        return Pulse(last.ok, last.reason, self._watch.age_s(pipeline))

    def _open_client(self) -> InferenceServerClient:
        if self._client is None:
            raise InferenceUnavailableError("the gateway is not running")
        return self._client


def _trace_headers() -> dict[str, str]:
    """W3C trace context, so that Triton's spans join the request's; empty where no tracing is configured."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


def _input(name: str, content: bytes) -> InferInput:
    tensor = InferInput(name, [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[content]], dtype=np.object_))
    return tensor


def _cut(pipeline: Pipeline, tensors: Tensors) -> Cut:
    picture, box = tensors[pipeline.output], tensors.get("box")
    if not picture.size:
        raise InferenceFailedError("the inference failed", private=f"{pipeline.name} gave no {pipeline.output}")
    xmin, ymin, xmax, ymax = (0, 0, 0, 0) if box is None else (int(value) for value in box.reshape(4))
    return Cut(bytes(picture.reshape(-1)[0]), (xmin, ymin, xmax, ymax) if xmax > xmin and ymax > ymin else None)


def _versions(loaded: Iterable[service_pb2.ModelStatistics]) -> dict[str, tuple[int, ...]]:
    found: dict[str, set[int]] = {}
    for model in loaded:
        found.setdefault(model.name, set()).add(int(model.version))
    return {name: tuple(sorted(numbers)) for name, numbers in sorted(found.items())}


def _requests(loaded: Iterable[service_pb2.ModelStatistics]) -> dict[str, int]:
    found: dict[str, int] = {}
    for model in loaded:
        counts = model.inference_stats
        found[model.name] = found.get(model.name, 0) + counts.success.count + counts.fail.count
    return found
