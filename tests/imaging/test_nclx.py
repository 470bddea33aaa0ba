from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from imaging import nclx
from imaging.decode import decode
from tests.imaging import pictures
from tests.imaging.comparison import assert_alike

COLOUR = (200, 100, 90)
IN_SRGB = (215, 93, 85)  # Display P3's 200, 100, 90, worked out with the matrices of both spaces
KINDS = ("AVIF", "HEIF")


def marked(kind: str, primaries: int, curve: int, picture: Image.Image) -> bytes:
    data = bytearray(pictures.encoded(picture, kind))
    at = data.index(b"colrnclx") + 8
    data[at : at + 4] = struct.pack(">HH", primaries, curve)
    return bytes(data)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("curve", [1, 2, 13])
def test_display_p3_goes_to_srgb(kind: str, curve: int) -> None:
    found = decode(marked(kind, 12, curve, Image.new("RGB", (32, 32), COLOUR))).pixels[16, 16]
    assert np.abs(found.astype(int) - IN_SRGB).max() <= 3, found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("primaries", "curve"), [(1, 13), (1, 1), (2, 2), (9, 16), (12, 16), (12, 18)])
def test_all_other_numbers_change_nothing(kind: str, primaries: int, curve: int) -> None:
    found = decode(marked(kind, primaries, curve, pictures.image()))
    assert_alike(found.pixels, pictures.blocks(), 3, f"nclx-{kind}-{primaries}-{curve}")


def test_the_profile_is_that_of_display_p3() -> None:
    profile = nclx.profile(b"colrnclx" + struct.pack(">HH", 12, 13))
    assert profile is not None
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile
    assert opened.xcolor_space.strip() == "RGB"
    assert opened.red_colorant is not None
    assert np.abs(np.array(opened.red_colorant[0]) - (0.5151, 0.2412, -0.0011)).max() < 1e-3


@given(st.binary(max_size=40), st.binary(max_size=6))
def test_any_bytes_have_an_answer(before: bytes, after: bytes) -> None:
    assert nclx.profile(before) is None
    assert nclx.profile(before + b"colrnclx" + after[:3]) is None
