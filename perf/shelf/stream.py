"""Videos through Triton: one gRPC stream and one sequence for each, several frames under way."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from tritonclient.grpc import InferInput, InferRequestedOutput

from perf.analyzer import Measurement
from serving.canary import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tritonclient.grpc.aio import InferenceServerClient

    from imaging.arrays import Bytes

PIPELINE = "segment_stream"
OUTPUTS = ("smoothed", "flicker", "mean_confidence", "shares", "embedding")  # what the gateway asks for


@dataclass(frozen=True, slots=True)
class Load:
    """`streams` videos at once, of each `under_way` frames at a time."""

    streams: int
    smoothing: float
    under_way: int = 6


def measure(url: str, load: Load, frames: Bytes, count: int) -> Measurement:
    """Send `count` frames in each stream, in turn of UINT8 [n, S, S, 3]. Raises InferenceServerException."""
    return asyncio.run(_measured(url, load, frames, count))


async def _measured(url: str, load: Load, frames: Bytes, count: int) -> Measurement:
    async with connect(url) as client:
        videos = [_Video(client, load, frames, count) for _ in range(load.streams)]
        start = time.perf_counter()
        await asyncio.gather(*(video.run() for video in videos))
        total = time.perf_counter() - start
    return summary([seconds for video in videos for seconds in video.times], total)


def summary(times: list[float], total: float) -> Measurement:
    """Rate over `total` seconds and percentiles of the `times` of single frames."""
    p50, p95, p99 = np.percentile(times, [50, 95, 99]) * 1000
    return Measurement(len(times) / total, float(p50), float(p95), float(p99))


class _Video:
    def __init__(self, client: InferenceServerClient, load: Load, frames: Bytes, count: int) -> None:
        self.times: list[float] = []
        self._client, self._load, self._frames, self._count = client, load, frames, count
        self._room = asyncio.Semaphore(load.under_way)
        self._sent: deque[float] = deque()
        self._number = secrets.randbelow(2**62) + 1

    async def run(self) -> None:
        async for answer, error in self._client.stream_infer(self._requests()):
            if error is not None:
                raise error
            for name in OUTPUTS:
                answer.as_numpy(name)
            self.times.append(time.perf_counter() - self._sent.popleft())
            self._room.release()
            if len(self.times) == self._count:
                return

    async def _requests(self) -> AsyncIterator[dict[str, Any]]:
        smoothing = np.array([[self._load.smoothing]], np.float32)
        for number in range(self._count):
            await self._room.acquire()
            self._sent.append(time.perf_counter())
            yield {
                "model_name": PIPELINE,
                "inputs": [
                    _input("pixels", "UINT8", self._frames[number % len(self._frames)][None]),
                    _input("smoothing", "FP32", smoothing),
                ],
                "outputs": [InferRequestedOutput(name) for name in OUTPUTS],
                "sequence_id": self._number,
                "sequence_start": number == 0,
                "sequence_end": number == self._count - 1,
            }


def _input(name: str, kind: str, values: np.ndarray[Any, Any]) -> InferInput:
    tensor = InferInput(name, list(values.shape), kind)
    tensor.set_data_from_numpy(values)
    return tensor
