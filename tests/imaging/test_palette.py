from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from imaging.encode import Marks, indexed_png
from imaging.formats import encoded
from imaging.palette import indexed
from imaging.product_options import Encode

GROUNDS = (0, 255)


def on(picture: np.ndarray, level: int) -> np.ndarray:
    share = picture[..., 3:].astype(np.float64) / 255
    return np.asarray(picture[..., :3] * share + level * (1 - share))


def shown(picture: np.ndarray) -> np.ndarray | None:
    """The picture as its palette shows it, read back from a file by Pillow."""
    found = indexed(picture)
    if found is None:
        return None
    image = Image.open(io.BytesIO(indexed_png(found.indices, found.colours)))
    assert image.mode == "P"
    return np.asarray(image.convert("RGBA"))


def logo(side: int = 160) -> np.ndarray:
    """Two flat colours with soft edges on nothing: a few hundred different pixels, because each edge blends."""
    large = np.zeros((side * 4, side * 4, 4), np.uint8)
    cv2.circle(large, (side * 2, side * 2), side, (220, 30, 60, 255), -1)
    cv2.circle(large, (side * 2, side * 2), side // 2, (250, 240, 235, 255), -1)
    share = large[..., 3:].astype(np.float32) / 255
    small = cv2.resize(np.dstack([large[..., :3] * share, share]), (side, side), interpolation=cv2.INTER_AREA)
    colours = small[..., :3] / np.maximum(small[..., 3:], 1e-6)
    return np.dstack([colours, small[..., 3] * 255]).round().astype(np.uint8)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 256), st.integers(0, 999))
def test_up_to_256_colours_are_kept_exactly(height: int, width: int, many: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, 256, (many, 4), dtype=np.uint8)
    picture = colours[rng.integers(0, many, (height, width))]
    found = shown(picture)
    assert found is not None
    seen = picture[..., 3] > 0
    assert (found[..., 3] == picture[..., 3]).all()
    assert (found[seen] == picture[seen]).all()


@given(st.integers(0, 999), st.integers(1, 60), st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=60)
def test_a_palette_never_changes_a_pixel_by_more_than_it_promises(seed: int, many: int, noise: int, veil: int) -> None:
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, 256, (many, 4))
    picture = np.clip(colours[rng.integers(0, many, (40, 40))], 0, 255)
    picture[..., :3] += rng.integers(-noise, noise + 1, (40, 40, 3))
    picture[..., 3] += rng.integers(-veil, veil + 1, (40, 40))
    made = np.clip(picture, 0, 255).astype(np.uint8)
    found = shown(made)
    assume(found is not None)
    assert found is not None
    for level in GROUNDS:
        assert np.abs(on(found, level) - on(made, level)).max() <= 2 + 1e-4
    seen = made[..., 3] > 0
    change = np.stack([np.abs(on(found, level) - on(made, level)) for level in GROUNDS], axis=-1)
    assert not seen.any() or change[seen].mean() <= 0.5 + 1e-4


def test_a_logo_with_soft_edges_becomes_a_small_file() -> None:
    picture = logo()
    found = shown(picture)
    assert found is not None
    assert len(np.unique(picture.reshape(-1, 4), axis=0)) > 20
    sizes = {kind: len(encoded(picture, Encode(palette=kind)).data) for kind in ("auto", "never")}
    assert sizes["auto"] < 0.7 * sizes["never"], sizes


def test_more_than_256_blends_are_brought_together() -> None:
    picture = np.zeros((64, 64, 4), np.uint8)
    picture[...] = (90, 120, 200, 255)
    rng = np.random.default_rng(0)
    few = rng.random((64, 64)) < 0.3
    picture[few, :3] += rng.integers(0, 8, (int(few.sum()), 3), dtype=np.uint8)
    assert len(np.unique(picture.reshape(-1, 4), axis=0)) > 256
    found = shown(picture)
    assert found is not None
    change = np.abs(found.astype(int) - picture)
    assert 0 < change.max() <= 2


@pytest.mark.parametrize("kind", ["photo", "ramp", "soft"])
def test_what_would_suffer_is_refused(kind: str) -> None:
    rows, columns = np.mgrid[0:128, 0:128].astype(np.uint8)
    full = np.full_like(rows, 255)
    noise = np.random.default_rng(0).integers(0, 256, (128, 128), dtype=np.uint8)
    picture = {
        "photo": np.dstack([rows, columns, noise, full]),
        "ramp": np.dstack([rows, rows // 2 + 90, columns // 2, full]),
        "soft": np.dstack([rows, columns, columns, rows * 2]),
    }[kind]
    assert indexed(picture) is None


def test_greys_are_indices_of_themselves() -> None:
    plane = np.random.default_rng(0).integers(0, 256, (90, 70), dtype=np.uint8)
    found = indexed(np.asarray(cv2.cvtColor(plane, cv2.COLOR_GRAY2RGBA), np.uint8))
    assert found is not None
    assert (found.indices == plane).all()
    assert (found.colours[:, :3] == np.arange(256)[:, None]).all()


def test_a_colour_hidden_where_nothing_is_seen_costs_no_entry() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (50, 50, 4), dtype=np.uint8)
    picture[..., 3] = 0
    picture[20:30, 20:30] = (9, 8, 7, 255)
    found = indexed(picture)
    assert found is not None
    assert found.colours.tolist() == [[0, 0, 0, 0], [9, 8, 7, 255]]


def test_a_colour_that_only_a_few_pixels_have_is_not_lost_in_a_large_picture() -> None:
    picture = np.full((900, 900, 4), 255, np.uint8)
    picture[511, 13] = (1, 2, 3, 255)
    found = shown(picture)
    assert found is not None
    assert found[511, 13].tolist() == [1, 2, 3, 255]


def test_an_indexed_file_carries_profile_and_density() -> None:
    found = indexed(logo())
    assert found is not None
    image = Image.open(io.BytesIO(indexed_png(found.indices, found.colours, Marks(b"profile", 144))))
    assert image.info["icc_profile"] == b"profile"
    assert image.info["dpi"] == pytest.approx((144, 144), abs=0.01)
    assert len(image.info["transparency"]) == (found.colours[:, 3] < 255).sum()
