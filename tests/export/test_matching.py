"""Boxes are compared with their counterparts, in both directions, whatever their order."""

import numpy as np
import pytest

from export import matching
from export.matching import Detections
from export.proof import Row
from export.roles import BoxTolerance

TOLERANCE = BoxTolerance(1.0, 0.5, 0.01, 0.0)


def scattered(count: int = 30, seed: int = 1) -> Detections:
    rng = np.random.default_rng(seed)
    corner, extent = rng.uniform(0, 0.5, (count, 2)), rng.uniform(0.1, 0.5, (count, 2))
    return Detections(np.concatenate([corner, corner + extent], axis=1), -np.sort(-rng.uniform(0.15, 1, count)))


def compared(found: Detections, wanted: Detections) -> list[Row]:
    return matching.rows("boxes", [found], [wanted], TOLERANCE)


def test_another_order_is_no_difference() -> None:
    wanted = scattered()
    order = np.random.default_rng(2).permutation(30)
    rows = compared(Detections(wanted.boxes[order], wanted.scores[order]), wanted)
    assert [(row.value, row.ok) for row in rows] == [(0.0, True)] * 4


def test_distances_are_in_pixels_of_640_and_their_mean_has_a_limit() -> None:
    wanted = scattered(4)
    moved = wanted.boxes.copy()
    moved[0, 2] += 0.8 / 640
    largest, mean, score, unmatched = compared(Detections(moved, wanted.scores - 0.005), wanted)
    assert [row.value for row in (largest, mean, score)] == pytest.approx([0.8, 0.2, 0.005])
    assert (unmatched.value, unmatched.unit) == (0, "of 8 boxes unmatched")
    assert all(row.ok for row in (largest, mean, score, unmatched))
    moved[:, 2] += 0.8 / 640
    assert not compared(Detections(moved, wanted.scores), wanted)[1].ok


@pytest.mark.parametrize(("pixels", "score"), [(1.2, 0.0), (0.0, 0.012)])
def test_a_box_further_than_the_tolerance_is_another_box(pixels: float, score: float) -> None:
    wanted = scattered(4)
    moved = wanted.boxes.copy()
    moved[0, 2] += pixels / 640
    scores = wanted.scores - np.array([score, 0, 0, 0])
    *_, unmatched = compared(Detections(moved, scores), wanted)
    assert (unmatched.value, unmatched.ok) == (0.25, False)


def test_what_is_missing_and_what_is_made_up_both_count() -> None:
    wanted = scattered(10)
    fewer = Detections(wanted.boxes[1:], wanted.scores[1:])
    for found, truth in ((fewer, wanted), (wanted, fewer)):
        unmatched = compared(found, truth)[3]
        assert unmatched.value == pytest.approx(1 / 19, abs=1e-4)
        assert not unmatched.ok


def test_boxes_that_no_pipeline_looks_at_do_not_count() -> None:
    wanted = scattered(10)
    faint = Detections(np.tile([[0.0, 0.0, 0.01, 0.01]], (5, 1)), np.full(5, 0.04))
    found = Detections(np.concatenate([wanted.boxes, faint.boxes]), np.concatenate([wanted.scores, faint.scores]))
    assert all(row.ok for row in compared(found, wanted))


def test_where_all_are_faint_the_best_one_still_counts() -> None:
    wanted = Detections(scattered(3).boxes, np.array([0.03, 0.02, 0.01]))
    found = Detections(wanted.boxes[1:], wanted.scores[1:])
    assert not compared(found, wanted)[3].ok


def test_nothing_on_both_sides_is_agreement() -> None:
    nothing = Detections(np.zeros((0, 4)), np.zeros(0))
    assert all(row.ok for row in compared(nothing, nothing))
    assert not compared(nothing, scattered(2))[3].ok


@pytest.mark.parametrize(
    ("boxes", "scores", "ok"),
    [
        ([[0, 0, 1, 1], [0.1, 0.1, 0.2, 0.2]], [0.9, 0.9], True),
        ([[0, 0, 1, 1], [0.1, 0.1, 0.2, 0.2]], [0.8, 0.9], False),
        ([[0, 0, 1.01, 1]], [0.9], False),
        ([[0.5, 0, 0.4, 1]], [0.9], False),
        ([[np.nan, 0, 1, 1]], [0.9], False),
    ],
)
def test_order_and_borders_are_part_of_the_contract(boxes: list[list[float]], scores: list[float], ok: bool) -> None:  # noqa: FBT001
    assert matching.orderly([Detections(np.array(boxes), np.array(scores))]).ok is ok


def test_sorted_scores_are_compared_one_by_one_and_never_across_shapes() -> None:
    scores = np.array([[0.9, 0.5]], np.float32)
    assert matching.sorted_scores("plan", scores - np.float32(0.005), scores, TOLERANCE).ok
    assert not matching.sorted_scores("plan", scores - np.float32(0.02), scores, TOLERANCE).ok
    assert not matching.sorted_scores("plan", scores[:, :1], scores, TOLERANCE).ok


def test_a_box_far_from_all_others_is_unmatched_and_moves_no_distance() -> None:
    wanted = scattered(10)
    moved = wanted.boxes.copy()
    moved[3] += 0.1
    largest, _, _, unmatched = compared(Detections(moved, wanted.scores), wanted)
    assert (largest.value, unmatched.value) == (0.0, 0.1)
    assert not unmatched.ok
