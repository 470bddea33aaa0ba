"""Small videos made with PyAV, whose frames can be told apart after any codec."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from gateway.video.facts import Limits

Pixels = NDArray[np.uint8]
SIDE = 16
BITS = 9
WIDTH, HEIGHT = BITS * SIDE + 16, 96
LIMITS = Limits(size_bytes=100_000_000, seconds=600, pixels=10_000_000, frames_per_second=120)
SAMPLE_RATE = 48_000


def numbered(number: int, width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """A picture with a number in its first row of squares, red in its last column and blue in its last row."""
    picture = np.full((height, width, 3), 110, np.uint8)
    picture[:, -SIDE:] = (230, 20, 20)
    picture[-SIDE:] = (20, 20, 230)
    for bit in range(BITS):
        picture[:SIDE, bit * SIDE : (bit + 1) * SIDE] = 250 if number >> bit & 1 else 5
    return picture


def number_in(picture: Pixels) -> int:
    middle = SIDE // 2
    return sum(int(picture[middle, bit * SIDE + middle].mean() > 127) << bit for bit in range(BITS))


@dataclass(frozen=True)
class Clip:
    """How a video is written. `ticks` are the frames' times in `tick` seconds; without them every frame is one tick."""

    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    ticks: Sequence[int] | None = None
    tick: Fraction = Fraction(1, 30)
    options: Mapping[str, str] = field(default_factory=dict)
    muxer: Mapping[str, str] = field(default_factory=dict)
    turn: tuple[int, bool, bool] | None = None
    sound: str | None = None
    sound_seconds: float = 1.0
    aspect: Fraction | None = None
    language: str | None = None

    def write(self, path: Path, pictures: Sequence[Pixels]) -> Path:
        with av.open(str(path), "w", container_options=dict(self.muxer)) as container:
            stream = container.add_stream(self.codec, rate=1 / self.tick, options=dict(self.options))
            assert isinstance(stream, av.VideoStream)
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = self.pixel_format
            stream.codec_context.time_base = self.tick
            if self.aspect:
                stream.codec_context.sample_aspect_ratio = self.aspect
            if self.turn:
                stream.set_display_rotation(*self.turn)
            audio = container.add_stream(self.sound, rate=SAMPLE_RATE) if self.sound else None
            assert audio is None or isinstance(audio, av.AudioStream)
            if audio is not None and self.language:
                audio.metadata["language"] = self.language
            for index, picture in enumerate(pictures):
                container.mux(stream.encode(self._frame(index, picture)))
            container.mux(stream.encode(None))
            if audio is not None:
                self._hum(container, audio)
        return path

    def _frame(self, index: int, picture: Pixels) -> av.VideoFrame:
        frame = av.VideoFrame.from_ndarray(picture, "rgb24")
        frame.pts, frame.time_base = self.ticks[index] if self.ticks else index, self.tick
        return frame

    def _hum(self, container: av.container.OutputContainer, stream: av.AudioStream) -> None:
        samples = (np.sin(np.arange(int(self.sound_seconds * SAMPLE_RATE)) / 20) * 9000).astype(np.int16)
        for start in range(0, len(samples), 1024):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def packets(path: Path, kind: str) -> list[tuple[Fraction, bytes]]:
    """The times in seconds and the bytes of the first stream of a kind."""
    with av.open(str(path)) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        return [
            (Fraction(packet.pts or 0) * packet.time_base, bytes(packet))
            for packet in container.demux(stream)
            if packet.size
        ]


def places(path: Path) -> list[tuple[int, int]]:
    """Where in the file the packets of the video are: position and size."""
    with av.open(str(path)) as container:
        return [(packet.pos or 0, packet.size) for packet in container.demux(video=0) if packet.size]
