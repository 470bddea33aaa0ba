from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaging import seam

ROWS, REACH = 120, 12
PLACES = 2 * REACH + 1
WIDE = PLACES + 2 * seam.MARGIN


def strip(height: float, at: NDArray[np.float64] | float = 0.0, noise: float = 0.0) -> NDArray[np.float32]:
    """A strip whose light falls by `height` levels at `at` [ROWS] pixels behind the middle, in one channel of three."""
    off = np.arange(WIDE) - WIDE // 2
    step = np.clip(np.broadcast_to(at, (ROWS,))[:, None] + 0.5 - off, 0, 1)
    planes = np.zeros((ROWS, WIDE, 3), np.float32)
    planes[..., 0] = height * step
    return planes + np.random.default_rng(0).normal(0, noise, planes.shape).astype(np.float32)


@pytest.mark.parametrize("height", [3.0, 40.0])
@pytest.mark.parametrize("at", [-6, 0, 5])
def test_a_step_is_found_where_it_is_and_as_high_as_it_is(height: float, at: int) -> None:
    found = seam.strengths(strip(height, at))
    assert found.shape == (ROWS, PLACES)
    assert (found.argmax(axis=1) == REACH + at).all()
    assert found.max(axis=1) == pytest.approx(height, rel=0.05)


def test_a_soft_slope_is_no_step() -> None:
    slope = np.tile(np.arange(WIDE, dtype=np.float32)[None, :, None], (ROWS, 1, 3))
    assert seam.strengths(slope).max() < 1e-3


def test_a_step_that_goes_on_stands_out_of_the_noise() -> None:
    found = seam.strengths(strip(3.0, 2, noise=1.5))
    assert np.median(found[:, REACH + 2]) > 3 * np.median(found)


def test_the_path_follows_a_wavy_step_through_noise_and_closes() -> None:
    at = np.round(5 * np.sin(np.arange(ROWS) / ROWS * 2 * np.pi))
    path = seam.path(seam.strengths(strip(4.0, at, noise=0.8)), 0.15)
    assert np.abs(path - REACH - at).mean() < 0.7
    assert np.abs(np.diff(path)).max() <= 1
    assert abs(path[0] - path[-1]) <= 1


@settings(max_examples=25)
@given(rows=st.integers(2, 40), places=st.integers(3, 20), seed=st.integers(0, 99), stiff=st.floats(0, 2))
def test_a_path_never_jumps_and_is_closed(rows: int, places: int, seed: int, stiff: float) -> None:
    worth = np.random.default_rng(seed).random((rows, places)).astype(np.float32)
    path = seam.path(worth, stiff)
    assert path.shape == (rows,)
    assert path.min() >= 0
    assert path.max() < places
    # Its two halves meet where both times that it went along it was far from its ends.
    assert np.abs(np.delete(np.diff(path), rows // 2 - 1)).max(initial=0) <= 1
    assert abs(path[0] - path[-1]) <= 1


@pytest.mark.parametrize("shift", [-0.4, -0.1, 0.0, 0.3])
def test_a_top_is_found_between_the_places(shift: float) -> None:
    places = np.full(5, 6)
    values = np.tile(1 - 0.01 * (np.arange(13, dtype=np.float32) - 6 - np.float32(shift)) ** 2, (5, 1))
    assert seam.peaks(values, places) == pytest.approx(shift, abs=0.02)
    assert seam.peaks(values, np.zeros(5, int)) == pytest.approx(0)
