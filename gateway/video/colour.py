"""From a decoded frame's colours to RGB: matrix and range as the file says them, HDR brought to what screens show."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from gateway.errors import UnreadableVideoError

if TYPE_CHECKING:
    from av import VideoFrame

# ITU-T H.273's MatrixCoefficients and TransferCharacteristics. Those left out here have no conversion.
UNSPECIFIED = 2
MATRICES = {0: "rgb", 1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020"}
OTHER_MATRICES = {8: "ycgco", 10: "bt2020-constant", 13: "chroma-derived", 14: "ictcp", 15: "ipt-c2", 16: "ycgco-re"}
HDR: dict[int, Literal["pq", "hlg"]] = {16: "pq", 18: "hlg"}
FULL = 2
# Players take these for standard definition where a file does not say its matrix.
SD_WIDTH, SD_HEIGHT = 1280, 576


@dataclass(frozen=True, slots=True)
class Colour:
    """`matrix` and `full_range` of the coded frames; `guessed`: the file says no matrix, the size decided.

    `hdr` names a transfer function beyond BT.709's. Such frames come out in BT.709 with reference white at 255, and
    clipped where they are brighter.
    """

    matrix: str
    full_range: bool
    guessed: bool
    hdr: Literal["pq", "hlg"] | None


def colour_of(frame: "VideoFrame") -> Colour:
    """Raises UnreadableVideoError for colours that cannot be converted."""
    coded = int(frame.colorspace)
    is_rgb = frame.format.is_rgb
    guessed = coded == UNSPECIFIED and not is_rgb
    if is_rgb:
        matrix = "rgb"
    elif guessed:
        matrix = "bt601" if frame.width < SD_WIDTH and frame.height <= SD_HEIGHT else "bt709"
    elif coded in MATRICES:
        matrix = MATRICES[coded]
    else:
        name = OTHER_MATRICES.get(coded, str(coded))
        raise UnreadableVideoError(f"the video's colours cannot be converted: matrix {name}")
    full = is_rgb or int(frame.color_range) == FULL or frame.format.name.startswith("yuvj")
    return Colour(matrix, full, guessed, HDR.get(int(frame.color_trc)))


class ToRgb:
    """Makes all frames of one video UINT8 RGB [h, w, 3] of one size, within 2 levels of the exact values."""

    def __init__(self, colour: Colour, width: int, height: int) -> None:
        from av.video.reformatter import VideoReformatter

        self._colour = colour
        self._width, self._height = width, height
        # Kept: its tables are made once, for HDR in seconds.
        self._reformatter = VideoReformatter()

    def __call__(self, frame: "VideoFrame") -> NDArray[np.uint8]:
        """Raises av.FFmpegError."""
        from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc

        hdr = self._colour.hdr is not None
        source = Colorspace.ITU601 if self._colour.matrix == "bt601" else Colorspace.ITU709
        converted = self._reformatter.reformat(
            frame,
            width=self._width,
            height=self._height,
            format="rgb24",
            src_colorspace=source if self._colour.guessed else None,
            dst_color_trc=ColorTrc.BT709 if hdr else None,
            dst_color_primaries=ColorPrimaries.BT709 if hdr else None,
            threads=1,
        )
        return np.asarray(converted.to_ndarray(), np.uint8)
