"""One canary: a tiny picture through a pipeline, and the server's own count of what succeeded and failed."""

import asyncio
import io
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from tritonclient.grpc import InferInput, model_config_pb2, service_pb2
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

from serving.pipeline import canary_options, is_pipeline, takes_frames

__all__ = ["CanaryResult", "Count", "code_of", "config_of", "connect", "infer", "pipelines", "probe", "statistics"]


@dataclass(frozen=True)
class CanaryResult:
    """One look at one pipeline; `code` is the gRPC status of a failure, `seconds` 0 when no inference was needed."""

    pipeline: str
    ok: bool
    reason: str
    seconds: float
    code: str = ""


@dataclass(frozen=True)
class Count:
    success: int
    failure: int


def connect(url: str) -> InferenceServerClient:
    """A client for `host:port` that finds a restarted server within a second (gRPC's own back-off goes to 120 s)."""
    size = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    pace = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000)]
    return InferenceServerClient(url, channel_args=[*size, *pace])


async def pipelines(client: InferenceServerClient) -> list[str]:
    """Names of the server's ready pipelines.

    Raises:
        InferenceServerException: the server does not answer.
    """
    names = await statistics(client, None)
    configs = await asyncio.gather(*(config_of(client, name, None) for name in names))
    return sorted(config.name for config in configs if is_pipeline(config))


async def probe(client: InferenceServerClient, pipelines: Sequence[str], timeout_s: float) -> list[CanaryResult]:
    """Send each pipeline a picture of 64x64 pixels at once; an answer must hold all outputs within `timeout_s`."""
    return list(await asyncio.gather(*(infer(client, name, timeout_s) for name in pipelines)))


async def infer(client: InferenceServerClient, name: str, timeout_s: float) -> CanaryResult:
    start = time.monotonic()
    try:
        config = await config_of(client, name, timeout_s)
        missing = await _missing_outputs(client, config, timeout_s)
        reason, code = (f"no output {', '.join(missing)}", "INTERNAL") if missing else ("", "")
    except InferenceServerException as error:
        reason, code = error.message() or "no answer", code_of(error)
    return CanaryResult(name, not reason, reason, time.monotonic() - start, code)


async def _missing_outputs(
    client: InferenceServerClient, config: model_config_pb2.ModelConfig, timeout_s: float
) -> list[str]:
    inputs = [_input(tensor, config) for tensor in config.input]
    try:
        answer = await client.infer(config.name, inputs, client_timeout=timeout_s, **_sequence(config))
    except InferenceServerException as error:
        # A number stands for something on the server. That there is nothing of that number is the last step's answer.
        if code_of(error) == "NOT_FOUND" and any(_is_number(tensor) for tensor in config.input):
            return []
        raise
    return [tensor.name for tensor in config.output if answer.as_numpy(tensor.name) is None]


def _sequence(config: model_config_pb2.ModelConfig) -> dict[str, int | bool]:
    """A video of a single frame, by a number of its own."""
    if not takes_frames(config):
        return {}
    return {"sequence_id": secrets.randbelow(2**63 - 1) + 1, "sequence_start": True, "sequence_end": True}


def _input(tensor: model_config_pb2.ModelInput, config: model_config_pb2.ModelConfig) -> InferInput:
    """The picture for the input `image`; other texts are a pipeline's options; numbers, and frames, are 0."""
    content = 0 if _is_number(tensor) else _picture() if tensor.name == "image" else canary_options(config)
    dims = [max(1, size) for size in tensor.dims]
    shape = [1, *dims] if config.max_batch_size > 0 else dims
    name = model_config_pb2.DataType.Name(tensor.data_type).removeprefix("TYPE_")
    datatype = "BYTES" if name == "STRING" else name
    made = InferInput(tensor.name, shape, datatype)
    made.set_data_from_numpy(np.full(shape, content, triton_to_np_dtype(datatype)))
    return made


def _is_number(tensor: model_config_pb2.ModelInput) -> bool:
    return bool(tensor.data_type != model_config_pb2.TYPE_STRING)


def _picture() -> bytes:
    image = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(image).ellipse((16, 16, 48, 48), fill="firebrick")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def code_of(error: InferenceServerException) -> str:
    return (error.status() or "UNKNOWN").removeprefix("StatusCode.")


async def config_of(client: InferenceServerClient, name: str, timeout_s: float | None) -> model_config_pb2.ModelConfig:
    answer: service_pb2.ModelConfigResponse = await client.get_model_config(name, client_timeout=timeout_s)
    return answer.config


async def statistics(client: InferenceServerClient, timeout_s: float | None) -> dict[str, Count]:
    """Of each loaded model, because only those have statistics: requests answered and failed so far."""
    answer: service_pb2.ModelStatisticsResponse = await client.get_inference_statistics(client_timeout=timeout_s)
    counts: dict[str, Count] = {}
    for model in answer.model_stats:
        stats, before = model.inference_stats, counts.get(model.name, Count(0, 0))
        counts[model.name] = Count(before.success + stats.success.count, before.failure + stats.fail.count)
    return counts
