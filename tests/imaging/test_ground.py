from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from imaging.errors import NotAnImageError
from imaging.ground import GroundError, laid
from imaging.product_options import Gradient, Ground, Picture


def file_of(pixels: NDArray[np.uint8], turn: int = 1) -> str:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(pixels).save(out, "PNG", exif=exif)
    return base64.b64encode(out.getvalue()).decode()


def quarters(height: int, width: int) -> NDArray[np.uint8]:
    """Red, green above, blue, white below."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    pixels[height // 2 :, width // 2 :] = 255
    return pixels


@pytest.mark.parametrize(
    ("colour", "expected"),
    [("FFFFFF", (255, 255, 255, 255)), ("#10203040", (16, 32, 48, 64)), ("teal", (0, 128, 128, 255)), (None, (0,) * 4)],
)
def test_a_colour_lies_everywhere(colour: str | None, expected: tuple[int, ...]) -> None:
    assert (laid(20, 31, Ground(color=colour)) == expected).all()


@settings(max_examples=30)
@given(angle=st.floats(0, 359.9), height=st.integers(16, 90), width=st.integers(16, 90))
def test_a_gradient_runs_along_its_angle_from_corner_to_corner(angle: float, height: int, width: int) -> None:
    found = laid(height, width, Ground(gradient=Gradient(start="#000000", end="#FFFFFF", angle=angle)))
    values = found[..., 0].astype(float)
    rows, columns = np.mgrid[:height, :width] + 0.5
    along = (columns - width / 2) * np.sin(np.radians(angle)) - (rows - height / 2) * np.cos(np.radians(angle))
    assert np.corrcoef(along.ravel(), values.ravel())[0, 1] > 0.97
    assert values.flat[along.argmin()] < 40
    assert values.flat[along.argmax()] > 215


def test_a_gradient_of_few_levels_shows_no_bands() -> None:
    """Means over blocks follow the exact course far closer than one level, which rounding alone could not."""
    found = laid(512, 64, Ground(gradient=Gradient(start="#F0F0F0", end="#E6E6E6", angle=180)))
    means = found[..., 0].reshape(64, 8, 64).mean(axis=(1, 2))
    course = np.linspace(0xF0, 0xE6, 128)[1::2]
    assert np.abs(means - course).max() < 0.2
    assert all(len(np.unique(row)) <= 2 for row in found[..., 0])


def test_a_gradient_between_equal_colours_is_even() -> None:
    found = laid(80, 70, Ground(gradient=Gradient(start="#5A8C3C", end="#5A8C3C", angle=77)))
    assert (found == (0x5A, 0x8C, 0x3C, 255)).all()


def test_a_gradient_into_nothing_keeps_its_colour() -> None:
    found = laid(300, 20, Ground(gradient=Gradient(start="#C86432", end="#0000FF00", angle=180)))
    seen = found[found[..., 3] > 8]
    assert np.abs(seen[:, :3].astype(int) - (0xC8, 0x64, 0x32)).max() <= 1
    assert (np.diff(found[..., 3].mean(axis=1).reshape(30, 10).mean(axis=1)) < 0).all()


def test_a_picture_covers_the_canvas_from_its_middle() -> None:
    found = laid(60, 60, Ground(picture=Picture(data=file_of(quarters(80, 160)))))
    assert (found[..., 3] == 255).all()
    corners = [found[2, 2], found[2, -3], found[-3, 2], found[-3, -3]]
    expected = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
    assert all(tuple(corner[:3]) == colour for corner, colour in zip(corners, expected, strict=True))


def test_a_picture_that_is_to_fit_lies_on_the_colour() -> None:
    wishes = Ground(color="#112233", picture=Picture(data=file_of(quarters(80, 160)), scale="fit"))
    found = laid(60, 60, wishes)
    assert (found[:15] == (0x11, 0x22, 0x33, 255)).all()
    assert (found[45:] == (0x11, 0x22, 0x33, 255)).all()
    assert tuple(found[17, 2]) == (255, 0, 0, 255)


def test_translucent_pixels_of_a_picture_lie_on_the_colour() -> None:
    pixels = np.dstack([quarters(40, 40), np.full((40, 40), 128, np.uint8)])
    picture = Picture(data=file_of(pixels))
    on_black = laid(40, 40, Ground(color="#000000", picture=picture))
    assert (on_black[..., 3] == 255).all()
    assert abs(int(on_black[5, 5, 0]) - 188) <= 1  # half of the light
    alone = laid(40, 40, Ground(color=None, picture=picture))
    assert (alone == pixels).all()


def test_a_picture_is_turned_upright() -> None:
    turned = laid(40, 40, Ground(picture=Picture(data=file_of(quarters(40, 40), turn=3))))
    assert (turned[..., :3] == quarters(40, 40)[::-1, ::-1]).all()


@pytest.mark.parametrize("blur", [0.005, 0.02, 0.1])
def test_a_blur_keeps_the_light_and_takes_the_detail(blur: float) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(100, 156, (300, 300, 3), dtype=np.uint8)
    found = laid(300, 300, Ground(picture=Picture(data=file_of(pixels), blur=blur)))[..., :3]
    assert abs(float(found.mean()) - float(pixels.mean())) < 1.5
    assert found.std() < 0.4 * pixels.std()


@pytest.mark.parametrize("data", ["not base64!", "AAAA=A"])
def test_what_is_no_base64_is_named(data: str) -> None:
    with pytest.raises(GroundError, match=r"ground\.picture\.data"):
        laid(20, 20, Ground(picture=Picture(data=data)))


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(NotAnImageError):
        laid(20, 20, Ground(picture=Picture(data=base64.b64encode(b"hello, this is text").decode())))
