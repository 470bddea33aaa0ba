from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from imaging import detections
from imaging.errors import ShapeError

SHARES = np.array([[0.1, 0.2, 0.5, 0.6], [0.0, 0.0, 1.0, 1.0], [0.4, 0.4, 0.6, 0.9]], np.float32)
SCORES = np.array([0.4, 0.9, 0.29], np.float32)


def test_likely_boxes_come_in_pixels_with_the_best_first() -> None:
    found = detections.likely(SHARES, SCORES, (50, 200))
    assert found.scores.tolist() == pytest.approx([0.9, 0.4])
    assert found.boxes == pytest.approx(np.array([[0, 0, 200, 50], [20, 10, 100, 30]]))
    assert {found.boxes.dtype.name, found.scores.dtype.name} == {"float32"}


@pytest.mark.parametrize(("threshold", "count"), [(0.0, 3), (0.29, 3), (0.3, 2), (0.5, 1), (0.95, 0)])
def test_a_box_at_the_threshold_counts(threshold: float, count: int) -> None:
    assert len(detections.likely(SHARES, SCORES, (10, 10), threshold).scores) == count


def test_what_lies_outside_is_cut_off_and_left_out_where_nothing_remains() -> None:
    shares = np.array([[-0.5, -0.1, 0.5, 1.7], [1.2, 0.1, 1.4, 0.3], [0.5, 0.5, 0.5, 0.9]], np.float32)
    found = detections.likely(shares, np.array([0.9, 0.8, 0.7], np.float32), (100, 40))
    assert found.boxes.tolist() == [[0, 0, 20, 100]]


def test_values_that_are_no_numbers_are_nobody() -> None:
    shares = np.array([[np.nan, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]], np.float32)
    found = detections.likely(shares, np.array([0.9, np.nan, 0.5], np.float32), (10, 10))
    assert found.scores.tolist() == [0.5]


def test_no_boxes_are_no_persons() -> None:
    found = detections.likely(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), (10, 10))
    assert (found.boxes.shape, found.scores.shape) == ((0, 4), (0,))


@pytest.mark.parametrize(
    ("shares", "scores", "size", "words"),
    [
        (SHARES[:2], SCORES, (10, 10), "do not belong together"),
        (SHARES[:, :3], SCORES, (10, 10), "do not belong together"),
        (SHARES, SCORES, (0, 10), "no size of a picture"),
        (SHARES, SCORES, (10, -1), "no size of a picture"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    shares: np.ndarray, scores: np.ndarray, size: tuple[int, int], words: str
) -> None:
    with pytest.raises(ShapeError, match=words):
        detections.likely(shares, scores, size)


def test_pictures_with_fewer_persons_are_filled_up_with_zeros() -> None:
    several = [detections.likely(SHARES, SCORES, (10, 10), limit) for limit in (0.3, 0.95, 0.0)]
    boxes, scores, count = detections.padded(several)
    assert (boxes.shape, scores.shape, count.tolist()) == ((3, 3, 4), (3, 3), [[2], [0], [3]])
    assert (boxes.dtype.name, scores.dtype.name, count.dtype.name) == ("float32", "float32", "int32")
    for index, one in enumerate(several):
        assert (boxes[index, : len(one.boxes)] == one.boxes).all()
        assert not boxes[index, len(one.boxes) :].any()
        assert not scores[index, len(one.scores) :].any()


@given(
    arrays.arrays(np.float32, (7, 4), elements=st.floats(-2, 2, width=32)),
    arrays.arrays(np.float32, 7, elements=st.floats(0, 1, width=32)),
    st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
)
def test_whatever_a_network_says_boxes_lie_within_the_picture(
    shares: np.ndarray, scores: np.ndarray, size: tuple[int, int]
) -> None:
    found = detections.likely(shares, scores, size)
    height, width = size
    assert (found.boxes >= 0).all()
    assert (found.boxes <= (width, height, width, height)).all()
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
    assert (np.diff(found.scores) <= 0).all()
    assert (found.scores >= np.float32(detections.THRESHOLD)).all()
