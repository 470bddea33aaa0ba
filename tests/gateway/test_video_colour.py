from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.errors import UnreadableVideoError
from gateway.video.colour import Colour
from gateway.video.facts import Facts
from gateway.video.reader import open_video
from tests.gateway.clips import LIMITS

BARS = [
    (255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255), (255, 0, 0), (0, 0, 255), (0, 0, 0),
    (180, 90, 30), (20, 60, 200), (128, 128, 128), (235, 16, 100),
]  # fmt: skip
BAR = 16
# ITU-T H.273: code of the matrix, weights of red and blue in luma.
MATRICES = {
    "bt709": (1, 0.2126, 0.0722),
    "bt601": (6, 0.299, 0.114),
    "bt601-625": (5, 0.299, 0.114),
    "smpte240m": (7, 0.212, 0.087),
    "bt2020": (9, 0.2627, 0.0593),
}
UNSPECIFIED, LIMITED, FULL = 2, 1, 2
PQ, HLG = 16, 18


def coded(rgb: Sequence[int], matrix: str, *, full: bool) -> tuple[float, float, float]:
    """Y, Cb, Cr in eight bits by BT.601's and BT.709's own formula."""
    _, red, blue = MATRICES[matrix]
    r, g, b = (part / 255 for part in rgb)
    luma = red * r + (1 - red - blue) * g + blue * b
    cb, cr = (b - luma) / (2 - 2 * blue), (r - luma) / (2 - 2 * red)
    return (255 * luma, 128 + 255 * cb, 128 + 255 * cr) if full else (16 + 219 * luma, 128 + 224 * cb, 128 + 224 * cr)


def planar(values: Sequence[Sequence[float]], kind: str, height: int) -> av.VideoFrame:
    """Vertical bars of these coded values, in 4:2:0."""
    frame = av.VideoFrame(BAR * len(values), height, kind)
    for index, plane in enumerate(frame.planes):
        bits = np.uint16 if "10" in kind else np.uint8
        row = np.repeat([round(value[index]) for value in values], plane.width // len(values)).clip(0, 1023)
        line = np.zeros(plane.line_size // np.dtype(bits).itemsize, bits)
        line[: plane.width] = row.clip(0, 255) if bits is np.uint8 else row
        plane.update(np.tile(line, plane.height).tobytes())
    return frame


def write(path: Path, frame: av.VideoFrame, matrix: int, span: int, transfer: int = 1, codec: str = "ffv1") -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"qp": "0"} if codec == "libx264" else {})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, frame.format.name
        context = stream.codec_context
        context.colorspace, context.color_range, context.color_trc = matrix, span, transfer
        frame.colorspace, frame.color_range, frame.color_trc = matrix, span, transfer
        for index in range(2):
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def bars(path: Path, count: int = len(BARS)) -> tuple[NDArray[np.uint8], Facts]:
    with open_video(path, LIMITS) as video:
        (frame, *_) = video.frames()
    return frame.pixels[frame.pixels.shape[0] // 2, BAR // 2 :: BAR][:count], video.facts


@pytest.mark.parametrize(
    ("matrix", "full", "name"),
    list(product(MATRICES, (False, True), ("bars.mkv", "bars.mp4"))),
)
def test_coded_bars_are_the_colours_that_were_coded(tmp_path: Path, matrix: str, full: bool, name: str) -> None:  # noqa: FBT001
    frame = planar([coded(bar, matrix, full=full) for bar in BARS], "yuv420p", 64)
    codec = "libx264" if name.endswith("mp4") else "ffv1"
    path = write(tmp_path / name, frame, MATRICES[matrix][0], FULL if full else LIMITED, codec=codec)
    found, facts = bars(path)
    assert np.abs(found.astype(int) - BARS).max() <= 2
    assert facts.colour == Colour(matrix.removesuffix("-625"), full, guessed=False, hdr=None)


@pytest.mark.parametrize(("height", "matrix"), [(576, "bt601"), (720, "bt709")])
def test_a_matrix_that_no_one_says_goes_by_the_size(tmp_path: Path, height: int, matrix: str) -> None:
    frame = planar([coded(bar, matrix, full=False) for bar in BARS], "yuv420p", height)
    found, facts = bars(write(tmp_path / "bars.mkv", frame, UNSPECIFIED, 0))
    assert np.abs(found.astype(int) - BARS).max() <= 2
    assert facts.colour == Colour(matrix, full_range=False, guessed=True, hdr=None)


def test_coded_rgb_stays_as_it_is(tmp_path: Path) -> None:
    picture = np.repeat(np.array([BARS], np.uint8), BAR, axis=1).repeat(64, axis=0)
    frame = av.VideoFrame.from_ndarray(picture, "rgb24")
    found, facts = bars(write(tmp_path / "bars.mov", frame, 0, FULL, codec="png"))
    assert found.tolist() == [list(bar) for bar in BARS]
    assert facts.colour.matrix == "rgb"


def test_colours_that_nobody_can_convert_are_refused(tmp_path: Path) -> None:
    frame = planar([(100, 128, 128)] * 4, "yuv420p", 64)
    with pytest.raises(UnreadableVideoError, match="matrix ictcp"):
        open_video(write(tmp_path / "bars.mkv", frame, 14, LIMITED), LIMITS)


# BT.2408: reference white is at 58 % of the PQ signal and at 75 % of HLG's; black is black.
@pytest.mark.parametrize(("transfer", "name", "white"), [(PQ, "pq", 573), (HLG, "hlg", 721)])
def test_hdr_is_said_and_its_white_is_white(tmp_path: Path, transfer: int, name: str, white: int) -> None:
    frame = planar([(level, 512, 512) for level in (64, white // 2, white, 940)], "yuv420p10le", 64)
    found, facts = bars(write(tmp_path / "bars.mkv", frame, 9, LIMITED, transfer), 4)
    assert facts.colour == Colour("bt2020", full_range=False, guessed=False, hdr=name)  # type: ignore[arg-type]
    assert np.ptp(found.astype(int), axis=1).max() <= 2
    black, middle, bright, brightest = found.mean(axis=1)
    assert black <= 2
    assert black < middle < bright <= brightest
    assert bright >= 235
