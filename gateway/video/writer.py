"""RGB frames to an MP4 that browsers play: H.264 in BT.709, the source's own times, the source's sound."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

import numpy as np
from numpy.typing import NDArray

from gateway.errors import VideoNotWrittenError
from gateway.video.containers import address
from gateway.video.encoding import Encoding, Shape, choose, configure
from gateway.video.facts import Facts
from gateway.video.soundtrack import Soundtrack, Track
from gateway.video.source import USUAL_RATE

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.container import OutputContainer

Progress = Callable[[int, int | None], None]
# MP4 counts a track's ticks in 32 bits per second; finer clocks than this are no frame's.
MUXER = {"movflags": "+faststart", "movie_timescale": "90000"}
FINEST_TICKS = 1_000_000
USUAL_TICK = Fraction(1, 90_000)


@dataclass(frozen=True, slots=True)
class Written:
    """`width` and `height` are even: an odd frame has its last column or row twice. `skipped_sound` counts packets."""

    frames: int
    width: int
    height: int
    encoder: str
    tracks: tuple[Track, ...]
    skipped_sound: int


class VideoWriter:
    """A file that has its name once it is whole. Whatever ends the `with` early leaves no file at all.

    `facts` are those of the source, whose clock and shape of pixels the result keeps; `sound` is the source itself;
    `progress` is told the frames written, and of how many if the source states it.
    """

    def __init__(
        self,
        target: Path,
        facts: Facts,
        encoding: Encoding,
        sound: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._target, self._part = target, target.with_name(f".{target.name}.part")
        self._facts, self._encoding = facts, encoding
        self._sound, self._progress = sound, progress
        self._frames = 0
        self._file: _File | None = None
        self.written: Written | None = None

    def __enter__(self) -> Self:
        return self

    def write(self, pixels: NDArray[np.uint8], time: Fraction, duration: Fraction) -> None:
        """Adds UINT8 RGB [h, w, 3], all of one size, shown from `time` (seconds, later than the last) for `duration`.

        Raises NoEncoderError or VideoNotWrittenError.
        """
        import av

        try:
            if self._file is None:
                self._file = _File(self._part, pixels, self._facts, self._encoding, self._sound)
            self._file.add(pixels, time, duration)
        except (av.FFmpegError, OSError) as error:
            raise VideoNotWrittenError.of("the video cannot be written", error) from error
        self._frames += 1
        if self._progress is not None:
            self._progress(self._frames, self._facts.frames)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            if self._file is not None:
                self._file.close()
            self._part.unlink(missing_ok=True)

    def _finish(self) -> None:
        import av

        if self._file is None:
            raise ValueError("a video needs at least one frame")
        try:
            self._file.finish()
            self._part.replace(self._target)
        except (av.FFmpegError, OSError) as error:
            raise VideoNotWrittenError.of("the video cannot be finished", error) from error
        self.written = self._file.written(self._frames)


class _File:
    """The file while it grows."""

    def __init__(
        self, path: Path, first: NDArray[np.uint8], facts: Facts, encoding: Encoding, sound: Path | None
    ) -> None:
        import av
        from av.video.reformatter import VideoReformatter

        self._path, self._size = path, first.shape
        self._shape = _shape(first, facts)
        self._encoder = choose(encoding, self._shape)
        self._reformatter = VideoReformatter()
        self._last_pts = -1
        self._container: OutputContainer = av.open(address(path), "w", format="mp4", container_options=MUXER)
        self._closed = False
        try:
            self._stream: VideoStream = self._video(encoding)
            self._sound = Soundtrack(sound, self._container) if sound else None
        except BaseException:
            self.close()
            raise

    def add(self, pixels: NDArray[np.uint8], time: Fraction, duration: Fraction) -> None:
        if pixels.dtype != np.uint8 or pixels.shape != self._size:
            raise ValueError(f"a frame is uint8 {self._size}, not {pixels.dtype} {pixels.shape}")
        if self._sound is not None:
            self._sound.until(time)
        self._container.mux(self._stream.encode(self._frame(pixels, time, duration)))

    def finish(self) -> None:
        """Writes what encoders hold, the rest of the sound and the index."""
        self._container.mux(self._stream.encode(None))
        if self._sound is not None:
            self._sound.finish()
        self._close_container()
        with self._path.open("rb") as file:
            os.fsync(file.fileno())

    def close(self) -> None:
        """Gives everything back, finished or not."""
        import av

        if (sound := getattr(self, "_sound", None)) is not None:
            sound.close()
        with suppress(av.FFmpegError, OSError):  # what is thrown away need not be whole
            self._close_container()

    def written(self, frames: int) -> Written:
        tracks, skipped = (self._sound.tracks, self._sound.skipped) if self._sound else ((), 0)
        return Written(frames, self._shape.width, self._shape.height, self._encoder, tracks, skipped)

    def _close_container(self) -> None:
        if not self._closed:
            self._closed = True
            self._container.close()

    def _video(self, encoding: Encoding) -> "VideoStream":
        stream = cast("VideoStream", self._container.add_stream(self._encoder, rate=self._shape.rate))
        configure(stream.codec_context, self._encoder, encoding, self._shape)
        return stream

    def _frame(self, pixels: NDArray[np.uint8], time: Fraction, duration: Fraction) -> "VideoFrame":
        from av import VideoFrame
        from av.video.reformatter import ColorRange, Colorspace

        down, right = self._shape.height - pixels.shape[0], self._shape.width - pixels.shape[1]
        if down or right:
            pixels = np.pad(pixels, ((0, down), (0, right), (0, 0)), mode="edge")
        frame = self._reformatter.reformat(
            VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24"),
            format=self._stream.codec_context.pix_fmt,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        frame.color_primaries = frame.color_trc = 1
        frame.time_base = self._shape.time_base
        frame.pts = self._last_pts = max(self._ticks(time), self._last_pts + 1)
        frame.duration = max(1, self._ticks(duration))
        return frame

    def _ticks(self, seconds: Fraction) -> int:
        return floor(seconds / self._shape.time_base + Fraction(1, 2))


def _shape(first: NDArray[np.uint8], facts: Facts) -> Shape:
    height, width = first.shape[:2]
    tick = facts.time_base
    return Shape(
        width=width + width % 2,
        height=height + height % 2,
        pixel_aspect=facts.pixel_aspect,
        time_base=tick if tick.numerator == 1 and tick.denominator <= FINEST_TICKS else USUAL_TICK,
        rate=facts.rate or USUAL_RATE,
    )
