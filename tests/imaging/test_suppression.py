from __future__ import annotations

import numpy as np
import pytest

from imaging import suppression

BOXES = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]], np.float32)


def area(box: np.ndarray, more: int) -> float:
    return max(0.0, float(box[2] - box[0] + more)) * max(0.0, float(box[3] - box[1] + more))


def shared(one: np.ndarray, other: np.ndarray, more: int) -> float:
    return area(np.concatenate([np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])]), more)


def plainly(boxes: np.ndarray, scores: np.ndarray, most: float, *, smaller: bool) -> list[int]:
    """The definition, box by box."""
    more, kept = int(smaller), list[int]()
    for index in np.argsort(-scores, kind="stable").tolist():
        areas = [
            (area(boxes[index], more), area(boxes[other], more), shared(boxes[index], boxes[other], more))
            for other in kept
        ]
        if all(both / (min(one, two) if smaller else one + two - both) <= most for one, two, both in areas):
            kept.append(index)
    return kept


@pytest.mark.parametrize("smaller", [False, True])
@pytest.mark.parametrize("most", [0.3, 0.5, 0.7])
def test_what_stays_is_what_the_definition_keeps(smaller: bool, most: float) -> None:  # noqa: FBT001
    rng = np.random.default_rng(2)
    corners = rng.uniform(0, 60, (200, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(5, 40, (200, 2))], axis=1).astype(np.float32)
    scores = np.float32(1 / 200) * rng.permutation(200).astype(np.float32)
    found = (suppression.by_smaller if smaller else suppression.by_union)(boxes, scores, most)
    assert found.tolist() == plainly(boxes, scores, most, smaller=smaller)
    assert 5 < len(found) < 200


def test_of_equal_scores_the_earlier_stays() -> None:
    scores = np.array([0.9, 0.9, 0.95, 0.1], np.float32)
    assert suppression.by_union(BOXES, scores, 0.5).tolist() == [2, 0, 3]


def test_a_box_inside_another_goes_by_the_smaller_and_stays_by_the_union() -> None:
    boxes = np.array([[0, 0, 100, 100], [10, 10, 30, 30]], np.float32)
    scores = np.array([0.8, 0.9], np.float32)
    assert suppression.by_union(boxes, scores, 0.7).tolist() == [1, 0]
    assert suppression.by_smaller(boxes, scores, 0.7).tolist() == [1]


def test_boxes_without_an_area_do_no_harm() -> None:
    boxes = np.zeros((3, 4), np.float32)
    assert len(suppression.by_union(boxes, np.ones(3, np.float32), 0.5)) == 3


def test_nothing_stays_of_nothing() -> None:
    none, scores = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    assert suppression.by_union(none, scores, 0.5).shape == suppression.by_smaller(none, scores, 0.5).shape == (0,)
