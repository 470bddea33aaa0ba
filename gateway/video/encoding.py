"""Which encoder writes a video here, and how it is asked."""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from gateway.errors import NoEncoderError
from gateway.settings import Settings

if TYPE_CHECKING:
    from av import VideoCodecContext

YUV420 = ("yuv420p", "nv12")
# Small buffers: x264's own look-ahead holds 40 frames and more. At a `crf` of 25 this preset makes files as large and,
# within 0.3 dB, as good as "veryfast" at 23, in three fifths of the time.
X264 = {"preset": "superfast", "rc-lookahead": "10"}
BITS_PER_PIXEL = Fraction(1, 8)
HIGHEST_BIT_RATE = 50_000_000


@dataclass(frozen=True, slots=True)
class Encoding:
    """`encoders` by FFmpeg's names, the first that works is taken; `quality` 0 (best) to 51."""

    encoders: tuple[str, ...] = ("libx264",)
    quality: int = 25
    threads: int = 1

    @classmethod
    def of(cls, settings: Settings) -> "Encoding":
        return cls(tuple(settings.video_encoders.split(",")), settings.video_quality, settings.video_threads)


@dataclass(frozen=True, slots=True)
class Shape:
    """What is encoded: even sizes in pixels, seconds per tick, frames per second."""

    width: int
    height: int
    pixel_aspect: Fraction
    time_base: Fraction
    rate: Fraction


def choose(encoding: Encoding, shape: Shape) -> str:
    """The first encoder that opens for such a video. Raises NoEncoderError with each one's reason."""
    import av

    reasons = []
    for name in encoding.encoders:
        try:
            _open(name, encoding, shape)
        except (av.FFmpegError, ValueError) as error:  # noqa: PERF203 - a few
            reasons.append(f"{name}: {error}")
        else:
            return name
    names = ", ".join(encoding.encoders)
    raise NoEncoderError(f"no video encoder works here; tried: {names}", private="; ".join(reasons))


def _open(name: str, encoding: Encoding, shape: Shape) -> None:
    import av

    context = av.CodecContext.create(name, "w")
    if not isinstance(context, av.VideoCodecContext):
        raise ValueError("no video encoder")  # noqa: TRY004 - it is the name that is wrong
    configure(context, name, encoding, shape)
    context.open()


def configure(context: "VideoCodecContext", name: str, encoding: Encoding, shape: Shape) -> None:
    """Sets an encoder that is not yet open to BT.709 in 4:2:0."""
    from av.codec.context import Flags

    context.width, context.height = shape.width, shape.height
    context.pix_fmt = _pixel_format(context)
    context.time_base, context.framerate = shape.time_base, shape.rate
    context.sample_aspect_ratio = shape.pixel_aspect
    context.color_primaries = context.color_trc = context.colorspace = context.color_range = 1
    context.thread_count = encoding.threads
    # MP4 tells how long frames last in the order of decoding. Were that another one, the end would be lost.
    context.max_b_frames = 0
    context.flags |= Flags.frame_duration
    context.options = _options(name, encoding.quality)
    if not context.options:
        bits = shape.width * shape.height * shape.rate * BITS_PER_PIXEL
        context.bit_rate = min(int(bits), HIGHEST_BIT_RATE)


def _pixel_format(context: "VideoCodecContext") -> str:
    taken = [form.name for form in context.codec.video_formats or ()]
    return next((name for name in YUV420 if name in taken), YUV420[0])


def _options(name: str, quality: int) -> dict[str, str]:
    """Options for constant quality; empty for encoders that have none and get a bit rate."""
    if name == "libx264":
        return {**X264, "crf": str(quality)}
    if name == "h264_nvenc":
        return {"rc": "vbr", "cq": str(quality)}
    return {}
