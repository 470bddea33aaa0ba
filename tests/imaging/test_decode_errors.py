from __future__ import annotations

import struct
import time

import pytest
from PIL import Image

from imaging import errors
from imaging.decode import decode
from imaging.errors import ImageError
from tests.imaging import pictures


def test_nothing_is_said_to_be_empty() -> None:
    with pytest.raises(errors.EmptyInputError, match="empty"):
        decode(b"")


@pytest.mark.parametrize("data", [b"x", b"hello, world", b"\0" * 100, b"\xff\xd8", b"RIFF1234WAVE"])
def test_other_bytes_are_said_to_be_no_image(data: bytes) -> None:
    with pytest.raises(errors.NotAnImageError, match="not an image"):
        decode(data)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%PDF-1.7", "PDF"),
        (b"  <svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"8BPS\0\1", "PSD"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    ],
)
def test_known_formats_that_are_not_read_are_named(data: bytes, name: str) -> None:
    with pytest.raises(errors.UnsupportedTypeError, match=name):
        decode(data)


@pytest.mark.parametrize("kind", pictures.FORMATS)
def test_half_a_file_is_refused(kind: str) -> None:
    data = pictures.sample(kind)
    with pytest.raises((errors.TruncatedError, errors.CorruptError), match=kind):
        decode(data[: len(data) // 2])


@pytest.mark.parametrize("kept", [0.6, 0.9])
@pytest.mark.parametrize("kind", pictures.FORMATS)
def test_a_file_without_its_end_is_said_to_be_truncated(kind: str, kept: float) -> None:
    options: dict[str, object] = {"compression": "raw"} if kind == "TIFF" else {}
    data = pictures.encoded(pictures.image(), kind, options)
    with pytest.raises(errors.TruncatedError, match="truncated"):
        decode(data[: int(len(data) * kept)])


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "HEIF"])
def test_a_whole_file_that_is_spoilt_inside_is_said_to_be_damaged(kind: str) -> None:
    data = pictures.sample(kind)
    with pytest.raises(errors.CorruptError):
        decode(data[:40] + bytes(len(data) - 40))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_rubbish_after_a_sound_start_is_damage(kind: str) -> None:
    data = pictures.sample(kind)
    with pytest.raises(ImageError):
        decode(data[:40] + bytes(range(256)) * 4)


def test_too_many_pixels_are_refused_before_decoding() -> None:
    with pytest.raises(errors.TooManyPixelsError, match="8000 x 7000, at most 50000000"):
        decode(pictures.png_that_claims(8000, 7000))


def test_a_decompression_bomb_is_refused() -> None:
    with pytest.raises(errors.TooManyPixelsError, match="too many pixels"):
        decode(pictures.png_that_claims(200_000, 200_000))


@pytest.mark.parametrize("kind", pictures.FORMATS)
def test_the_limit_on_pixels_holds_for_every_format(kind: str) -> None:
    decode(pictures.sample(kind), max_pixels=pictures.WIDTH * pictures.HEIGHT)
    with pytest.raises(errors.TooManyPixelsError, match="64 x 48"):
        decode(pictures.sample(kind), max_pixels=pictures.WIDTH * pictures.HEIGHT - 1)


@pytest.mark.parametrize("size", [(65_536, 1), (1, 65_536), (700_000, 70)])
def test_a_picture_like_a_thread_is_refused_before_decoding(size: tuple[int, int]) -> None:
    with pytest.raises(errors.TooLongError, match=f"too long: {size[0]} x {size[1]}, at most 65535 pixels a side"):
        decode(pictures.png_that_claims(*size))


@pytest.mark.parametrize("size", [(65_535, 1), (2, 65_535)])
def test_the_longest_picture_is_read(size: tuple[int, int]) -> None:
    assert decode(pictures.encoded(Image.new("RGB", size), "PNG")).pixels.shape == (size[1], size[0], 3)


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (0, 0)])
def test_zero_size_is_named(width: int, height: int) -> None:
    with pytest.raises(errors.ZeroSizeError, match="zero size"):
        decode(pictures.png_that_claims(width, height))


@pytest.mark.parametrize(("kind", "at", "length"), [("GIF", 6, 4), ("BMP", 18, 8)])
def test_zero_size_is_named_in_other_formats(kind: str, at: int, length: int) -> None:
    data = bytearray(pictures.sample(kind))
    data[at : at + length] = bytes(length)
    with pytest.raises(errors.ZeroSizeError):
        decode(bytes(data))


def test_zero_size_is_named_in_a_jpeg() -> None:
    data = bytearray(pictures.sample("JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 7] = b"\0\0"
    with pytest.raises(errors.ZeroSizeError):
        decode(bytes(data))


def test_a_tiff_of_giant_tiles_is_refused() -> None:
    tags = {256: 64, 257: 48, 258: 8, 259: 1, 262: 1, 277: 1, 322: 60_000, 323: 60_000, 324: 8, 325: 64}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    data = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    with pytest.raises(errors.TooManyPixelsError):
        decode(data)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    data = pictures.encoded(pictures.image(), "JPEG", {"progressive": True})
    scan = data.rindex(b"\xff\xda")
    with pytest.raises(errors.CorruptError):
        decode(data[:-2] + data[scan:-2] * 200 + b"\xff\xd9")


def test_what_an_endless_jpeg_hides_behind_false_lengths_is_found() -> None:
    """Where a restart was due, libjpeg takes a marker below C0 for noise and looks on right behind it."""
    data = pictures.encoded(pictures.image(), "JPEG", {"progressive": True})
    scan = data.rindex(b"\xff\xda")
    with pytest.raises(errors.CorruptError):
        decode(data[:-2] + b"\xff\x02\xff\xf0" + data[scan:-2] * 200 + b"\xff\xd9")


def test_a_jpeg_of_endless_markers_is_refused_at_once() -> None:
    data = pictures.sample("JPEG")
    tail = b"\xff\xfe\x00\x02" * 2_000_000 + b"\xff\xda" * 200
    start = time.process_time()
    with pytest.raises(errors.CorruptError):
        decode(data[:-2] + tail)
    assert time.process_time() - start < 1


@pytest.mark.parametrize("kind", pictures.FORMATS)
def test_a_machine_without_memory_is_not_blamed_on_the_file(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    data = pictures.sample(kind)
    monkeypatch.setattr(Image.Image, "load", full)
    monkeypatch.setattr("imaging.jpeg.decode", full)
    with pytest.raises(MemoryError):
        decode(data)


def test_every_error_is_an_image_error() -> None:
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    assert len(found) > 7
    assert all(issubclass(error, ImageError) for error in found)
