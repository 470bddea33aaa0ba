"""Cameras that send JPEG frames in real time over WS /api/stream, whether they are answered or not."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from websockets.asyncio.client import ClientConnection

FIRST_S = 1.0  # of a stream, that its start does not count


class LiveError(RuntimeError):
    """The gateway refused a stream or ended it early."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one load: answered frames per second of a stream (median and worst), share 0..1 of the sent frames that were
    dropped, milliseconds from sending a frame to having its answer.
    """

    clients: int
    per_stream: float
    worst: float
    dropped: float
    p50_ms: float
    p95_ms: float


@dataclass(slots=True)
class Camera:
    """One client: frames sent, when each was, and when each answer was there."""

    url: str
    jpegs: Sequence[bytes]
    rate: float
    seconds: float
    sent: list[float] = field(default_factory=list)
    answered: dict[int, float] = field(default_factory=dict)

    async def run(self, after_s: float) -> None:
        """Raises LiveError."""
        from websockets.asyncio.client import connect

        await asyncio.sleep(after_s)
        async with connect(self.url, compression=None, max_size=None) as socket:
            await socket.send(json.dumps({"input": "frames", "smoothing": 0.5}))
            opened = json.loads(await socket.recv())
            if opened["type"] != "ready":
                raise LiveError(f"the gateway refuses the stream: {opened}")
            sending = asyncio.create_task(self._send(socket))
            try:
                await self._hear(socket)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def _send(self, socket: ClientConnection) -> None:
        start = time.perf_counter()
        for number in range(round(self.rate * self.seconds)):
            await asyncio.sleep(max(0.0, start + number / self.rate - time.perf_counter()))
            self.sent.append(time.perf_counter())
            await socket.send(self.jpegs[number % len(self.jpegs)])
        await socket.send(json.dumps({"end": True}))

    async def _hear(self, socket: ClientConnection) -> None:
        from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK

        try:
            while True:
                message: dict[str, Any] = json.loads(await socket.recv())
                if message["type"] == "error":
                    raise LiveError(f"the stream failed: {message}")
                if message.get("picture"):
                    await socket.recv()
                if message["type"] == "frame":
                    self.answered[message["frame"]] = time.perf_counter()
        except ConnectionClosedOK:
            return
        except ConnectionClosedError as closed:
            raise LiveError(f"the gateway ended the stream: {closed}") from closed

    def figures(self) -> tuple[float, int, int, list[float]]:
        """Answered frames per second, frames sent and answered, latencies in ms; of frames sent after the first second.

        Raises LiveError where none of these was answered.
        """
        begin = self.sent[0] + min(FIRST_S, self.seconds / 4)
        sent = [number for number, at in enumerate(self.sent) if at >= begin]
        latencies = [(self.answered[number] - self.sent[number]) * 1000 for number in sent if number in self.answered]
        if not latencies:
            raise LiveError("a stream got no answer")
        return len(latencies) / (self.sent[-1] + 1 / self.rate - begin), len(sent), len(latencies), latencies


def measure(url: str, jpegs: Sequence[bytes], clients: int, rate: float, seconds: float) -> Figures:
    """`clients` cameras at once, each `rate` frames a second for so long. Raises LiveError."""
    return asyncio.run(_measured([Camera(url, jpegs, rate, seconds) for _ in range(clients)]))


async def _measured(cameras: list[Camera]) -> Figures:
    # Cameras do not tick together.
    turns = (number / (camera.rate * len(cameras)) for number, camera in enumerate(cameras))
    await asyncio.gather(*(camera.run(turn) for camera, turn in zip(cameras, turns, strict=True)))
    return summary(cameras)


def summary(cameras: Sequence[Camera]) -> Figures:
    rates, sent, answered, latencies = zip(*(camera.figures() for camera in cameras), strict=True)
    p50, p95 = np.percentile([one for of_camera in latencies for one in of_camera], [50, 95])
    dropped = 1 - sum(answered) / sum(sent)
    return Figures(len(cameras), statistics.median(rates), min(rates), dropped, float(p50), float(p95))


def middle(found: Sequence[Figures]) -> Figures:
    """Return the median of each figure of one load's rounds."""
    names = ("per_stream", "worst", "dropped", "p50_ms", "p95_ms")
    return Figures(found[0].clients, *(statistics.median(getattr(one, name) for one in found) for name in names))


def carried(figures: Sequence[Figures], least: float) -> float:
    """Return how many streams get `least` answered frames a second, read off the line between the two loads around it.

    The loads come from the smallest on. The largest load where even that is above; a share of a stream where the
    smallest is below.
    """
    before = None
    for one in figures:
        if one.per_stream < least:
            if before is None:
                return one.clients * one.per_stream / least
            share = (before.per_stream - least) / (before.per_stream - one.per_stream)
            return before.clients + share * (one.clients - before.clients)
        before = one
    return float(figures[-1].clients)
