"""What a video says of itself, and what it may be."""

from dataclasses import dataclass
from fractions import Fraction

from gateway.errors import TooManyFramesError, TooManyPixelsError, UnreadableVideoError, VideoTooLongError
from gateway.settings import Settings
from gateway.video.colour import Colour


@dataclass(frozen=True, slots=True)
class Sound:
    """An audio stream."""

    codec: str
    channels: int
    sample_rate: int
    language: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """`width` and `height` are those of the upright frames, in pixels of shape `pixel_aspect` (width / height).

    `rate` is the average in frames per second; `duration_s` and `frames` are what the file states, None where it does
    not; without `duration_is_its_own` the duration is the whole file's, whose sound may last longer.
    `rotation` (degrees clockwise) and `mirrored` are already undone in the frames. Interlaced frames stay interlaced.
    """

    container: str
    codec: str
    pixel_format: str
    width: int
    height: int
    pixel_aspect: Fraction
    rotation: int
    mirrored: bool
    interlaced: bool
    rate: Fraction | None
    time_base: Fraction
    start_s: Fraction
    duration_s: Fraction | None
    duration_is_its_own: bool
    frames: int | None
    colour: Colour
    sounds: tuple[Sound, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a video may have at most."""

    size_bytes: int
    seconds: float
    pixels: int
    frames_per_second: float

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(
            settings.max_video_bytes,
            settings.max_video_seconds,
            settings.max_video_pixels,
            settings.max_video_frames_per_second,
        )

    def check_pixels(self, width: int, height: int) -> None:
        """Raises UnreadableVideoError or TooManyPixelsError."""
        if width < 1 or height < 1:
            raise UnreadableVideoError(f"the video has no pixels: its size is {width} x {height}")
        if width * height > self.pixels:
            raise TooManyPixelsError(f"the video has {width} x {height} pixels, more than {self.pixels}")

    def check_seconds(self, seconds: Fraction | None) -> None:
        """Raises VideoTooLongError."""
        if seconds is not None and seconds > self.seconds:
            raise VideoTooLongError(f"the video lasts {float(seconds):.1f} s, longer than {self.seconds:g} s")

    def check_rate(self, rate: Fraction | None) -> None:
        """Raises TooManyFramesError."""
        if rate is not None and rate > self.frames_per_second:
            raise TooManyFramesError(
                f"the video has {float(rate):.2f} frames per second, more than {self.frames_per_second:g}"
            )
