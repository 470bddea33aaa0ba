"""The door to Triton: a small protocol, and its adapter over `tritonclient.grpc.aio`.

The compressed picture goes in, the finished PNG comes out; no pixel is touched here.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
from opentelemetry import propagate
from tritonclient.grpc import InferInput, InferRequestedOutput, model_config_pb2, service_pb2
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from gateway.background import beside
from gateway.errors import (
    BusyError,
    GatewayError,
    InferenceFailedError,
    InferenceTimeoutError,
    InferenceUnavailableError,
    PipelineDownError,
    PipelineNotServedError,
    UnreadablePictureError,
)
from gateway.pipelines import Pipeline
from gateway.settings import Settings
from serving.canary import Watch, connect, is_pipeline

FIRST_LOOK_SECONDS = 10.0
RETRY_AFTER_S = 2.0
# What a step says, not Triton: through an ensemble, or called by itself.
CALLER = "recipe_photo: "
BY_A_STEP = re.compile(rf"^(in ensemble '[^']*', |{CALLER})")
NOT_LOADED = ("unknown model", "not at ready state", "is not ready", "no available versions")
CALLS = ("calls", "may_call")
SHAPING = ("platform", "backend", "default_model_filename", "input", "output", "ensemble_scheduling")
# A network's parameters are about threads and memory.
SHAPING_STEP = (*SHAPING, "parameters")
Box = tuple[int, int, int, int]
Tensors = Mapping[str, npt.NDArray[Any]]


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

    `configs` holds a hash of what each model's config says about results; `requests` how many each has had.
    """

    versions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    networks: frozenset[str] = frozenset()
    steps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    configs: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)

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

    async def __aenter__(self) -> Self:
        settings = self._settings
        self._client = await self._exit.enter_async_context(connect(settings.triton_url))
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
            steps={name: _steps(name, by_name) for name, config in by_name.items() if is_pipeline(config)},
            configs={config.name: shape(config) for config in configs},
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


def is_network(config: model_config_pb2.ModelConfig) -> bool:
    """Whether a model is a network, not a Python step and not a pipeline."""
    return bool(config.platform != "ensemble" and config.backend != "python")


def shape(config: model_config_pb2.ModelConfig) -> str:
    """Hash of what a config says about results; how fast they come (instances, queues, threads) leaves it as it is."""
    shaping = model_config_pb2.ModelConfig()
    shaping.CopyFrom(config)
    for known, _ in config.ListFields():
        if known.name not in (SHAPING_STEP if config.backend == "python" else SHAPING):
            shaping.ClearField(known.name)
    return hashlib.sha256(shaping.SerializeToString(deterministic=True)).hexdigest()


def translated(error: InferenceServerException) -> GatewayError:
    """Triton's error in the gateway's words. Only what a step says about the picture is told to clients."""
    code, message = (error.status() or "").removeprefix("StatusCode."), error.message() or ""
    private = f"{code}: {message}"
    if any(phrase in message for phrase in NOT_LOADED):
        return PipelineNotServedError("the pipeline is not served", private=private, retry_after_s=RETRY_AFTER_S)
    if "Exceeds maximum queue size" in message:
        return BusyError("the server's queue is full", private=private, retry_after_s=RETRY_AFTER_S)
    said = BY_A_STEP.sub("", message)
    if code == "INVALID_ARGUMENT" and said != message:
        return UnreadablePictureError(said, private=private)
    if code == "UNAVAILABLE" and message.startswith(CALLER):
        return PipelineDownError(said, private=private, retry_after_s=RETRY_AFTER_S)
    return _trouble(code, message, private)


def _trouble(code: str, message: str, private: str) -> GatewayError:
    """The server's own, of which a client need know no more than its kind."""
    if code == "DEADLINE_EXCEEDED" or "timeout expired" in message:
        return InferenceTimeoutError("the inference took too long", private=private, retry_after_s=RETRY_AFTER_S)
    if code in {"UNAVAILABLE", "CANCELLED"} or "Stub process" in message:
        return InferenceUnavailableError("the server is not available", private=private, retry_after_s=RETRY_AFTER_S)
    return InferenceFailedError("the inference failed", private=private)


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


def _steps(name: str, configs: Mapping[str, model_config_pb2.ModelConfig]) -> tuple[str, ...]:
    """Every model that takes part in a pipeline, each once, a caller before those that it calls."""
    found: dict[str, None] = {}
    waiting = list(_called(configs[name]))
    while waiting:
        step = waiting.pop(0)
        if step not in found:
            found[step] = None
            waiting += _called(configs[step]) if step in configs else ()
    return tuple(found)


def _called(config: model_config_pb2.ModelConfig) -> tuple[str, ...]:
    """An ensemble's steps, and the models that a Python step names in its parameters, separated by commas: `calls`
    those that it cannot do without, `may_call` those that some of its answers come from.
    """
    scheduled = (step.model_name for step in config.ensemble_scheduling.step)
    listed = ",".join(config.parameters[name].string_value for name in CALLS if name in config.parameters)
    return (*scheduled, *(name.strip() for name in listed.split(",") if name.strip()))


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
