"""A video file as PyAV opens it: the container, its one stream that is shown, and what they say of themselves."""

import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import NoVideoStreamError, PictureNotVideoError, SoundOnlyError, UnreadableVideoError
from gateway.video.colour import Colour
from gateway.video.containers import OPTIONS, address, picture_kind, refusal
from gateway.video.facts import Facts, Sound
from gateway.video.orientation import Orientation

if TYPE_CHECKING:
    from av import AudioCodecContext, AudioStream, CodecContext, VideoFrame, VideoStream
    from av.container import InputContainer
    from av.stream import Stream

MICROSECOND = Fraction(1, 1_000_000)
USUAL_RATE = Fraction(25)
FASTEST_GUESS = 240
# A picture's size in the middle of a stream is not known before it is decoded; frames need some room around.
ROOM = 2
# Matroska's statistics of a stream, in a tag: hours:minutes:seconds.
DURATION_TAG = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")


def open_container(path: Path) -> "InputContainer":
    """Raises NotVideoError, PictureNotVideoError, TruncatedVideoError or UnreadableVideoError."""
    import av

    kind = picture_kind(path)
    if kind not in {None, "JPEG"}:  # a stream of JPEGs begins as one does
        raise PictureNotVideoError(f"this is a picture ({kind}), not a video")
    try:
        return demuxer(path)
    except av.FFmpegError as error:
        raise refusal(path, error) from error


def demuxer(path: Path) -> "InputContainer":
    """Raises av.FFmpegError."""
    import av

    return av.open(address(path), "r", container_options=OPTIONS, metadata_errors="replace")


def video_stream(container: "InputContainer") -> "VideoStream":
    """The stream that is shown, never a song's cover. Raises NoVideoStreamError, SoundOnlyError or
    UnreadableVideoError.
    """
    from av.stream import Disposition

    shown = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not len(container.streams):
        raise UnreadableVideoError("the video's header cannot be read: it names no stream")
    if not shown:
        codecs = ", ".join(sorted({codec_of(stream) for stream in container.streams.audio}))
        if codecs:
            raise SoundOnlyError(f"this file holds only sound ({codecs}), no video")
        raise NoVideoStreamError(f"this file ({container.format.name}) has no video stream")
    best = container.streams.best("video")
    stream = next((stream for stream in shown if stream is best), shown[0])
    if codec_of(stream) == "":
        raise UnreadableVideoError("the video is in a codec that cannot be read")
    return stream


def prepare(container: "InputContainer", stream: "VideoStream", threads: int, max_pixels: int) -> None:
    """Bounds what decoding takes, and leaves all other streams aside."""
    from av.stream import Discard

    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    stream.codec_context.thread_count = threads
    stream.codec_context.options = {"max_pixels": str(ROOM * max_pixels)}


def facts_of(
    container: "InputContainer", stream: "VideoStream", first: "VideoFrame", orientation: Orientation, colour: Colour
) -> Facts:
    width, height = orientation.size(first.width, first.height)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    time_base = stream.time_base or MICROSECOND
    own_s = _own_duration(container, stream, time_base)
    all_s = container.duration * MICROSECOND if container.duration else None
    return Facts(
        container=container.format.name,
        codec=codec_of(stream),
        pixel_format=first.format.name,
        width=width,
        height=height,
        pixel_aspect=1 / aspect if orientation.transposed else aspect,
        rotation=orientation.rotation,
        mirrored=orientation.mirrored,
        interlaced=first.interlaced_frame,
        rate=_rate(stream),
        time_base=time_base,
        start_s=start_of(container),
        duration_s=own_s or all_s,
        duration_is_its_own=own_s is not None or not container.streams.audio,
        frames=stream.frames or None,
        colour=colour,
        sounds=tuple(_sound(sound) for sound in container.streams.audio),
    )


def start_of(container: "InputContainer") -> Fraction:
    """The earliest time of pictures and sound in seconds on the file's own clock, exact unlike the container's."""
    starts = [
        stream.start_time * stream.time_base
        for stream in (*container.streams.video, *container.streams.audio)
        if stream.start_time is not None and stream.time_base is not None
    ]
    return min(starts, default=Fraction(0))


def _own_duration(container: "InputContainer", stream: "VideoStream", time_base: Fraction) -> Fraction | None:
    """From the file's start to the end of the last frame."""
    if stream.duration:
        return (stream.start_time or 0) * time_base - start_of(container) + stream.duration * time_base
    tag = DURATION_TAG.match(stream.metadata.get("DURATION", ""))
    if tag is None:
        return None
    hours, minutes, seconds = tag.groups()
    return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)


def _rate(stream: "VideoStream") -> Fraction | None:
    """The average; a guess where it is no more than a container's clock."""
    guessed = stream.guessed_rate
    return stream.average_rate or (guessed if guessed and guessed <= FASTEST_GUESS else None)


def _sound(stream: "AudioStream") -> Sound:
    context: AudioCodecContext | None = stream.codec_context  # None without a decoder
    channels, rate = (context.channels, context.sample_rate) if context is not None else (0, 0)
    return Sound(codec_of(stream) or "unknown", channels, rate, language_of(stream))


def language_of(stream: "Stream") -> str | None:
    """As ISO 639-2 has it; None where the file says that it does not know."""
    return stream.language if stream.language not in {None, "und"} else None


def codec_of(stream: "Stream") -> str:
    """The codec's name, empty where FFmpeg has no decoder for it."""
    context: CodecContext | None = stream.codec_context
    return context.codec.canonical_name if context is not None else ""
