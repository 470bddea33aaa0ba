"""A closed loop of pictures from one client, to Triton or to the gateway, so that the two can be compared."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import numpy as np
from tritonclient.grpc import InferInput

from perf.analyzer import Measurement
from serving.canary import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from typing import TypeAlias

    Send: TypeAlias = Callable[[bytes], Awaitable[None]]

JPEG_START = b"\xff\xd8"


def unlike(photo: bytes, number: int) -> bytes:
    """Return the same picture as other bytes (a JPEG comment), so that no result cache answers for the server."""
    note = f"{time.time_ns()}-{number}".encode()
    return JPEG_START + b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note + photo[2:]


@asynccontextmanager
async def to_gateway(url: str) -> AsyncIterator[Send]:
    """Uploads to `url` that ask for the PNG; raises on any answer but success."""
    async with httpx.AsyncClient(timeout=120, headers={"Accept": "image/png"}) as client:

        async def send(photo: bytes) -> None:
            answer = await client.post(url, files={"file": ("photo.jpg", photo, "image/jpeg")})
            answer.raise_for_status()

        yield send


@asynccontextmanager
async def to_triton(url: str, pipeline: str) -> AsyncIterator[Send]:
    """Inferences of `pipeline` over gRPC with all of its outputs; raises on any error."""
    async with connect(url) as client:

        async def send(photo: bytes) -> None:
            tensor = InferInput("image", [1, 1], "BYTES")
            tensor.set_data_from_numpy(np.array([[photo]], dtype=np.object_))
            answer = await client.infer(pipeline, [tensor])
            answer.as_numpy("cutout")

        yield send


async def measure(send: Send, photos: list[bytes], concurrency: int, requests: int) -> Measurement:
    """Send `requests` photos, `concurrency` at a time."""
    numbers = iter(range(requests))
    cycle = itertools.cycle(photos)
    start = time.perf_counter()
    parts = await asyncio.gather(*(_loop(send, cycle, numbers) for _ in range(concurrency)))
    total = time.perf_counter() - start
    times = [seconds for part in parts for seconds in part]
    p50, p95, p99 = np.percentile(times, [50, 95, 99]) * 1000
    return Measurement(len(times) / total, float(p50), float(p95), float(p99))


async def _loop(send: Send, photos: Iterator[bytes], numbers: Iterator[int]) -> list[float]:
    times = []
    for number in numbers:
        photo = unlike(next(photos), number)
        start = time.perf_counter()
        await send(photo)
        times.append(time.perf_counter() - start)
    return times


def middle(values: list[Measurement]) -> Measurement:
    """Return the median of each figure."""
    return Measurement(
        *(statistics.median(getattr(v, f) for v in values) for f in ("per_second", "p50_ms", "p95_ms", "p99_ms"))
    )
