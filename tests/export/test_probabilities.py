"""What the proof of a classifier lets pass, and what it does not."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from export.probabilities import judge, softmax

WANTED = np.array([[0.7, 0.2, 0.1], [0.1, 0.45, 0.45]])


def verdicts(found: np.ndarray, limit: float) -> list[bool]:
    return [row.ok for row in judge("values", found, WANTED, limit)]


def test_the_same_answers_pass() -> None:
    assert verdicts(WANTED.astype(np.float32), 1e-4) == [True, True]


def test_a_difference_beyond_the_limit_fails_even_where_the_best_label_stays() -> None:
    assert verdicts(np.array([[0.7, 0.22, 0.08], WANTED[1]]), 0.01) == [False, True]


def test_another_best_label_fails_whatever_the_limit_of_the_difference() -> None:
    assert verdicts(np.array([[0.4, 0.5, 0.1], WANTED[1]]), 0.45) == [True, False]


def test_two_labels_that_are_as_good_may_change_places() -> None:
    assert verdicts(np.array([WANTED[0], [0.1, 0.4499, 0.4501]]), 1e-3) == [True, True]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_fails(value: float) -> None:
    assert not verdicts(np.full_like(WANTED, value), 0.1)[0]


def test_another_number_of_labels_fails() -> None:
    assert [row.ok for row in judge("values", WANTED[:, :2], WANTED, 1)] == [False]


def test_a_single_label_is_always_the_best() -> None:
    assert all(row.ok for row in judge("values", np.ones((2, 1)), np.ones((2, 1)), 1e-4))


@given(arrays.arrays(np.float64, (3, 5), elements=st.floats(-1e4, 1e4)))
def test_probabilities_sum_up_to_one_and_keep_the_order_of_the_logits(logits: np.ndarray) -> None:
    found = softmax(logits)
    assert found.sum(axis=1) == pytest.approx(np.ones(3))
    assert np.isfinite(found).all()
    assert (found[np.arange(3), logits.argmax(axis=1)] == found.max(axis=1)).all()
