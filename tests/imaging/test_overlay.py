"""The classes drawn over a frame: exact at both ends of opacity, the background untouched, any size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.errors import ShapeError
from imaging.overlay import overlay, scaled
from imaging.shelf_classes import ShelfClass, palette

RNG = np.random.default_rng(3)
FRAME = RNG.integers(0, 256, (60, 80, 3), np.uint8)
MASK = np.repeat(np.repeat(np.array([[0, 1], [4, 2]], np.uint8), 8, axis=0), 8, axis=1)


def test_without_opacity_nothing_is_drawn_and_with_all_of_it_the_classes_are() -> None:
    assert (overlay(FRAME, MASK, 0) == FRAME).all()
    drawn = overlay(FRAME, MASK, 1)
    assert (drawn[:30, :40] == FRAME[:30, :40]).all()
    assert (drawn[:30, 40:] == ShelfClass.PRODUCT.colour).all()
    assert (drawn[30:, :40] == ShelfClass.EMPTY.colour).all()


@given(st.floats(0, 1), st.integers(1, 70), st.integers(1, 70))
def test_a_drawn_pixel_lies_between_the_frame_and_the_colour(opacity: float, height: int, width: int) -> None:
    frame = FRAME[:height, :width]
    drawn = overlay(frame, MASK, opacity)
    classes = scaled(MASK, *frame.shape[:2])
    wanted = frame + (palette()[classes] - frame.astype(float)) * opacity
    assert np.abs(np.where((classes == 0)[..., None], frame, wanted) - drawn).max() <= 0.51


def test_outlines_are_in_full_colour_where_classes_meet() -> None:
    drawn, plain = overlay(FRAME, MASK, 0.3, outline=True), overlay(FRAME, MASK, 0.3)
    changed = (drawn != plain).any(axis=2)
    assert changed[10, 40]
    assert (drawn[10, 40] == ShelfClass.PRODUCT.colour).all()
    assert (drawn[10, 39] == FRAME[10, 39]).all(), "the background has no colour"
    assert not changed[:28, 43:].any()


def test_a_mask_is_scaled_by_what_lies_under_the_middle_of_a_pixel() -> None:
    mask = np.arange(9, dtype=np.uint8).reshape(3, 3)
    assert scaled(mask, 1, 1).tolist() == [[4]]
    assert scaled(np.eye(2, dtype=np.uint8), 4, 4)[:2, :2].tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize("shape", [(0, 4, 3), (4, 4), (4, 4, 4)])
def test_what_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="a picture"):
        overlay(np.zeros(shape, np.uint8), MASK, 0.5)


@pytest.mark.parametrize("opacity", [-0.1, 1.1, float("nan")])
def test_opacity_out_of_range_is_refused(opacity: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        overlay(FRAME, MASK, opacity)
