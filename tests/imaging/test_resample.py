from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaging.place import Placement, placed
from imaging.resample import Axis, weights
from tests.imaging.products import block, cut, disc


def shown(side: int, scale: float, left: float, top: float, room: int) -> NDArray[np.uint8]:
    cut_out = disc(side, side / 2, side / 2, side / 4)
    return placed(cut_out, Placement(room, room, scale, left, top, frozenset()))


def centre(alpha: NDArray[np.uint8]) -> tuple[float, float]:
    rows, columns = np.mgrid[: alpha.shape[0], : alpha.shape[1]] + 0.5
    return float((columns * alpha).sum() / alpha.sum()), float((rows * alpha).sum() / alpha.sum())


@settings(max_examples=60)
@given(scale=st.floats(0.11, 3.7), x=st.floats(0, 1), y=st.floats(0, 1))
def test_centre_and_mass_follow_the_placement(scale: float, x: float, y: float) -> None:
    side, room = 120, int(120 * scale) + 12
    found = shown(side, scale, 4 + x, 5 + y, room)[..., 3]
    expected = 4 + x + scale * side / 2, 5 + y + scale * side / 2
    assert np.abs(np.subtract(centre(found), expected)).max() < 0.05
    assert math.isclose(found.sum(dtype=float) / 255, math.pi * (scale * side / 4) ** 2, rel_tol=0.02)


@settings(max_examples=60)
@given(scale=st.floats(0.11, 3.7), x=st.floats(0, 1), colour=st.tuples(*[st.integers(0, 255)] * 3))
def test_an_even_colour_stays_even_to_its_rim(scale: float, x: float, colour: tuple[int, int, int]) -> None:
    """No dark and no white fringe, wherever the pixels fall."""
    cut_out = disc(90, 45, 45, 30, colour)
    room = int(90 * scale) + 8
    found = placed(cut_out, Placement(room, room, scale, x, 2 - x, frozenset()))
    seen = found[found[..., 3] > 24][:, :3].astype(int)
    assert np.abs(seen - colour).max() <= 5
    solid = found[found[..., 3] == 255][:, :3].astype(int)
    assert np.abs(solid - colour).max() <= 1


@settings(max_examples=100)
@given(scale=st.floats(0.05, 5), shift=st.floats(-3, 3), length=st.integers(1, 60))
def test_weights_take_as_much_as_the_picture_covers(scale: float, shift: float, length: int) -> None:
    axis = Axis(scale, shift, length, 400)
    found = weights(axis, 0, 400)
    sums = found.matrix.sum(axis=1)
    covered = max(min(shift + scale * length, 400) - max(shift, 0), 0)
    assert sums.sum() == pytest.approx(covered, abs=1e-3)
    assert sums.max() < 1 + 1e-5


def test_fine_stripes_turn_into_grey_and_not_into_a_pattern() -> None:
    pixels = np.zeros((400, 400, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[:, ::2, :3] = 200
    found = placed(cut(pixels), Placement(150, 150, 0.37, 0.3, 0.1, frozenset()))
    assert np.abs(found[10:130, 10:130, :3].astype(int) - 100).max() <= 2


def test_the_frame_of_the_photo_is_a_sharp_edge_of_what_it_cuts() -> None:
    cut_out = block(40, 40, (0, 0, 40, 40))
    found = placed(cut_out, Placement(60, 60, 1.0, 10.25, 10.0, frozenset()))[30, :, 3]
    assert found[:10].max() == 0
    assert abs(int(found[10]) - round(0.75 * 255)) <= 1
    assert found[11:50].min() == 255
    assert abs(int(found[50]) - round(0.25 * 255)) <= 1
    assert found[51:].max() == 0


def test_whole_pixels_are_moved_as_they_are() -> None:
    cut_out = disc(80, 40, 40, 20)
    found = placed(cut_out, Placement(70, 60, 1.0, -12.0, 7.0, frozenset()))
    assert (found[7:, :] == cut_out.pixels[:63, 12:72]).all()
    assert not found[:7].any()


def test_a_subject_outside_the_canvas_leaves_it_empty() -> None:
    for move in (500.0, -500.0, 500.3, -500.3):
        assert not placed(disc(80, 40, 40, 20), Placement(70, 60, 1.0, move, 0.0, frozenset())).any()
