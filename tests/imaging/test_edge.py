from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaging.edge import moved
from tests.imaging.comparison import assert_alike

quick = settings(max_examples=25)


def disc(side: int, radius: float) -> NDArray[np.uint8]:
    y, x = np.mgrid[:side, :side] + 0.5
    return np.asarray(np.clip(radius - np.hypot(x - side / 2, y - side / 2) + 0.5, 0, 1) * 255 + 0.5, np.uint8)


@pytest.mark.parametrize("distance", [0.25, 0.5, 1.0, 2.5, 5.0, -0.5, -1.5, -5.0])
def test_a_disc_gets_smaller_by_the_distance_all_around(distance: float) -> None:
    before, after = disc(260, 90), disc(260, 90 - distance)
    touched = before != after
    found = moved(before, distance)
    assert np.abs(found.astype(int) - after)[touched].mean() < 32
    assert float(found.sum()) == pytest.approx(float(after.sum()), rel=2e-3)
    assert_alike(found, after, 0.5, f"moved-by-{distance}")


def test_large_pictures_are_moved_as_exactly() -> None:
    before, after = disc(2300, 900), disc(2300, 898.5)
    found = moved(before, 1.5)
    assert np.abs(found.astype(int) - after)[before != after].mean() < 16


@quick
@given(distance=st.floats(-5, 5), seed=st.integers(0, 1000))
def test_an_edge_moves_one_way_only(distance: float, seed: int) -> None:
    before = np.random.default_rng(seed).integers(0, 256, (40, 50), dtype=np.uint8)
    found = moved(before, distance).astype(int)
    assert ((found <= before) if distance >= 0 else (found >= before)).all()


def test_a_distance_of_zero_and_an_empty_matte_change_nothing() -> None:
    alpha = disc(64, 20)
    assert moved(alpha, 0.0) is alpha
    assert not moved(np.zeros((9, 9), np.uint8), 3.0).any()


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("width", [1, 2, 4, 6])
def test_a_wire_stays_whole_up_to_where_it_is_fastened(width: int, upright: bool) -> None:  # noqa: FBT001
    alpha = disc(300, 70)
    alpha[150 : 150 + width, :] = 255
    alpha = alpha.T.copy() if upright else alpha
    found = moved(alpha, 2.0)
    wire = found[:, 150 : 150 + width] if upright else found[150 : 150 + width]
    assert wire.min() > 230


def test_what_fades_stays() -> None:
    y, x = np.mgrid[:300, :300] + 0.5
    smoke = np.asarray(np.clip(1.2 - np.hypot(x - 150, y - 150) / 110, 0, 1) * 255, np.uint8)
    assert np.abs(moved(smoke, 3.0).astype(int) - smoke).max() <= 1


def test_the_body_of_glass_stays_and_its_rim_moves() -> None:
    glass = np.asarray(disc(300, 100) * 0.45, np.uint8)
    found = moved(glass, 1.0)
    assert (found[90:210, 90:210] == glass[90:210, 90:210]).all()
    assert_alike(found, np.asarray(disc(300, 99) * 0.45, np.uint8), 0.5, "glass-moved")


def test_where_the_frame_cuts_the_subject_nothing_moves() -> None:
    alpha = np.zeros((120, 120), np.uint8)
    alpha[40:, 30:90] = 255
    found = moved(alpha, 2.0)
    assert (found[-1, 40:80] == 255).all()
    assert (found[40:42, 45:75] == 0).all()
    assert found[60, 29:33].tolist() == [0, 0, 0, 255]
