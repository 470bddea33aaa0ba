from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, features

from imaging.errors import ImageError
from imaging.shelf import Shelf
from imaging.template import drawn, rounded
from imaging.template_file import Template
from tests.imaging.comparison import assert_alike
from tests.imaging.type_samples import (
    NO_FIELDS,
    SHIPPED,
    TITLES,
    needs_fribidi,
    plain,
    template,
)

RIGHT_TO_LEFT = ("hebrew", "arabic")


def ground(height: int = 120, width: int = 160, alpha: int = 255) -> np.ndarray:
    picture = np.random.default_rng(3).integers(0, 256, (height, width, 4), dtype=np.uint8)
    picture[..., 3] = alpha
    return picture


def bar(folder: Path, **keys: object) -> Template:
    return template(folder, {"elements": [{"kind": "bar", **keys}]})


def logo(height: int = 20, width: int = 40, colour: tuple[int, ...] = (255, 0, 0, 255)) -> bytes:
    out = io.BytesIO()
    Image.fromarray(plain(height, width, colour)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def shipped() -> Template:
    return Shelf(SHIPPED).load("bar", 1)


@pytest.mark.parametrize("alpha", [0, 100, 255])
def test_an_empty_template_is_the_identity(tmp_path: Path, alpha: int) -> None:
    picture = ground(alpha=alpha)
    found = drawn(picture, template(tmp_path, {}), NO_FIELDS)
    assert (found == picture).all()
    assert found is not picture


@pytest.mark.parametrize("keys", [{"opacity": 0}, {"color": "#12345600"}])
def test_what_cannot_be_seen_changes_nothing(tmp_path: Path, keys: dict[str, object]) -> None:
    picture = ground()
    assert (drawn(picture, bar(tmp_path, **keys), NO_FIELDS) == picture).all()


def test_the_given_picture_is_left_alone(tmp_path: Path) -> None:
    picture = ground()
    before = picture.copy()
    drawn(picture, bar(tmp_path), NO_FIELDS)
    assert (picture == before).all()


@pytest.mark.parametrize(
    ("box", "region"),
    [
        ({}, np.s_[:, :]),
        ({"bottom": 0, "height": "25%"}, np.s_[90:, :]),
        ({"top": 0, "right": 0, "width": 0.25, "height": "30px"}, np.s_[:30, 120:]),
        ({"width": "10vw", "height": "10vh"}, np.s_[54:66, 72:88]),
        ({"left": "10vmin", "top": "10vmax", "right": "10%", "bottom": 0.25}, np.s_[16:90, 12:144]),
        ({"left": "150px", "width": "100px"}, np.s_[:, 150:]),
        ({"left": "500px", "width": "10px"}, np.s_[:0, :0]),
    ],
)
def test_a_box_lies_where_it_says(tmp_path: Path, box: dict[str, object], region: Any) -> None:  # noqa: ANN401
    found = drawn(plain(120, 160), bar(tmp_path, box=box, color="red"), NO_FIELDS)
    expected = plain(120, 160)
    expected[region] = (255, 0, 0, 255)
    assert (found == expected).all()


def test_a_box_measures_by_the_element_it_is_inside_of(tmp_path: Path) -> None:
    elements = [
        {"kind": "bar", "name": "outer", "box": {"left": "40px", "width": "100px", "top": "20px", "height": "50px"}},
        {"kind": "bar", "inside": "outer", "box": {"right": 0.1, "width": "20%", "height": 0.2}, "color": "red"},
    ]
    found = drawn(plain(120, 160), template(tmp_path, {"elements": elements}), NO_FIELDS)
    red = np.argwhere(found[..., 0] == 255)
    assert red.min(0).tolist() == [40, 110]
    assert red.max(0).tolist() == [49, 129]


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.integers(0, 100))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_bar_is_blended_as_design_programs_do(
    tmp_path: Path, above: int, below: int, alpha: int, percent: int
) -> None:
    """Straight alpha, source over, in sRGB."""
    share = percent / 100
    found = drawn(
        plain(4, 4, (below, below, below, alpha)),
        bar(tmp_path, color=f"#{above:02x}{above:02x}{above:02x}", opacity=share),
        NO_FIELDS,
    )[0, 0].astype(float)
    whole = share + alpha / 255 * (1 - share)
    assert abs(found[3] - whole * 255) <= 1.01
    if whole > 0.2:
        expected = (above * share + below * alpha / 255 * (1 - share)) / whole
        assert abs(found[0] - expected) <= 3


