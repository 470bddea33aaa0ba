"""A source's sound on its way into an MP4: packets as they are where MP4 takes their codec, else AAC."""

from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from gateway.video import source

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream, Packet
    from av.container import InputContainer, OutputContainer

# What MP4 takes and browsers play. It takes AC-3 too, but one broken packet of it keeps the index from being written.
COPIED = frozenset({"aac", "mp3", "alac", "opus", "flac"})
# Bytes that MP4 wants of a codec's header, at least; without them its index could not be written at the very end.
HEADER_BYTES = {"opus": 19, "flac": 34, "alac": 24}
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
        from av.stream import Discard

        self._container: InputContainer = source.demuxer(path)
        self._origin = source.start_of(self._container)
        self._ways: dict[int, _Copy | _Transcode] = {}
        self.tracks = tuple(self._add(stream, target) for stream in self._container.streams.audio)
        for stream in self._container.streams:
            if stream.index not in self._ways:
                stream.discard = Discard.all
        self._packets = self._read()
        self._waiting: Packet[AudioStream] | None = None

    @property
    def skipped(self) -> int:
        """Packets that were left out."""
        return sum(way.lane.skipped for way in self._ways.values())

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
        except (av.FFmpegError, IndexError):  # broken from here on, or a stream that began late; what was read stays
            return

    def _add(self, stream: "AudioStream", target: "OutputContainer") -> Track:
        codec = source.codec_of(stream)
        if not codec or not stream.codec_context.sample_rate:
            return Track(codec or "unknown", "dropped")
        header = stream.codec_context.extradata or b""
        if codec in COPIED and len(header) >= HEADER_BYTES.get(codec, 0):
            self._ways[stream.index] = _Copy(stream, target, self._origin)
            return Track(codec, "copied")
        self._ways[stream.index] = _Transcode(stream, target, self._origin)
        return Track(codec, "aac")


class _Lane:
    """A stream of the target. What cannot be written is left out and counted, for sound must not cost the pictures."""

    def __init__(self, target: "OutputContainer", out: "AudioStream", language: str | None) -> None:
        self.out = out
        self.skipped = 0
        self._target = target
        self._last: int | None = None
        if language is not None:
            out.metadata["language"] = language

    def mux(self, packet: "Packet[AudioStream]") -> None:
        import av

        if packet.dts is None or (self._last is not None and packet.dts <= self._last):  # MP4 has no way back in time
            self.skipped += 1
            return
        self._last = packet.dts
        packet.stream = self.out
        try:
            self._target.mux(packet)
        except av.FFmpegError as error:
            if isinstance(error, OSError | MemoryError):  # the machine's fault, not the sound's
                raise
            self.skipped += 1


class _Copy:
    """Packets unchanged but for the origin of their times; those that cannot be decoded are left out."""

    def __init__(self, stream: "AudioStream", target: "OutputContainer", origin: Fraction) -> None:
        self.stream = stream
        self.lane = _Lane(target, target.add_stream_from_template(stream), source.language_of(stream))
        self._origin = origin

    def take(self, packet: "Packet[AudioStream]") -> None:
        import av

        try:
            packet.decode()
        except av.FFmpegError:
            self.lane.skipped += 1
            return
        shift = _ticks(self._origin, packet.time_base)
        stamps = [None if stamp is None else stamp - shift for stamp in (packet.pts, packet.dts)]
        packet.pts, packet.dts = stamps[0], stamps[0] if stamps[1] is None else stamps[1]
        self.lane.mux(packet)

    def finish(self) -> None:
        pass


class _Transcode:
    """Decoded and encoded again as AAC; packets that cannot be decoded are left out."""

    def __init__(self, stream: "AudioStream", target: "OutputContainer", origin: Fraction) -> None:
        context = stream.codec_context
        rate, layout = _aac(context.sample_rate, context.layout.name, context.channels)
        out = target.add_stream("aac", rate=rate)
        out.layout = layout
        self.stream = stream
        self.lane = _Lane(target, out, source.language_of(stream))
        self._origin = origin

    def take(self, packet: "Packet[AudioStream]") -> None:
        import av

        try:
            frames = packet.decode()
        except av.FFmpegError:
            self.lane.skipped += 1
            return
        for frame in frames:
            if frame.pts is not None and frame.time_base is not None:
                frame.pts -= _ticks(self._origin, frame.time_base)
            self._encode(frame)

    def finish(self) -> None:
        self._encode(None)

    def _encode(self, frame: "AudioFrame | None") -> None:
        import av

        try:
            packets = self.lane.out.encode(frame)
        except av.FFmpegError:  # as of samples that are no numbers
            self.lane.skipped += 1
            return
        for packet in packets:
            self.lane.mux(packet)


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
