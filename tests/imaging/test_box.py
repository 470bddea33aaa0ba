from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaging import box
from imaging.box import THRESHOLD, around


@given(st.data(), st.integers(1, 60), st.integers(1, 60))
def test_the_box_of_a_painted_box_is_that_box(data: st.DataObject, height: int, width: int) -> None:
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom, right = data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width))
    alpha = np.zeros((height, width), np.uint8)
    alpha[top:bottom, left:right] = data.draw(st.integers(THRESHOLD, 255))
    found = around(alpha)
    assert found.dtype == np.int32
    assert found.tolist() == [left, top, right, bottom]


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, THRESHOLD - 1))
def test_nothing_has_a_box_of_zeros(height: int, width: int, level: int) -> None:
    assert around(np.full((height, width), level, np.uint8)).tolist() == [0, 0, 0, 0]


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 39)), min_size=1, max_size=5))
def test_the_box_holds_every_point_and_touches_all_four_sides(points: list[tuple[int, int]]) -> None:
    alpha = np.zeros((30, 40), np.uint8)
    for y, x in points:
        alpha[y, x] = 255
    left, top, right, bottom = around(alpha)
    assert alpha[top:bottom, left:right].sum() == alpha.sum()
    inside = alpha[top:bottom, left:right]
    assert all(line.any() for line in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


def bottle() -> NDArray[np.uint8]:
    alpha = np.zeros((200, 300), np.uint8)
    alpha[50:150, 100:200] = 255
    return alpha


def test_haze_far_from_a_subject_moves_no_firm_box() -> None:
    alpha = bottle()
    alpha[20:40, 10:80] = 30
    assert box.around(alpha).tolist() == [10, 20, 200, 150]
    assert box.firm(alpha).tolist() == [100, 50, 200, 150]
    assert box.firm(bottle()).tolist() == box.around(bottle()).tolist()


def test_a_soft_edge_belongs_to_the_firm_box() -> None:
    alpha = bottle()
    alpha[49, 100:200] = alpha[150, 100:200] = 60
    assert box.firm(alpha).tolist() == [100, 49, 200, 151]


def test_a_translucent_body_belongs_to_it_and_so_does_a_subject_without_a_solid_part() -> None:
    alpha = bottle()
    alpha[150:190, 100:200] = 70
    assert box.firm(alpha).tolist() == [100, 50, 200, 190]
    assert box.firm(alpha // 4).tolist() == box.around(alpha // 4).tolist()
    assert box.firm(np.zeros_like(alpha)).tolist() == [0, 0, 0, 0]


@given(
    left=st.floats(10, 40),
    width=st.floats(80, 120),
    top=st.floats(10, 40),
    height=st.floats(80, 120),
    blur=st.floats(0, 2),
)
def test_the_outline_is_where_the_edges_are_whatever_their_softness(
    left: float, width: float, top: float, height: float, blur: float
) -> None:
    """Drawn by area, so that each pixel's value is how much of it is covered."""
    rows, columns = (
        np.clip(np.arange(180) + 1 - first, 0, 1) - np.clip(np.arange(180) + 1 - first - length, 0, 1)
        for first, length in ((top, height), (left, width))
    )
    drawn = np.outer(rows, columns) * 255
    alpha = np.rint(cv2.GaussianBlur(drawn, (0, 0), blur) if blur > 0.3 else drawn).astype(np.uint8)
    found = box.outline(alpha)
    assert found == pytest.approx((left, top, left + width, top + height), abs=0.5 if blur > 0.3 else 0.01)


def test_an_outline_of_what_is_translucent_has_all_of_it() -> None:
    assert box.outline(bottle()) == tuple(box.around(bottle()).tolist())
    assert box.outline(bottle() // 4) == tuple(box.around(bottle() // 4).tolist())
    assert box.outline(np.zeros((5, 7), np.uint8)) == (0, 0, 0, 0)
