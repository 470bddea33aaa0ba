"""Frames of a video that goes on: decoded as they come, made RGB only where somebody looks at one."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gateway.errors import UnreadableVideoError
from gateway.video.colour import Colour, ToRgb, colour_of
from gateway.video.facts import Limits
from gateway.video.orientation import Orientation, orientation_of

if TYPE_CHECKING:
    from av import Packet, VideoFrame, VideoStream
    from av.container import InputContainer

# A stream whose packets cannot be decoded for so long is broken, not damaged.
MOST_FAILURES = 300


@dataclass(frozen=True, slots=True)
class _Look:
    """How frames of one size and kind become RGB; one at a time, for the converter is no two threads'."""

    colour: Colour
    orientation: Orientation
    to_rgb: ToRgb
    lock: threading.Lock

    @classmethod
    def of(cls, frame: "VideoFrame") -> "_Look":
        colour = colour_of(frame)
        return cls(colour, orientation_of(frame), ToRgb(colour, frame.width, frame.height), threading.Lock())


class Shot:
    """One frame. `seconds` on the video's own clock, None where it has none."""

    def __init__(self, frame: "VideoFrame", look: _Look) -> None:
        self.seconds = frame.time
        self._frame, self._look = frame, look
        self._pixels: NDArray[np.uint8] | None = None

    def pixels(self) -> NDArray[np.uint8]:
        """UINT8 RGB [h, w, 3], upright, made once whoever asks. Raises UnreadableVideoError."""
        import av

        with self._look.lock:
            if self._pixels is None:
                try:
                    self._pixels = self._look.orientation.upright(self._look.to_rgb(self._frame))
                except av.FFmpegError as error:
                    raise UnreadableVideoError(
                        "the video's colours cannot be converted", private=repr(error)
                    ) from error
            return self._pixels


class Shots:
    """The frames of an open stream, in order, until it ends. `skipped` packets could not be decoded."""

    def __init__(self, container: "InputContainer", stream: "VideoStream", limits: Limits) -> None:
        self._container, self._stream, self._limits = container, stream, limits
        self._look: _Look | None = None
        self._size = (0, 0)
        self.skipped = 0

    def __iter__(self) -> Iterator[Shot]:
        """Raises UnreadableVideoError, TooManyPixelsError, and av.FFmpegError where the stream breaks off."""
        failures = 0
        for packet in self._container.demux(self._stream):
            frames = self._decoded(packet)
            failures = 0 if frames else failures + bool(packet.size)
            if failures > MOST_FAILURES:
                raise UnreadableVideoError("nothing of the video can be decoded: its packets are broken")
            yield from (self._shot(frame) for frame in frames)

    def _decoded(self, packet: "Packet[VideoStream]") -> "list[VideoFrame]":
        import av

        try:
            return list(self._stream.decode(packet))
        except av.FFmpegError:
            self.skipped += 1
            return []

    def _shot(self, frame: "VideoFrame") -> Shot:
        """Streams may change their size; a converter is made for each."""
        if self._look is None or self._size != (frame.width, frame.height):
            self._limits.check_pixels(frame.width, frame.height)
            self._size, self._look = (frame.width, frame.height), _Look.of(frame)
        return Shot(frame, self._look)
