"""A closed loop of uploads to the gateway, measured as perf_analyzer measures Triton."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING

import httpx
import numpy as np

from perf.analyzer import Measurement

if TYPE_CHECKING:
    from collections.abc import Iterator

JPEG_START = b"\xff\xd8"


def unlike(photo: bytes, number: int) -> bytes:
    """Return the same picture as other bytes (a JPEG comment), so that no result cache answers for the server."""
    note = f"{time.time_ns()}-{number}".encode()
    return JPEG_START + b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note + photo[2:]


async def measure(url: str, photos: list[bytes], concurrency: int, requests: int) -> Measurement:
    """POST `requests` photos to `url`, `concurrency` at a time, asking for the PNG; raise on any other answer."""
    numbers = iter(range(requests))
    cycle = itertools.cycle(photos)
    async with httpx.AsyncClient(timeout=120, headers={"Accept": "image/png"}) as client:
        start = time.perf_counter()
        parts = await asyncio.gather(*(_loop(client, url, cycle, numbers) for _ in range(concurrency)))
        total = time.perf_counter() - start
    times = [seconds for part in parts for seconds in part]
    p50, p95, p99 = np.percentile(times, [50, 95, 99]) * 1000
    return Measurement(len(times) / total, float(p50), float(p95), float(p99))


async def _loop(client: httpx.AsyncClient, url: str, photos: Iterator[bytes], numbers: Iterator[int]) -> list[float]:
    times = []
    for number in numbers:
        start = time.perf_counter()
        answer = await client.post(url, files={"file": ("photo.jpg", unlike(next(photos), number), "image/jpeg")})
        answer.raise_for_status()
        times.append(time.perf_counter() - start)
    return times