def test_round_corners_are_round_and_smooth() -> None:
    shape = rounded(80, 120, 30)
    disc = shape[:30, :30]
    assert disc[0, 0] == 0
    assert 0 < (shape == 255).mean() < 1
    assert abs(shape.sum() / 255 - (80 * 120 - (4 - np.pi) * 30 * 30)) < 12
    for turned in (shape[::-1], shape[:, ::-1]):
        assert (turned == shape).all()
    assert (rounded(10, 10, 0) == 255).all()


def test_a_bar_can_be_a_circle(tmp_path: Path) -> None:
    found = drawn(plain(101, 101), bar(tmp_path, radius=1, color="black"), NO_FIELDS)[..., 0]
    circle = cv2.circle(np.full((101, 101), 200, np.uint8), (50, 50), 50, 0, -1, cv2.LINE_AA)
    assert_alike(found, np.asarray(circle, np.uint8), 2, "circle")


def test_a_bar_taller_than_a_band_has_no_seams(tmp_path: Path) -> None:
    found = drawn(plain(700, 20), bar(tmp_path, color="navy", opacity=0.4, radius=0.2), NO_FIELDS)
    assert (found[20:-20] == found[350]).all()


@pytest.mark.parametrize(
    ("keys", "region"),
    [
        ({}, np.s_[25:75, :]),
        ({"vertical": "top"}, np.s_[:50, :]),
        ({"vertical": "bottom"}, np.s_[50:, :]),
        ({"scale": "fill"}, np.s_[:, :]),
        ({"box": {"height": "20px"}}, np.s_[40:60, 30:70]),
        ({"box": {"height": "20px"}, "horizontal": "right"}, np.s_[40:60, 60:]),
    ],
)
def test_a_logo_lies_in_its_box(tmp_path: Path, keys: dict[str, object], region: Any) -> None:  # noqa: ANN401
    sheet = {"elements": [{"kind": "image", "file": "logo.png", **keys}]}
    found = drawn(plain(100, 100), template(tmp_path, sheet, {"logo.png": logo()}), NO_FIELDS)
    expected = plain(100, 100)
    expected[region] = (255, 0, 0, 255)
    assert (found == expected).all()


def test_a_logo_filling_its_box_shows_its_middle(tmp_path: Path) -> None:
    pixels = plain(20, 60, (0, 0, 255, 255))
    pixels[:, 20:40] = (255, 0, 0, 255)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    sheet = {"elements": [{"kind": "image", "file": "logo.png", "scale": "fill"}]}
    found = drawn(plain(40, 40), template(tmp_path, sheet, {"logo.png": out.getvalue()}), NO_FIELDS)
    assert (found[:, 4:-4, 0] > 240).all()


def test_a_logo_has_no_dark_rim_from_its_transparent_pixels(tmp_path: Path) -> None:
    pixels = plain(64, 64, (0, 0, 0, 0))
    pixels[16:48, 16:48] = 255
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    sheet = {"elements": [{"kind": "image", "file": "logo.png", "opacity": 0.5}]}
    found = drawn(
        plain(37, 37, (255, 255, 255, 255)), template(tmp_path, sheet, {"logo.png": out.getvalue()}), NO_FIELDS
    )
    assert found.min() >= 253


