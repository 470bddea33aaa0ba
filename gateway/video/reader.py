"""Frames of a video file: upright RGB with their times, each decoded once, in order, a few in memory."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from gateway.errors import TruncatedVideoError, UnreadableVideoError
from gateway.video import source
from gateway.video.clock import Clock
from gateway.video.colour import ToRgb, colour_of
from gateway.video.containers import check_size
from gateway.video.facts import Facts, Limits
from gateway.video.orientation import orientation_of

if TYPE_CHECKING:
    from av import Packet, VideoFrame, VideoStream
    from av.container import InputContainer

# A demuxer that fails so often without a packet between is not going to find one.
MOST_FAILURES = 32
# A file that begins with a burst of frames has an average only after a while.
SETTLED_S = Fraction(2)
RATE_SLACK = Fraction(21, 20)
# What a file may be short of its stated length by: a last frame whose length is not told, rounded figures.
LENGTH_SLACK_S = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Frame:
    """`pixels` is UINT8 RGB [h, w, 3]. `time` counts seconds from the earliest of the file's streams, so it begins
    later than 0 where sound begins first; `duration` lasts to the next frame.
    """

    index: int
    time: Fraction
    duration: Fraction
    pixels: NDArray[np.uint8]


@dataclass(slots=True)
class Tally:
    """What was met so far. `skipped_packets` could not be read or decoded, `damaged_frames` came with errors that
    the decoder covered, `resized_frames` had another size than the first, `retimed_frames` no time or one that was
    not later.

    `missing_s` is told once all frames are read: how much earlier they ended than the file states, None if it does not.
    """

    frames: int = 0
    skipped_packets: int = 0
    damaged_frames: int = 0
    resized_frames: int = 0
    retimed_frames: int = 0
    missing_s: Fraction | None = None


class Video:
    """An open video whose facts are known and within the limits. Its frames can be read once."""

    def __init__(self, container: "InputContainer", stream: "VideoStream", limits: Limits) -> None:
        """Raises what `open_video` raises. Decodes the first frame, which is the first to come out, too."""
        self.tally = Tally()
        self._container, self._stream, self._limits = container, stream, limits
        self._packets_seen = 0
        self._decoded = self._decode()
        self._first: VideoFrame | None = next(self._decoded, None)
        if self._first is None:
            raise self._nothing()
        self._size = (self._first.width, self._first.height)
        self._orientation = orientation_of(self._first)
        self.facts = self._facts(self._first)
        self._usual = 1 / (self.facts.rate or source.USUAL_RATE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._decoded.close()
        self._first = None
        self._container.close()

    def frames(self) -> Iterator[Frame]:
        """All frames, one held back to know how long it lasts. Raises VideoTooLongError or TooManyFramesError where the
        file holds more than it said, UnreadableVideoError where a frame cannot be made RGB.
        """
        if self._first is None:
            raise ValueError("the frames of a video are read once, while it is open")
        first, self._first = self._first, None
        to_rgb = ToRgb(self.facts.colour, *self._size)
        for index, (frame, time, duration) in enumerate(self._timed(first)):
            self._check(index, time)
            pixels = self._orientation.upright(self._pixels(to_rgb, frame))
            self.tally.frames = index + 1
            yield Frame(index, time, duration, pixels)

    def _timed(self, first: "VideoFrame") -> Iterator[tuple["VideoFrame", Fraction, Fraction]]:
        clock = Clock(self.facts.time_base, self.facts.start_s, self._usual)
        frame, time = first, clock.at(first.pts)
        for following in self._decoded:
            its_time = clock.at(following.pts)
            self.tally.retimed_frames = clock.retimed
            yield frame, time, its_time - time
            frame, time = following, its_time
        duration = frame.duration * self.facts.time_base if frame.duration else self._usual
        self.tally.missing_s = self._missing_s(time + duration)
        yield frame, time, duration

    def _missing_s(self, end: Fraction) -> Fraction | None:
        missing: list[Fraction] = []
        if self.facts.duration_s is not None and self.facts.duration_is_its_own:
            missing.append(self.facts.duration_s - end)
        if self.facts.frames is not None:
            missing.append((self.facts.frames - self._packets_seen) * self._usual)
        longest = max(missing, default=None)
        return longest if longest is None or longest > LENGTH_SLACK_S else Fraction(0)

    def _pixels(self, to_rgb: ToRgb, frame: "VideoFrame") -> NDArray[np.uint8]:
        import av

        self.tally.damaged_frames += frame.is_corrupt
        self.tally.resized_frames += (frame.width, frame.height) != self._size
        try:
            return to_rgb(frame)
        except av.FFmpegError as error:
            raise UnreadableVideoError("the video's colours cannot be converted", private=repr(error)) from error

    def _check(self, index: int, time: Fraction) -> None:
        self._limits.check_seconds(time)
        self._limits.check_rate(index / max(time, SETTLED_S) / RATE_SLACK)

    def _decode(self) -> Generator["VideoFrame"]:
        import av

        for packet in chain(self._packets(), [None]):
            try:
                yield from self._stream.decode(packet)
            except av.error.EOFError:  # noqa: PERF203 - flushed before
                return
            except av.FFmpegError:
                self.tally.skipped_packets += 1

    def _packets(self) -> Iterator["Packet[VideoStream]"]:
        import av

        failures = 0
        while failures < MOST_FAILURES:
            try:
                for packet in self._container.demux(self._stream):
                    failures = 0
                    self._packets_seen += 1
                    if packet.size:  # AVI's empty ones repeat a frame, the last one is FFmpeg's own
                        yield packet
            except IndexError:  # noqa: PERF203 - PyAV's, at the end, where a stream began that the header does not name
                return
            except av.FFmpegError:
                self.tally.skipped_packets += 1
                failures += 1
            else:
                return

    def _nothing(self) -> TruncatedVideoError | UnreadableVideoError:
        if self.tally.skipped_packets:
            codec = self._stream.codec_context.name
            return UnreadableVideoError(f"nothing of the video can be decoded ({codec}): its packets are broken")
        return TruncatedVideoError("the video is cut off before its first frame")

    def _facts(self, first: "VideoFrame") -> Facts:
        width, height = self._orientation.size(*self._size)
        self._limits.check_pixels(width, height)
        facts = source.facts_of(self._container, self._stream, first, self._orientation, colour_of(first))
        self._limits.check_seconds(facts.duration_s)
        if facts.frames is not None:  # else it is a guess, such as 1000 for what browsers record
            self._limits.check_rate(facts.rate)
        return facts


def open_video(path: Path, limits: Limits, threads: int = 1) -> Video:
    """Opens a video file and decodes its first frame with `threads` threads. Raises one of `errors.VIDEO`."""
    check_size(path, limits.size_bytes)
    container = source.open_container(path)
    try:
        stream = source.video_stream(container)
        limits.check_pixels(stream.codec_context.width, stream.codec_context.height)
        source.prepare(container, stream, threads, limits.pixels)
        return Video(container, stream, limits)
    except BaseException:
        container.close()
        raise
