from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from imaging.decode import decode
from imaging.jpeg import scale_for
from tests.imaging import pictures
from tests.imaging.comparison import assert_alike

LOSSLESS = {"PNG", "WEBP", "GIF", "TIFF", "BMP"}


@pytest.mark.parametrize("kind", pictures.FORMATS)
def test_every_format_comes_out_as_the_same_picture(kind: str) -> None:
    found = decode(pictures.sample(kind))
    assert (found.height, found.width, found.coverage) == (pictures.HEIGHT, pictures.WIDTH, None)
    assert_alike(found.pixels, pictures.blocks(), 0 if kind in LOSSLESS else 3, f"decode-{kind}")


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 2}, {"quality": 60, "optimize": True}])
def test_jpeg_variants_decode(options: dict[str, object]) -> None:
    found = decode(pictures.encoded(pictures.image(), "JPEG", options))
    assert_alike(found.pixels, pictures.blocks(), 8, "decode-jpeg-variant")


def test_jpeg_pixels_are_those_of_pillow() -> None:
    rng = np.random.default_rng(0)
    noisy = Image.fromarray(rng.integers(0, 256, (67, 93, 3), dtype=np.uint8))
    data = pictures.encoded(noisy, "JPEG", {"quality": 85, "subsampling": 2})
    assert_alike(decode(data).pixels, np.asarray(Image.open(io.BytesIO(data))), 0, "jpeg-as-pillow")


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_photo_with_a_video_behind_it_is_read(options: dict[str, object]) -> None:
    photo = pictures.encoded(pictures.image(), "JPEG", options)
    video = np.random.default_rng(0).integers(0, 256, 20_000_000, dtype=np.uint8).tobytes()
    assert (decode(photo + video).pixels == decode(photo).pixels).all()


def test_a_photo_with_scans_in_its_segments_is_read() -> None:
    photo = pictures.sample("JPEG")
    previews = (b"\xff\xeb\xff\xff" + b"\xff\xda" * 0x7FFE + b"\0") * 3
    assert (decode(photo[:2] + previews + photo[2:]).pixels == decode(photo).pixels).all()


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_without_a_profile_becomes_rgb(kind: str) -> None:
    found = decode(pictures.encoded(pictures.image().convert("CMYK"), kind))
    assert_alike(found.pixels, pictures.blocks(), 3, f"cmyk-{kind}")


def test_ycck_jpeg_decodes_like_its_cmyk_twin() -> None:
    plain = pictures.encoded(pictures.image().convert("CMYK"), "JPEG")
    adobe = plain.index(b"Adobe")
    ycck = plain[: adobe + 11] + b"\x02" + plain[adobe + 12 :]  # the transform flag: 0 CMYK, 2 YCCK
    expected = np.asarray(Image.open(io.BytesIO(ycck)).convert("RGB"))
    assert_alike(decode(ycck).pixels, expected, 0, "ycck")
    assert np.abs(expected.astype(int) - pictures.blocks()).mean() > 20, "the flag must matter"


@pytest.mark.parametrize("mode", ["L", "1", "LA", "P"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_bilevel_and_palette_pictures_become_rgb(mode: str, kind: str) -> None:
    picture = pictures.image().quantize(64) if mode == "P" else pictures.image().convert(mode)
    expected = np.asarray(picture.convert("RGBA").convert("RGB"))
    assert_alike(decode(pictures.encoded(picture, kind)).pixels, expected, 0, f"{mode}-{kind}")


def test_grey_jpeg_becomes_rgb() -> None:
    found = decode(pictures.encoded(pictures.image().convert("L"), "JPEG")).pixels
    assert (found[..., 0] == found[..., 2]).all()
    assert_alike(found[..., 0], np.asarray(pictures.image().convert("L")), 1, "grey-jpeg")


@pytest.mark.parametrize("extension", [".png", ".tiff"])
def test_sixteen_bits_are_scaled_and_not_clipped(extension: str) -> None:
    colour = pictures.blocks().astype(np.uint16) * 257
    grey = np.linspace(0, 65535, 48 * 64, dtype=np.uint16).reshape(48, 64)
    assert_alike(decode(pictures.sixteen_bit(extension, colour)).pixels, pictures.blocks(), 0, "rgb16")
    found = decode(pictures.sixteen_bit(extension, grey)).pixels[..., 1]
    assert_alike(found, np.round(grey / 257).astype(np.uint8), 0.01, "grey16")


def test_float_tiff_is_read_as_zero_to_one() -> None:
    values = np.linspace(-0.5, 1.5, 64, dtype=np.float32).reshape(8, 8)
    found = decode(pictures.encoded(Image.fromarray(values), "TIFF", {"compression": "raw"})).pixels[..., 0]
    assert_alike(found, np.round(np.clip(values, 0, 1) * 255).astype(np.uint8), 0.5, "float")


def test_interlaced_png_decodes() -> None:
    rows = pictures.blocks()
    assert_alike(decode(_interlaced(rows)).pixels, rows, 0, "interlaced")


def _interlaced(pixels: np.ndarray) -> bytes:
    """Adam7, written by hand because no library here writes it."""
    import struct
    import zlib

    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    body = b"".join(
        b"\0" + row.tobytes() for x, y, dx, dy in passes for row in np.ascontiguousarray(pixels[y::dy, x::dx])
    )
    height, width = pixels.shape[:2]
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)),
        (b"IDAT", zlib.compress(body)),
        (b"IEND", b""),
    ]
    chunks = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_the_pictures_own_alpha_is_kept_beside_straight_colours(kind: str) -> None:
    picture = pictures.image()
    alpha = np.tile(np.linspace(1, 255, pictures.WIDTH).astype(np.uint8), (pictures.HEIGHT, 1))
    picture.putalpha(Image.fromarray(alpha))
    found = decode(pictures.encoded(picture, kind))
    assert found.coverage is not None
    assert_alike(found.coverage, alpha, 0 if kind in LOSSLESS else 2, f"alpha-{kind}")
    assert_alike(found.pixels, pictures.blocks(), 0 if kind in LOSSLESS else 4, f"alpha-colours-{kind}")


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_palette_entry_becomes_coverage(kind: str) -> None:
    picture = pictures.image().quantize(36)
    index = np.asarray(picture)
    found = decode(pictures.encoded(picture, kind, {"transparency": int(index[0, 0])}))
    assert found.coverage is not None
    assert_alike(found.coverage, np.where(index == index[0, 0], 0, 255).astype(np.uint8), 0, f"palette-{kind}")


