"""One live stream: the newest frame is taken, decoded, segmented, drawn and sent; what waits meanwhile is replaced.

At most two frames are under way. Their answers leave in order, and a frame's place is free once its answer is sent.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gateway.background import together
from gateway.errors import OUTAGE, PICTURE, BusyError, GatewayError, InferenceFailedError
from gateway.problems import TABLE
from gateway.segmentation.drawing import draw
from gateway.segmentation.live_options import LiveOptions
from gateway.segmentation.meter import StreamMeter
from gateway.segmentation.pictures import Picture
from gateway.segmentation.segmenter import FrameStream, Segmented

UNDER_WAY = 2
MOST_BROKEN = 3
SHORTEST_REST_S, LONGEST_REST_S = 0.25, 2.0
Message: TypeAlias = dict[str, Any]
Load: TypeAlias = Callable[[int | None], Picture]
# Who else looks at answered frames, UINT8 RGB [h, w, 3]; nobody waits for it.
Look: TypeAlias = Callable[[NDArray[np.uint8], Segmented], None]


@dataclass(frozen=True, slots=True)
class Arrived:
    """A frame that came: `number` as its sender counts, `at` on the monotonic clock, `seconds` on the video's own.

    `load` makes its pixels, in a thread; it is told the least side that will do, None for all of them.
    """

    number: int
    at: float
    load: Load
    seconds: float | None = None


class Arrivals(Protocol):
    """What waits to be taken; a live stream's holds one frame."""

    @property
    def dropped(self) -> int:
        """Frames that will never be taken, for newer ones came."""
        ...

    async def get(self) -> Arrived | None:
        """The next frame, None once there is none and none will come."""
        ...


class Client(Protocol):
    """Who watches."""

    async def show(self, message: Message, picture: bytes | None = None) -> None:
        """Returns when the client's connection has taken it."""
        ...


@dataclass(slots=True)
class _Work:
    """A frame under way, or what is wrong with it."""

    arrived: Arrived
    options: LiveOptions
    timings: dict[str, float] = field(default_factory=dict)
    picture: Picture | None = None
    answer: asyncio.Task[Segmented] | None = None
    error: GatewayError | None = None


