from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from imaging import contour, dispute
from perf.quality import figures
from tests.imaging import white_scenes

SIDE = 384
MADE = white_scenes.make("box", SIDE, apart=7)


def settled(matte: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    planes = cv2.GaussianBlur(MADE.picture.astype(np.float32), (0, 0), 0.7)
    return dispute.settled(matte, other, contour.viewed(np.asarray(planes, np.float32)))


def without(rows: slice, columns: slice) -> NDArray[np.uint8]:
    part = MADE.alpha.copy()
    part[rows, columns] = 0
    return part


@pytest.mark.parametrize("axis", [0, 1])
def test_a_missing_half_comes_back(axis: int) -> None:
    cut = slice(0, SIDE // 2), slice(0, SIDE)
    found = settled(without(*cut[:: 1 - 2 * axis]), MADE.alpha)
    assert figures.iou(found, MADE.alpha) > 0.98


def test_a_hole_without_an_edge_is_filled() -> None:
    holed = without(slice(200, 240), slice(180, 220))
    assert (settled(holed, MADE.alpha) == MADE.alpha).mean() > 0.999


def test_ground_beside_the_subject_is_not_taken() -> None:
    wider = np.asarray(cv2.dilate(MADE.alpha, np.ones((41, 41))), np.uint8)
    assert (settled(MADE.alpha, wider) == MADE.alpha).all()


def test_a_sure_matte_loses_no_part_with_an_edge_around_it() -> None:
    assert (settled(MADE.alpha, without(slice(0, 170), slice(0, SIDE))) == MADE.alpha).all()


def test_ground_that_a_matte_swallowed_all_around_goes() -> None:
    wider = np.asarray(cv2.dilate(MADE.alpha, np.ones((41, 41))), np.uint8)
    assert figures.iou(settled(wider, MADE.alpha), MADE.alpha) > 0.98


def test_a_little_that_the_network_was_not_sure_of_goes() -> None:
    hazy = MADE.alpha.copy()
    cv2.circle(hazy, (300, 260), 14, 160, -1)
    found = settled(hazy, MADE.alpha)
    assert figures.iou(hazy, MADE.alpha) < figures.iou(found, MADE.alpha)


def test_where_both_agree_nothing_changes() -> None:
    assert settled(MADE.alpha, MADE.alpha) is MADE.alpha
