from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.cutout import cut_out
from imaging.decode import decode
from imaging.errors import ShapeError
from perf import scene
from tests.imaging.comparison import assert_alike


def disc(side: int) -> np.ndarray:
    y, x = np.mgrid[:side, :side] + 0.5
    return np.asarray(np.clip((0.3 - np.hypot(x / side - 0.5, y / side - 0.5)) * 60 + 0.5, 0, 1) * 255, np.uint8)


@settings(max_examples=40)
@given(height=st.integers(1, 260), width=st.integers(1, 260), seed=st.integers(0, 1000))
def test_cut_outs_of_any_shape_are_sound(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    full = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    cut = cut_out(rng.integers(0, 256, (16, 16), dtype=np.uint8), full)
    assert cut.pixels.shape == (height, width, 4)
    assert (cut.pixels[..., 3] == cut.alpha).all()
    assert (cut.pixels[cut.alpha == 0] == 0).all()
    assert (cut.pixels[cut.alpha == 255][:, :3] == full[cut.alpha == 255]).all()


def test_an_empty_matte_gives_an_empty_cut_out_and_no_box() -> None:
    cut = cut_out(np.zeros((32, 32), np.uint8), np.full((70, 90, 3), 99, np.uint8))
    assert not cut.pixels.any()
    assert cut.box.tolist() == [0, 0, 0, 0]


def test_a_full_matte_gives_the_picture_back() -> None:
    full = np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    cut = cut_out(np.full((32, 32), 255, np.uint8), full)
    assert (cut.pixels[..., :3] == full).all()
    assert cut.box.tolist() == [0, 0, 90, 70]


def test_the_box_is_that_of_the_subject() -> None:
    cut = cut_out(disc(128), np.full((1000, 500, 3), 128, np.uint8))
    assert np.abs(cut.box - [100, 200, 400, 800]).max() <= 12


def test_a_cut_out_on_new_grounds_looks_like_the_subject_there() -> None:
    made = scene.make(1200, seed=5)
    full = decode(made.jpeg).pixels
    small = np.asarray(cv2.resize(made.alpha, (512, 512), interpolation=cv2.INTER_AREA), np.uint8)
    cut = cut_out(small, full)
    share, truth = (alpha[..., None] / 255 for alpha in (cut.alpha, made.alpha))
    for ground in ((255, 0, 255), (0, 255, 0)):
        seen, expected = (
            np.asarray(colours[..., :3] * part + np.array(ground) * (1 - part) + 0.5, np.uint8)
            for colours, part in ((cut.pixels, share), (full, truth))
        )
        assert_alike(seen, expected, 2, f"cutout-on-{ground[1]}")


def test_an_existing_cut_out_stays_one() -> None:
    full = np.full((256, 256, 3), (180, 60, 40), np.uint8)
    coverage = np.asarray(cv2.resize(disc(64), (256, 256)), np.uint8)
    cut = cut_out(np.full((64, 64), 255, np.uint8), full, coverage)
    assert (cut.alpha == coverage).all()
    assert (cut.pixels[coverage > 0][:, :3] == full[coverage > 0]).all()


@pytest.mark.parametrize("shape", [(0, 5), (5, 0)])
def test_arrays_without_a_pixel_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ShapeError, match="at least one pixel"):
        cut_out(np.zeros(shape, np.uint8), np.zeros((9, 9, 3), np.uint8))


def test_coverage_of_another_size_is_refused() -> None:
    with pytest.raises(ShapeError, match="coverage"):
        cut_out(np.zeros((8, 8), np.uint8), np.zeros((9, 9, 3), np.uint8), np.zeros((9, 8), np.uint8))