@pytest.mark.parametrize("script", TITLES)
@pytest.mark.parametrize("size", [(64, 64), (300, 200), (200, 900)])
def test_the_shipped_bar_takes_its_scripts_at_every_shape(
    shipped: Template, script: str, size: tuple[int, int]
) -> None:
    if script in RIGHT_TO_LEFT and not features.check("fribidi"):
        pytest.skip("right-to-left scripts need FriBidi: apt-get install libfribidi0")
    picture = plain(*size)
    found = drawn(picture, shipped, {"title": TITLES[script], "subtitle": TITLES[script], "price": "1299.90"})
    top = size[0] - round(min(size) * 0.18)
    assert (found[:top] == picture[:top]).all()
    assert (found[top:, :, 0] < 200).any(axis=1).all()
    assert found[top:, :, 0].max() > 200
    assert (found[..., 3] == 255).all()


def test_ink_stays_within_the_texts_box(shipped: Template) -> None:
    """Left and right of the padding, and above and below it, the bar is even."""
    found = drawn(plain(500, 500), shipped, {"title": "jÂgq " * 20, "bar_opacity": "1"})
    band = found[410:]
    quiet = np.ones(band.shape[:2], bool)
    quiet[10:80, 20:480] = False
    assert (band[quiet] == (0x10, 0x14, 0x18, 255)).all()
    assert (band[~quiet] == 255).all(axis=1).any()


@needs_fribidi
def test_drawing_twice_gives_the_same(shipped: Template) -> None:
    fields = {"title": TITLES["arabic"], "subtitle": TITLES["german"], "price": "5"}
    again = Shelf(SHIPPED).load("bar", 1)
    assert (drawn(ground(), shipped, fields) == drawn(ground(), again, fields)).all()


def test_a_template_looks_the_same_at_every_size(shipped: Template) -> None:
    fields = {"title": TITLES["latin"], "subtitle": "Used, checked and cleaned", "price": "1299.90"}
    small, large = drawn(plain(500, 700), shipped, fields), drawn(plain(2000, 2800), shipped, fields)
    reduced = cv2.resize(large, (700, 500), interpolation=cv2.INTER_AREA)
    assert_alike(small, np.asarray(reduced, np.uint8), 1.5, "template-sizes")


@given(st.text("Wi ", min_size=1, max_size=160).map(str.strip).filter(bool), st.sampled_from([(1, 1), (2, 3), (3, 1)]))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whether_a_text_fits_goes_by_the_shape_not_by_the_size(
    shipped: Template, title: str, shape: tuple[int, int]
) -> None:
    def fits(side: int, text: str) -> bool:
        try:
            drawn(plain(shape[0] * side, shape[1] * side), shipped, {"title": text, "price": "12"})
        except ImageError:
            return False
        return True

    if fits(300, title + " " + title[: len(title) // 5 + 2]):  # boxes are whole pixels, hence a little room
        assert fits(70, title)


def test_fields_colour_the_bar_and_its_words(shipped: Template) -> None:
    found = drawn(
        plain(400, 400), shipped, {"title": "HHHH", "bar_color": "0000ff", "bar_opacity": "1", "text_color": "yellow"}
    )[328:]
    assert (found[0, 0] == (0, 0, 255, 255)).all()
    assert (found == (255, 255, 0, 255)).all(-1).sum() > 50


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": "x", "prize": "5"}, "prize: the template has no such field; it has title, subtitle, price"),
        ({}, "title: is required"),
        ({"title": "x", "bar_opacity": "2"}, "bar_opacity: '2' is out of range: 0 to 1"),
        ({"title": "Mmmm " * 31}, "fields: title: 'Mmmm Mmmm"),
        ({"title": "写真"}, r"fields: title: '写真' needs 写 \(U\+5199"),
        ({"title": "a\nb\nc\nd"}, "fields: title: 'a b c d' has 4 lines, its place takes 3"),
    ],
)
def test_what_cannot_be_drawn_names_the_field(shipped: Template, fields: dict[str, str], said: str) -> None:
    with pytest.raises(ImageError, match=said):
        drawn(plain(100, 80), shipped, fields)
