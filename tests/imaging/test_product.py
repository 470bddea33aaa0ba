"""The whole list of steps on drawn shots: golden pictures by tolerance, and what must hold of any."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from imaging import product
from imaging.product import Shot
from imaging.product_options import CutoutOptions, PhotoOptions, TemplateOptions, read
from imaging.shelf import Shelf
from tests.imaging import products
from tests.imaging.comparison import FAILURES, assert_alike

GOLDEN = Path(__file__).parent / "golden"
SHELF = Shelf(Path(__file__).resolve().parents[2] / "templates")
SIDE = 240


def shot(subject: NDArray[np.uint8], ground: int = 236) -> Shot:
    """A photo of a subject RGBA on an even ground with a little noise, and the matte that a good network gives."""
    pixels = np.asarray(cv2.resize(subject, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)
    share = pixels[..., 3:] / 255
    noise = np.random.default_rng(4).normal(0, 1, (SIDE, SIDE, 1)).astype(np.float32)
    full = np.clip(pixels[..., :3] * share + ground * (1 - share) + noise, 0, 255).astype(np.uint8)
    small = np.asarray(cv2.resize(subject[..., 3], (128, 128), interpolation=cv2.INTER_AREA), np.uint8)
    return Shot(small, full)


def made(options: dict[str, Any], subject: NDArray[np.uint8] | None = None) -> tuple[product.Result, NDArray[np.uint8]]:
    wishes = read(json.dumps(options).encode(), PhotoOptions)
    found = product.photo(shot(products.table() if subject is None else subject), wishes, SHELF)
    return found, np.asarray(Image.open(io.BytesIO(found.file.data)).convert("RGBA"))


PICTURES: dict[str, tuple[NDArray[np.uint8], dict[str, Any]]] = {
    "table-dual": (
        products.table(),
        {"place": {"padding": "12%"}, "shadow": {"kind": "dual"}},
    ),
    "tripod-coloured": (
        products.tripod(),
        {
            "place": {"size": [200, 260], "padding": "8%", "vertical": "bottom"},
            "ground": {"gradient": {"start": "#7FB0C8", "end": "#2F506C"}},
            "shadow": {"kind": "dual", "direction": 220},
            "template": {"fields": {"title": "Tripod", "price": "129"}},
        },
    ),
    "table-floating": (
        products.table(),
        {"place": {"size": "fitted", "padding": "20px"}, "ground": {"color": None}, "shadow": {"kind": "floating"}},
    ),
    "tripod-drop": (
        products.tripod(),
        {"refine": {"erosion": 0.5}, "ground": {"color": "tan"}, "shadow": {"kind": "drop", "opacity": 0.8}},
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_golden_pictures(name: str) -> None:
    subject, options = PICTURES[name]
    _, found = made(options, subject)
    path = GOLDEN / f"{name}.png"
    if not path.exists():
        FAILURES.mkdir(exist_ok=True)
        Image.fromarray(found).save(FAILURES / path.name)
        pytest.fail(f"{path} is missing; where {FAILURES / path.name} is right, it belongs there")
    assert_alike(found, np.asarray(Image.open(path)), 0.6, name)


def test_a_cut_out_has_the_photos_size_and_its_subjects_box() -> None:
    found = product.cutout(shot(products.table()), CutoutOptions())
    assert (found.width, found.height) == (SIDE, SIDE)
    assert found.box == pytest.approx((48, 90, 192, 192), abs=2)


def test_where_nothing_is_found_a_cut_out_is_empty_and_a_photo_is_refused() -> None:
    empty = Shot(np.zeros((64, 64), np.uint8), np.full((90, 90, 3), 200, np.uint8))
    assert product.cutout(empty, CutoutOptions()).box is None
    with pytest.raises(ValueError, match=r"nothing|no subject|empty"):
        product.photo(empty, PhotoOptions(), SHELF)


def test_no_template_leaves_a_picture_as_it_is() -> None:
    full = shot(products.tripod()).full
    found = product.rendered(full, None, TemplateOptions(), SHELF)
    assert (np.asarray(Image.open(io.BytesIO(found.file.data)).convert("RGB")) == full).all()
    assert found.box is None


def test_a_subject_where_it_is_on_its_own_ground_gives_the_photo_back() -> None:
    found, picture = made({"place": {"subject": "as_is"}, "ground": {"color": "ECECEC"}})
    assert (found.width, found.height) == (SIDE, SIDE)
    difference = np.abs(picture[..., :3].astype(int) - shot(products.table()).full)
    assert difference.mean() < 1.5


@pytest.mark.parametrize("kind", ["none", "dual", "drop"])
@pytest.mark.parametrize("size", ["original", "fitted", [300, 200], [160, 400]])
def test_a_subject_stands_clear_of_the_templates_bar(size: object, kind: str) -> None:
    """Above the bar the picture is what it is without a template on a canvas without the bar's room."""
    words = {"fields": {"title": "Table", "bar_opacity": "1"}}
    options = {"place": {"size": size, "padding": "5%"}, "shadow": {"kind": kind}}
    found, _ = made({**options, "template": words})
    covered, _ = made(
        {**options, "place": {"size": size, "vertical": "bottom"}, "template": {**words, "reserve": False}}
    )
    bar = round(0.18 * min(found.width, found.height))
    assert found.box is not None
    assert covered.box is not None
    assert found.box[3] <= found.height - bar
    assert covered.box[3] > covered.height - round(0.18 * min(covered.width, covered.height))


def test_without_its_room_a_template_changes_nothing_above_its_bar() -> None:
    options = {"place": {"size": [200, 240]}, "shadow": {"kind": "dual"}, "encode": {"palette": "never"}}
    words = {"fields": {"title": "Table"}, "reserve": False}
    plain, covered = made(options), made({**options, "template": words})
    assert plain[0].box == covered[0].box
    assert (plain[1][:204] == covered[1][:204]).all()
    assert (plain[1][204:] != covered[1][204:]).any()


def test_a_subject_as_it_is_stays_where_a_template_covers_it() -> None:
    options = {"place": {"subject": "as_is"}}
    assert made(options)[0].box == made({**options, "template": {"fields": {"title": "Table"}}})[0].box


@given(
    size=st.tuples(st.integers(40, 300), st.integers(40, 300)),
    padding=st.floats(0, 0.3),
    kind=st.sampled_from(["none", "dual", "drop", "floating"]),
)
@settings(max_examples=25)
def test_a_photo_keeps_its_size_and_its_room(size: tuple[int, int], padding: float, kind: str) -> None:
    found, picture = made({"place": {"size": size, "padding": padding}, "shadow": {"kind": kind}})
    assert picture.shape[1::-1] == size == (found.width, found.height)
    assert (picture[..., 3] == 255).all()
    assert found.box is not None
    left, top, right, bottom = found.box
    room = [round(padding * side) - 2 for side in size]
    assert left >= room[0]
    assert top >= room[1]
    assert right <= size[0] - room[0]
    assert bottom <= size[1] - room[1]
