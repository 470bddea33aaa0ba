"""One video from its first frame to its last: decoded, segmented and written side by side, a few frames in memory."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

from gateway.jobs.hand import Hand
from gateway.jobs.job import Counts
from gateway.jobs.run import Run
from gateway.segmentation.film_files import Files
from gateway.segmentation.meter import StreamMeter
from gateway.segmentation.passage import Passage
from gateway.segmentation.segmenter import Segmented
from gateway.video.reader import Frame, Video

DIGITS = 3


class Take:
    """Tells the job how far it is: frames that are written, of how many as far as the file says that."""

    def __init__(self, run: Run, video: Video, files: Files, passage: Passage, meter: StreamMeter) -> None:
        self._run, self._video, self._files, self._passage, self._meter = run, video, files, passage, meter
        self._total = _total(video)
        self._started = time.monotonic()
        self._written = 0
        self._confidence = 0.0
        self._decoded_at = deque[float]()  # of frames under way, which are written in their order

    async def record(self, reading: Hand, writing: Hand) -> None:
        """Raises a GatewayError."""
        behind: asyncio.Task[None] | None = None
        async with (
            aclosing(self._frames(reading)) as frames,
            aclosing(self._passage.through(frames, self._run.job.id)) as seen,
        ):
            try:
                async for frame, segmented in seen:
                    if behind is not None:
                        await behind
                    behind = asyncio.create_task(writing.call(self._write, frame, segmented))
                if behind is not None:
                    await behind
            finally:
                await _ended(behind)

    async def _frames(self, reading: Hand) -> AsyncGenerator[Frame]:
        """The video's frames, the next one being decoded meanwhile."""
        frames = self._video.frames()
        coming = asyncio.create_task(reading.call(self._next, frames))
        try:
            while (frame := await coming) is not None:
                coming = asyncio.create_task(reading.call(self._next, frames))
                self._meter.received()
                yield frame
        finally:
            await _ended(coming)

    def _next(self, frames: Iterator[Frame]) -> Frame | None:
        started = time.monotonic()
        frame = next(frames, None)
        self._meter.stage("decode", time.monotonic() - started)
        self._decoded_at.append(time.monotonic())
        return frame

    def tell(self) -> None:
        """Raises StoppedError if the job is to stop."""
        self._run.progress(self._written, self._total, self._counts())

    def _write(self, frame: Frame, segmented: Segmented) -> None:
        started = time.monotonic()
        self._files.add(frame, segmented)
        self._meter.stage("encode", time.monotonic() - started)
        self._meter.answered(segmented, time.monotonic() - self._decoded_at.popleft())
        self._written = frame.index + 1
        self._confidence += segmented.confidence
        self.tell()

    def _counts(self) -> Counts:
        tally, frames = self._video.tally, max(1, self._written)
        missing = {} if tally.missing_s is None else {"missing_s": round(float(tally.missing_s), DIGITS)}
        return {
            "restarts": self._passage.restarts,
            "skipped_packets": tally.skipped_packets,
            "damaged_frames": tally.damaged_frames,
            "resized_frames": tally.resized_frames,
            "retimed_frames": tally.retimed_frames,
            "skipped_sound": self._files.skipped_sound,
            "mean_confidence": round(self._confidence / frames, DIGITS),
            "frames_per_second": round(self._written / (time.monotonic() - self._started), DIGITS),
            **missing,
        }


async def _ended(work: "asyncio.Task[Any] | None") -> None:
    """Of work that is no longer wanted, only that it is over."""
    if work is not None:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


def _total(video: Video) -> int | None:
    """How many frames there should be, by what the file says."""
    facts = video.facts
    if facts.frames is not None or facts.duration_s is None or facts.rate is None:
        return facts.frames
    return max(1, round(facts.duration_s * facts.rate))
