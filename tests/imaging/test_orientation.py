from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imaging.decode import decode
from imaging.orientation import TAG, upright
from tests.imaging import pictures
from tests.imaging.comparison import assert_alike

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def turned(picture: Image.Image, orientation: int) -> Image.Image:
    """The picture as a camera held that way stores it."""
    return picture if orientation == 1 else picture.transpose(TURNS[orientation])


def file(orientation: int, kind: str, picture: Image.Image | None = None) -> bytes:
    exif = Image.Exif()
    exif[TAG] = orientation
    stored = turned(pictures.image() if picture is None else picture, orientation)
    return pictures.encoded(stored, kind, {"exif": exif.tobytes()})


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_all_eight_orientations_come_out_upright(kind: str, orientation: int) -> None:
    found = decode(file(orientation, kind))
    assert (found.height, found.width) == (pictures.HEIGHT, pictures.WIDTH)
    exact = kind in {"PNG", "WEBP", "TIFF"}
    assert_alike(found.pixels, pictures.blocks(), 0 if exact else 3, f"exif-{kind}-{orientation}")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_reduced_jpeg_comes_out_upright_too(orientation: int) -> None:
    big = pictures.image().resize((pictures.WIDTH * 8, pictures.HEIGHT * 8), Image.Resampling.NEAREST)
    found = decode(file(orientation, "JPEG", big), smallest=pictures.HEIGHT)
    assert (found.height, found.width) == (pictures.HEIGHT * 8, pictures.WIDTH * 8)
    assert_alike(found.pixels, pictures.blocks(), 3, f"exif-reduced-{orientation}")


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_makes_no_sense_is_ignored(orientation: int) -> None:
    exif = Image.Exif()
    exif[TAG] = orientation
    found = decode(pictures.encoded(pictures.image(), "PNG", {"exif": exif.tobytes()}))
    assert_alike(found.pixels, pictures.blocks(), 0, "exif-nonsense")


@pytest.mark.parametrize(
    "block", [b"rubbish", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40]
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_broken_exif_block_does_not_spoil_a_good_picture(kind: str, block: bytes) -> None:
    found = decode(pictures.encoded(pictures.image(), kind, {"exif": b"Exif\0\0" + block}))
    assert_alike(found.pixels, pictures.blocks(), 3, f"exif-broken-{kind}")


@given(st.integers(1, 8), st.integers(1, 9), st.integers(1, 9))
def test_turning_and_turning_back_changes_nothing(orientation: int, height: int, width: int) -> None:
    back = {6: 8, 8: 6}.get(orientation, orientation)
    pixels = np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)
    assert (upright(upright(pixels, orientation), back) == pixels).all()
