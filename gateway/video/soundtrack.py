"""A source's sound on its way into an MP4: packets as they are where MP4 takes their codec, else AAC."""

from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from gateway.video import source
from gateway.video.containers import OPTIONS, address

if TYPE_CHECKING:
    from av import AudioStream, Packet
    from av.container import InputContainer, OutputContainer

# What MP4 takes and browsers or players read from it.
COPIED = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"})
STEREO = "stereo"
LAYOUTS = {1: "mono", 2: STEREO, 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 8: "7.1"}
HIGHEST_SAMPLE_RATE = 48_000


@dataclass(frozen=True, slots=True)
class Track:
    """One audio stream of a result: the codec that it had, and what became of it."""

    codec: str
    fate: Literal["copied", "aac", "dropped"]


class Soundtrack:
    """All audio streams of a file, handed over up to a time, in step with the pictures."""

    def __init__(self, path: Path, target: "OutputContainer") -> None:
        """Adds the streams to `target`, which must not have begun. Raises av.FFmpegError if `path` cannot be opened."""
        import av
        from av.stream import Discard

        self._container: InputContainer = av.open(address(path), "r", container_options=OPTIONS)
        self._origin = source.start_of(self._container)
        self._ways: dict[int, _Copy | _Transcode] = {}
        self.tracks = tuple(self._add(stream, target) for stream in self._container.streams.audio)
        for stream in self._container.streams:
            if stream.index not in self._ways:
                stream.discard = Discard.all
        self._packets = self._read()
        self._waiting: Packet[AudioStream] | None = None

    def until(self, time: Fraction) -> None:
        """Hands over all that comes before `time`, in seconds from the file's start."""
        while (packet := self._waiting or next(self._packets, None)) is not None:
            stamp = packet.dts if packet.dts is not None else packet.pts
            if stamp is not None and stamp * packet.time_base - self._origin >= time:
                self._waiting = packet
                return
            self._waiting = None
            self._ways[packet.stream_index].take(packet)

    def finish(self) -> None:
        """Hands over all the rest."""
        if self._waiting is not None:
            self._ways[self._waiting.stream_index].take(self._waiting)
            self._waiting = None
        for packet in self._packets:
            self._ways[packet.stream_index].take(packet)
        for way in self._ways.values():
            way.finish()

    def close(self) -> None:
        self._packets.close()
        self._container.close()

    def _read(self) -> Generator["Packet[AudioStream]"]:
        import av

        if not self._ways:
            return
        try:
            for packet in self._container.demux(*(way.stream for way in self._ways.values())):
                if packet.size:
                    yield cast("Packet[AudioStream]", packet)
        except av.FFmpegError:  # broken from here on; what was read stays
            return

    def _add(self, stream: "AudioStream", target: "OutputContainer") -> Track:
        codec = source.codec_of(stream) or "unknown"
        if codec in COPIED:
            self._ways[stream.index] = _Copy(stream, target, self._origin)
            return Track(codec, "copied")
        if codec == "unknown" or not stream.codec_context.sample_rate:
            return Track(codec, "dropped")
        self._ways[stream.index] = _Transcode(stream, target, self._origin)
        return Track(codec, "aac")


class _Copy:
    """Packets unchanged but for the origin of their times."""

    def __init__(self, stream: "AudioStream", target: "OutputContainer", origin: Fraction) -> None:
        self.stream = stream
        self._target, self._origin = target, origin
        self._out = target.add_stream_from_template(stream)
        _keep_language(stream, self._out)
        self._last: int | None = None

    def take(self, packet: "Packet[AudioStream]") -> None:
        if packet.pts is None and packet.dts is None:
            return
        shift = _ticks(self._origin, packet.time_base)
        packet.dts = (packet.pts if packet.dts is None else packet.dts) - shift  # type: ignore[operator]
        packet.pts = packet.dts if packet.pts is None else packet.pts - shift
        if self._last is not None and packet.dts <= self._last:  # MP4 has no way back in time
            return
        self._last = packet.dts
        packet.stream = self._out
        self._target.mux(packet)

    def finish(self) -> None:
        pass


class _Transcode:
    """Decoded and encoded again as AAC; packets that cannot be decoded are left out."""

    def __init__(self, stream: "AudioStream", target: "OutputContainer", origin: Fraction) -> None:
        context = stream.codec_context
        self.stream = stream
        self._target, self._origin = target, origin
        rate, layout = _aac(context.sample_rate, context.layout.name, context.channels)
        self._out = target.add_stream("aac", rate=rate)
        self._out.layout = layout
        _keep_language(stream, self._out)

    def take(self, packet: "Packet[AudioStream]") -> None:
        import av

        try:
            frames = packet.decode()
        except av.FFmpegError:
            return
        for frame in frames:
            if frame.pts is not None and frame.time_base is not None:
                frame.pts -= _ticks(self._origin, frame.time_base)
            self._target.mux(self._out.encode(frame))

    def finish(self) -> None:
        self._target.mux(self._out.encode(None))


def _aac(sample_rate: int, layout: str, channels: int) -> tuple[int, str]:
    """The nearest rate and layout that FFmpeg's AAC encoder takes, for a layout without a name by its channels."""
    import av

    rates = av.Codec("aac", "w").audio_rates or [HIGHEST_SAMPLE_RATE]
    rate = min((rate for rate in rates if rate >= sample_rate), default=HIGHEST_SAMPLE_RATE)
    for name in (layout, LAYOUTS.get(channels, STEREO)):
        context = av.AudioCodecContext.create("aac", "w")
        try:
            context.sample_rate, context.layout, context.format = rate, name, "fltp"
            context.open()
        except (av.FFmpegError, ValueError):
            continue
        return rate, name
    return rate, STEREO


def _ticks(seconds: Fraction, time_base: Fraction) -> int:
    return round(seconds / time_base)


def _keep_language(stream: "AudioStream", out: "AudioStream") -> None:
    if (language := source.language_of(stream)) is not None:
        out.metadata["language"] = language
