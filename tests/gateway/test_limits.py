import io
import struct
import warnings
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pillow_heif import from_pillow

from gateway.errors import GatewayError, TooManyPixelsError, UnreadablePictureError, UnsupportedTypeError
from gateway.limits import SNIFF_BYTES, examine, sniff
from tests.gateway.fakes import picture

MANY = 50_000_000


def heic() -> bytes:
    buffer = io.BytesIO()
    from_pillow(Image.new("RGB", (64, 48), "red")).save(buffer)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixel."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    end = b"IDAT"
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", len(chunk) - 4)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I", 0)
        + end
        + struct.pack(">I", zlib.crc32(end))
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF"])
def test_each_format_is_known_by_its_bytes_and_measured_by_its_header(kind: str) -> None:
    found = examine(picture(64, 48, kind), MANY)
    assert (found.kind, found.width, found.height) == (kind, 64, 48)


def test_heic_is_known_and_measured() -> None:
    found = examine(heic(), MANY)
    assert (found.kind, found.width, found.height) == ("HEIF", 64, 48)


@pytest.mark.parametrize(
    "data",
    [
        b"<html><body>404</body></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7\n",
        b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom",
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
        b"8BPS\x00\x01",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"\x00" * 64,
    ],
)
def test_other_files_are_refused_whatever_they_are_called(data: bytes) -> None:
    with pytest.raises(UnsupportedTypeError):
        examine(data, MANY)


def test_an_empty_picture_is_refused() -> None:
    with pytest.raises(UnreadablePictureError, match="empty"):
        examine(b"", MANY)


@pytest.mark.parametrize(("limit", "fits"), [(64 * 48, True), (64 * 48 - 1, False)])
def test_the_limit_on_pixels_is_exact(limit: int, fits: bool) -> None:  # noqa: FBT001 - a test's parameter
    if fits:
        assert examine(picture(64, 48), limit).width == 64
        return
    with pytest.raises(TooManyPixelsError, match="64 x 48"):
        examine(picture(64, 48), limit)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # as the gateway's program does
@pytest.mark.parametrize(("width", "height"), [(10_001, 10_000), (20_000, 20_000), (2**31 - 1, 2**31 - 1)])
def test_a_decompression_bomb_is_refused_by_its_header(width: int, height: int) -> None:
    with pytest.raises(TooManyPixelsError, match=r"more than \d+"):
        examine(png_header(width, height), MANY)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("width", "height"), [(10_000, 10_000), (13_377, 13_377)])
def test_no_limit_but_the_gateways_own_counts(width: int, height: int) -> None:
    assert examine(png_header(width, height), width * height).width == width


def test_a_picture_without_pixels_is_refused() -> None:
    with pytest.raises(UnreadablePictureError):
        examine(png_header(0, 10), MANY)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "HEIF"])
def test_a_truncated_header_is_refused_as_unreadable(kind: str) -> None:
    data = heic() if kind == "HEIF" else picture(64, 48, kind)
    with pytest.raises((UnreadablePictureError, UnsupportedTypeError)):
        examine(data[:13], MANY)


@given(st.binary(max_size=200))
def test_random_bytes_only_ever_raise_our_error(data: bytes) -> None:
    with pytest.raises(GatewayError):
        examine(b"\xff\xd8\xff" + data, 0)


@given(
    st.sampled_from(
        [picture(16, 16, kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF")] + [heic()]
    ),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8),
)
def test_mutated_pictures_pass_or_raise_our_error(data: bytes, changes: list[tuple[int, int]]) -> None:
    mutated = bytearray(data)
    for place, value in changes:
        mutated[place % len(mutated)] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = examine(bytes(mutated), MANY)
        except GatewayError:
            return
    assert 0 < found.width * found.height <= MANY


@given(st.binary(max_size=SNIFF_BYTES))
def test_sniffing_says_a_format_or_refuses(data: bytes) -> None:
    with suppress(UnsupportedTypeError):
        assert sniff(data).isupper()
