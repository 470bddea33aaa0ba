from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imaging.encode import Marks, png


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([(), (3,), (4,)]), st.integers(0, 1000))
def test_two_libraries_read_back_every_pixel(height: int, width: int, channels: tuple[int, ...], seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, *channels), dtype=np.uint8)
    data = png(pixels)
    with Image.open(io.BytesIO(data)) as image:
        image.verify()
    assert (np.asarray(Image.open(io.BytesIO(data))) == pixels).all()
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert read is not None
    order = [2, 1, 0, 3][: channels[0]] if channels else None
    assert (read == (pixels if order is None else pixels[..., order])).all()


@pytest.mark.parametrize(("channels", "mode"), [((), "L"), ((3,), "RGB"), ((4,), "RGBA")])
def test_colours_are_marked_as_srgb_and_mattes_are_not(channels: tuple[int, ...], mode: str) -> None:
    image = Image.open(io.BytesIO(png(np.zeros((5, 7, *channels), np.uint8))))
    assert (image.size, image.mode) == ((7, 5), mode)
    assert ("srgb" in image.info) == bool(channels)


def test_a_view_of_a_larger_array_is_written_as_it_looks() -> None:
    whole = np.random.default_rng(0).integers(0, 256, (20, 30, 4), dtype=np.uint8)
    part = whole[3:17, 5:21]
    assert (np.asarray(Image.open(io.BytesIO(png(part)))) == part).all()


def test_a_cut_out_is_not_larger_than_by_pillow() -> None:
    rng = np.random.default_rng(0)
    pixels = np.zeros((400, 400, 4), np.uint8)
    ramp = np.linspace(0, 200, 200)[:, None, None] + rng.normal(0, 3, (200, 200, 4))
    pixels[100:300, 100:300] = np.clip(ramp + 20, 0, 255)
    other = io.BytesIO()
    Image.fromarray(pixels).save(other, "PNG", compress_level=1)
    assert len(png(pixels)) < 1.15 * len(other.getvalue())


@pytest.mark.parametrize("channels", [3, 4])
def test_an_embedded_profile_takes_the_place_of_the_name(channels: int) -> None:
    data = png(np.zeros((5, 7, channels), np.uint8), Marks(b"some profile", 300))
    image = Image.open(io.BytesIO(data))
    assert image.info["icc_profile"] == b"some profile"
    assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    assert "srgb" not in image.info
    image.verify()


def test_a_matte_has_a_density_but_no_colour_space() -> None:
    image = Image.open(io.BytesIO(png(np.zeros((5, 7), np.uint8), Marks(b"some profile", 72))))
    assert image.info["dpi"] == pytest.approx((72, 72), abs=0.01)
    assert not {"icc_profile", "srgb"} & set(image.info)
