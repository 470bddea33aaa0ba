from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaging import ring

SIDE = 160


def disc(radius: float, x: float = 80, y: float = 80) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return np.asarray(np.clip(radius + 0.5 - np.hypot(columns - x, rows - y), 0, 1) * 255, np.uint8)


def test_a_ring_lies_on_the_contour_and_its_normals_point_inwards() -> None:
    (found,) = ring.rings(disc(50))
    away = np.hypot(*(found.points - 80).T)
    assert np.abs(away - 50).mean() < 0.5
    assert np.abs(away - 50).max() < 1
    assert (np.abs(found.points + found.normals * away[:, None] - 80) < 6).all()
    gaps = np.hypot(*np.diff(found.points, axis=0).T)
    assert 1 < gaps.min() <= gaps.max() < 3


def test_the_normals_of_a_hole_point_away_from_it_into_the_subject() -> None:
    matte = np.minimum(disc(60), 255 - disc(20))
    outer, hole = ring.rings(matte)
    assert len(outer.points) > len(hole.points)
    for one in (outer, hole):
        inside = ring.unrolled(matte, one, 5)
        assert inside[:, 0].max() == 0
        assert inside[:, -1].min() == 255


def test_rings_of_nothing_and_of_specks_are_none() -> None:
    assert ring.rings(np.zeros((SIDE, SIDE), np.uint8)) == []
    assert ring.rings(disc(3)) == []
    noise = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    assert len(ring.rings(noise)) <= ring.MOST


@settings(max_examples=20)
@given(
    x=st.integers(50, 110), y=st.integers(50, 110), long=st.integers(14, 48), wide=st.integers(14, 48),
    turn=st.integers(0, 180), hole=st.booleans(),
)  # fmt: skip
def test_filled_rings_give_the_matte_back(x: int, y: int, long: int, wide: int, turn: int, hole: bool) -> None:  # noqa: FBT001
    matte = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(matte, (x, y), (long, wide), turn, 0, 360, 255, -1)
    if hole:
        cv2.ellipse(matte, (x, y), (long // 2, wide // 2), turn, 0, 360, 0, -1)
    again = ring.filled(matte.shape, [one.points for one in ring.rings(matte)])
    assert ((again > 127) == (matte > 127)).mean() > 0.99


def test_nothing_is_filled_without_an_outline() -> None:
    assert not ring.filled((20, 30), []).any()


@pytest.mark.parametrize("sigma", [1.0, 6.0])
def test_averages_along_a_ring_know_no_end(sigma: float) -> None:
    values = np.zeros(100)
    values[0] = 1
    mean = ring.smoothed(values, sigma)
    assert mean.sum() == pytest.approx(1, abs=1e-3)
    assert mean[1] == pytest.approx(mean[-1])
    assert ring.smoothed(np.full((40, 2), 3.0), sigma) == pytest.approx(3.0)