class Live:
    """`options` may be replaced while it runs: what is drawn and how often, not the network nor its smoothing."""

    def __init__(
        self, stream: FrameStream, client: Client, arrivals: Arrivals, options: LiveOptions, meter: StreamMeter
    ) -> None:
        self.options = options
        self.look: Look | None = None
        self.answered = 0
        self._stream, self._client, self._arrivals, self._meter = stream, client, arrivals, meter
        self._places = asyncio.Semaphore(UNDER_WAY)
        self._order: asyncio.Queue[_Work | None] = asyncio.Queue()
        self._under_way: set[asyncio.Task[Segmented]] = set()
        self._taken_at = float("-inf")
        self._dropped = 0
        self._broken = 0
        self._outage = Outage()
        self._send_s = 0.0

    async def run(self, outage_s: float) -> None:
        """Until no frame comes any more. Raises the error of the third broken frame in a row, and that of a server
        that has not answered for `outage_s`; what the client raises passes through.
        """
        self._outage = Outage(outage_s)
        try:
            await together([self._take(), self._answer()])
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _take(self) -> None:
        while (arrived := await self._next()) is not None:
            self._order.put_nowait(await self._begun(arrived))
        self._order.put_nowait(None)

    async def _next(self) -> Arrived | None:
        """The newest frame, as late as may be: when a place is free, and its turn has come."""
        await self._places.acquire()
        rate = self.options.max_fps
        due = max(self._taken_at + (1 / rate if rate else 0.0), self._outage.rest_until)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        arrived = await self._arrivals.get()
        # Of frames that come at fixed times a grid of times would be missed by a hair, again and again.
        self._taken_at = max(due, time.monotonic() - (0.5 / rate if rate else 0.0))
        return arrived

    async def _begun(self, arrived: Arrived) -> _Work:
        work = _Work(arrived, self.options)
        started = time.monotonic()
        work.timings["wait"] = started - arrived.at
        try:
            least = None if work.options.output == "overlay" else self._stream.side
            work.picture = await asyncio.to_thread(arrived.load, least)
        except GatewayError as error:
            work.error = error
            return work
        work.timings["decode"] = time.monotonic() - started
        self._meter.stage("decode", work.timings["decode"])
        work.answer = asyncio.create_task(self._segmented(work, work.picture))
        self._under_way.add(work.answer)
        work.answer.add_done_callback(self._under_way.discard)
        return work

    async def _segmented(self, work: _Work, picture: Picture) -> Segmented:
        started = time.monotonic()
        segmented = await self._stream.segment(picture.pixels)
        whole = time.monotonic() - started
        work.timings["network"] = segmented.seconds
        work.timings["resize"] = max(0.0, whole - segmented.seconds)
        self._meter.stage("resize", work.timings["resize"])
        return segmented

    async def _answer(self) -> None:
        while (work := await self._order.get()) is not None:
            try:
                await self._finish(work)
            except GatewayError as error:
                await self._fail(work, error)
            self._places.release()

    async def _finish(self, work: _Work) -> None:
        if work.error is not None:
            raise work.error
        assert work.answer is not None and work.picture is not None  # noqa: S101, PT018 - else there is an error
        segmented = await work.answer
        drawn = await asyncio.to_thread(draw, work.picture, segmented, work.options)
        work.timings |= drawn.timings
        self._note(work, drawn.timings)
        message = {"type": "frame", **self._heard(work), **drawn.facts, "picture": drawn.media_type}
        started = time.monotonic()
        await self._client.show(message, drawn.picture)
        self._send_s = time.monotonic() - started
        self._meter.stage("send", self._send_s)
        self._meter.answered(segmented, time.monotonic() - work.arrived.at)
        if self.look is not None:
            self.look(work.picture.pixels, segmented)

    def _note(self, work: _Work, timings: Mapping[str, float]) -> None:
        """What is known once a frame is through."""
        self._broken = 0
        self._outage.over()
        self.answered += 1
        for name in ("draw", "encode"):
            if name in timings:
                self._meter.stage(name, timings[name])
        work.timings["send"] = self._send_s
        work.timings["total"] = time.monotonic() - work.arrived.at

    def _heard(self, work: _Work) -> Message:
        """What every message about a frame says. Timings are in milliseconds; `send` is that of the frame before."""
        dropped = self._arrivals.dropped
        self._meter.dropped(dropped - self._dropped)
        self._dropped = dropped
        timings = {name: round(seconds * 1000, 2) for name, seconds in work.timings.items()}
        found: Message = {"frame": work.arrived.number, "dropped": dropped, "timings": timings}
        return found if work.arrived.seconds is None else {**found, "seconds": round(work.arrived.seconds, 6)}

    async def _fail(self, work: _Work, error: GatewayError) -> None:
        """Tells of a frame without an answer; raises what ends the stream."""
        _, code = TABLE[type(error)]
        self._broken += isinstance(error, PICTURE)
        if isinstance(error, (*OUTAGE, InferenceFailedError)):
            self._outage.goes_on(error)
        elif not isinstance(error, (BusyError, *PICTURE)):
            raise error
        await self._client.show({"type": "error", **self._heard(work), "error": code, "detail": error.public})
        if self._broken >= MOST_BROKEN:
            raise error
        self._meter.failed(code)


class Outage:
    """How long a server has not answered, and when to ask it again."""

    def __init__(self, longest_s: float = 0.0) -> None:
        self._longest_s = longest_s
        self._since: float | None = None
        self._rest_s = SHORTEST_REST_S
        self.rest_until = float("-inf")

    def over(self) -> None:
        self._since, self._rest_s = None, SHORTEST_REST_S

    def goes_on(self, error: GatewayError) -> None:
        """Raises the error where it has gone on for too long."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since > self._longest_s:
            raise error
        self.rest_until = now + self._rest_s
        self._rest_s = min(2 * self._rest_s, LONGEST_REST_S)
