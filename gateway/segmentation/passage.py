"""All frames of a video through a network, in order and none left out, over as many sequences as it takes."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TypeAlias

import structlog

from gateway.errors import OUTAGE, BusyError, GatewayError, InferenceFailedError, InvalidOptionError, Kinds
from gateway.segmentation.segmenter import FrameStream, Segmented, Segmenter
from gateway.video.reader import Frame

log = structlog.get_logger("gateway.segmentation")

# Frames under way at Triton: enough that two networks and the steps beside them always find one, although answers wait
# for their turn; few enough to be held in memory.
AHEAD = 6
FIRST_REST_S = 0.25
LONGEST_REST_S = 2.0
# A server that has just come back may lack a network for a moment, which reads as an unknown name; a step that died
# takes its sequences' state along.
TRANSIENT: Kinds = (*OUTAGE, BusyError, InferenceFailedError, InvalidOptionError)
Seen: TypeAlias = tuple[Frame, Segmented]


class Passage:
    """`restarts` counts how often the server failed and the sequence began anew with the first frame not answered."""

    def __init__(self, segmenter: Segmenter, network: str, smoothing: float, patience_s: float) -> None:
        self.restarts = 0
        self._segmenter, self._network, self._smoothing = segmenter, network, smoothing
        self._patience_s = patience_s
        self._failing_since: float | None = None

    async def through(self, frames: AsyncIterator[Frame], request_id: str) -> AsyncGenerator[Seen]:
        """Each frame with what is in it. Raises what `frames` raises, and the server's error once it has failed for
        the whole of `patience_s`.
        """
        waiting: deque[Frame] = deque()
        rest_s = FIRST_REST_S
        while True:
            try:
                async with (
                    self._segmenter.open(self._network, self._smoothing, request_id) as stream,
                    aclosing(_answers(stream, frames, waiting)) as answers,
                ):
                    async for seen in answers:
                        self._failing_since, rest_s = None, FIRST_REST_S
                        yield seen
            except TRANSIENT as error:
                self._endure(error)
            else:
                return
            await asyncio.sleep(rest_s)
            rest_s = min(2 * rest_s, LONGEST_REST_S)

    def _endure(self, error: GatewayError) -> None:
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
            self.restarts += 1
            log.warning("a video's sequence was interrupted", detail=error.public, private=error.private or None)
        if now - self._failing_since >= self._patience_s:
            raise error


async def _answers(stream: FrameStream, frames: AsyncIterator[Frame], waiting: deque[Frame]) -> AsyncGenerator[Seen]:
    """What waits goes first. A frame leaves `waiting` with its answer."""
    tasks = deque(asyncio.create_task(stream.segment(frame.pixels)) for frame in waiting)
    try:
        while True:
            while len(waiting) < AHEAD and (frame := await anext(frames, None)) is not None:
                waiting.append(frame)
                tasks.append(asyncio.create_task(stream.segment(frame.pixels)))
            if not tasks:
                return
            segmented = await tasks[0]
            tasks.popleft()
            yield waiting.popleft(), segmented
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