def test_a_transparent_colour_becomes_coverage() -> None:
    colour = tuple(int(level) for level in pictures.blocks()[0, 0])
    found = decode(pictures.encoded(pictures.image(), "PNG", {"transparency": colour}))
    assert found.coverage is not None
    assert found.coverage[0, 0] == 0
    assert found.coverage[-1, -1] == 255


@pytest.mark.parametrize(
    ("depth", "row", "key", "tones"),
    [
        (1, b"\x80", 1, (255, 0)),
        (2, b"\xd0", 3, (255, 85)),
        (4, b"\x73", 7, (119, 51)),
        (8, b"\x73\x72", 0x73, (115, 114)),
        (16, b"\x80\x00\x80\x01", 0x8000, (128, 128)),
    ],
)
def test_a_transparent_grey_becomes_coverage_at_every_depth(
    depth: int, row: bytes, key: int, tones: tuple[int, int]
) -> None:
    found = decode(pictures.png((2, 1), depth, 0, b"\0" + row, struct.pack(">H", key)))
    assert found.coverage is not None
    assert found.coverage.tolist() == [[0, 255]]
    assert found.pixels[..., 0].tolist() == [list(tones)]


def test_a_transparent_colour_of_sixteen_bits_becomes_coverage() -> None:
    first, second = struct.pack(">3H", 0x1234, 0x8001, 5), struct.pack(">3H", 0, 65535, 0)
    found = decode(pictures.png((2, 1), 16, 2, b"\0" + first + second, first))
    assert found.coverage is not None
    assert found.coverage.tolist() == [[0, 255]]


def test_an_alpha_channel_that_is_opaque_everywhere_counts_as_none() -> None:
    assert decode(pictures.encoded(pictures.image().convert("RGBA"), "PNG")).coverage is None


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    others = [Image.new("RGB", (pictures.WIDTH, pictures.HEIGHT), colour) for colour in ("red", "blue")]
    data = pictures.encoded(pictures.image(), kind, {"save_all": True, "append_images": others})
    assert_alike(decode(data).pixels, pictures.blocks(), 0 if kind in LOSSLESS else 3, f"first-frame-{kind}")


@pytest.mark.parametrize(
    ("size", "smallest", "scale"),
    [((4000, 4000), 512, 4), ((4096, 4200), 512, 8), ((1100, 5000), 512, 2), ((900, 900), 512, 1)],
)
def test_jpeg_scaling_never_goes_below_the_size_that_is_needed(
    size: tuple[int, int], smallest: int, scale: int
) -> None:
    assert scale_for(*size, smallest) == scale
    assert min(size) / scale >= min(*size, smallest)


def test_a_reduced_jpeg_keeps_its_full_size_in_words() -> None:
    big = pictures.image().resize((640, 480))
    found = decode(pictures.encoded(big, "JPEG"), smallest=100)
    assert (found.height, found.width) == (480, 640)
    assert found.pixels.shape == (120, 160, 3)


def test_a_reduced_cmyk_jpeg_is_not_below_the_size_that_is_needed() -> None:
    big = pictures.image().resize((640, 480)).convert("CMYK")
    found = decode(pictures.encoded(big, "JPEG"), smallest=100)
    assert (found.height, found.width) == (480, 640)
    assert found.pixels.shape == (120, 160, 3)
