from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaging import parts

quick = settings(max_examples=25)


def blot(side: int, centre: tuple[float, float], radius: float, soft: float = 1.0) -> NDArray[np.uint8]:
    y, x = np.mgrid[:side, :side] + 0.5
    away = np.hypot(x - centre[0], y - centre[1])
    return np.asarray(np.clip((radius - away) / soft + 0.5, 0, 1) * 255, np.uint8)


SUBJECT = blot(400, (200, 200), 100)


@pytest.mark.parametrize("soft", [1.0, 8.0])
def test_a_speck_goes_with_all_of_its_fringe(soft: float) -> None:
    alpha = np.maximum(SUBJECT, blot(400, (40, 60), 8, soft))
    assert (parts.cleaned(alpha, 0.02) == SUBJECT).all()


def test_a_speck_whose_haze_reaches_the_subject_still_goes() -> None:
    haze = np.zeros_like(SUBJECT)
    haze[195:205, 40:105] = 15
    alpha = np.maximum(np.maximum(SUBJECT, blot(400, (40, 200), 6)), haze)
    found = parts.cleaned(alpha, 0.01)
    assert found[:, :50].max() == 0
    assert (found[:, 100:] == alpha[:, 100:]).all()


def test_faint_spots_without_a_core_go_too() -> None:
    alpha = np.maximum(SUBJECT, blot(400, (30, 360), 9) // 14)
    assert (parts.cleaned(alpha, 0.01) == SUBJECT).all()


def test_parts_larger_than_the_share_stay() -> None:
    alpha = np.maximum(SUBJECT, blot(400, (40, 60), 20))
    assert parts.cleaned(alpha, 0.01) is alpha
    assert parts.cleaned(alpha, 0.05)[60, 40] == 0


def test_what_is_nowhere_opaque_although_it_is_wide_goes_up_to_more() -> None:
    spot = blot(400, (40, 60), 11, soft=4)
    assert (parts.cleaned(np.maximum(SUBJECT, np.minimum(spot, 120)), 0.001) == SUBJECT).all()
    assert parts.cleaned(np.maximum(SUBJECT, spot), 0.001)[60, 40] == 255
    large = np.maximum(SUBJECT, np.minimum(blot(400, (40, 60), 30), 120))
    assert parts.cleaned(large, 0.001) is large


def test_a_faint_dash_of_something_thin_stays() -> None:
    alpha = SUBJECT.copy()
    alpha[60:62, 20:200] = 90
    assert parts.cleaned(alpha, 0.001) is alpha


def test_the_largest_part_always_stays() -> None:
    alpha = np.maximum(SUBJECT, blot(400, (40, 60), 30))
    assert (parts.cleaned(alpha, 1.0) == SUBJECT).all()


@pytest.mark.parametrize("side", [400, 2600])
def test_a_thin_wire_and_what_hangs_on_it_stay(side: int) -> None:
    """Also where the parts are told apart on a copy of a smaller size."""
    alpha = np.asarray(cv2.resize(SUBJECT, (side, side)), np.uint8)
    cv2.line(alpha, (side // 2, side // 2), (20, 20), 255, 1)
    assert parts.cleaned(alpha, 0.01) is alpha
    cv2.line(alpha, (side // 4 - 3, side // 4 - 3), (side // 4 + 2, side // 4 + 2), 255, 1)
    assert parts.cleaned(alpha, 0.01) is alpha


def test_a_wire_in_dashes_stays() -> None:
    alpha = SUBJECT.copy()
    for start in range(20, 100, 10):
        alpha[200:203, start : start + 8] = 255
    assert parts.cleaned(alpha, 0.01) is alpha


@pytest.mark.parametrize("side", [400, 2600])
def test_a_hole_is_filled_with_its_fringe(side: int) -> None:
    whole = blot(side, (side / 2, side / 2), side / 4)
    alpha = cv2.subtract(whole, blot(side, (side / 2, side / 2), side / 60, side / 200))
    found = parts.filled(np.asarray(alpha, np.uint8), 0.02)
    assert (found == whole).all()
    assert (parts.filled(np.asarray(alpha, np.uint8), 0.001) == alpha).all()


def test_a_hole_in_glass_becomes_glass() -> None:
    glass = np.asarray(SUBJECT * 0.5, np.uint8)
    alpha = np.minimum(glass, 255 - blot(400, (200, 200), 8))
    assert np.abs(parts.filled(alpha, 0.01).astype(int) - glass).max() <= 1


def test_what_is_open_to_the_frame_or_to_the_ground_is_no_hole() -> None:
    alpha = np.zeros((200, 200), np.uint8)
    alpha[50:, 50:150] = 255
    alpha[190:, 90:95] = 0
    alpha[100:104, 50:70] = 0
    assert parts.filled(alpha, 0.5) is alpha


def test_filling_does_not_thicken_a_thin_wall() -> None:
    alpha = SUBJECT.copy()
    cv2.circle(alpha, (110, 200), 7, 0, -1, cv2.LINE_AA)
    found = parts.filled(alpha, 0.01)
    assert found[200, 110] == 255
    assert (found[SUBJECT == 0] == 0).all()


@quick
@given(seed=st.integers(0, 1000), share=st.floats(0, 1))
def test_cleaning_only_takes_and_filling_only_adds(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    alpha = np.asarray(cv2.resize(rng.integers(0, 256, (9, 7), dtype=np.uint8), (60, 50)), np.uint8)
    alpha[alpha < 90] = 0
    assert (parts.cleaned(alpha, share) <= alpha).all()
    assert (parts.filled(alpha, share) >= alpha).all()


def test_nothing_is_done_to_an_empty_matte_or_for_a_share_of_zero() -> None:
    empty = np.zeros((20, 30), np.uint8)
    for step in (parts.cleaned, parts.filled):
        assert step(empty, 0.5) is empty
        assert step(SUBJECT, 0.0) is SUBJECT
