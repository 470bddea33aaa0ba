from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from imaging import contour, ring
from perf.quality import figures
from tests.imaging import white_scenes

SIDE = 384


def view(picture: NDArray[np.uint8]) -> contour.View:
    return contour.viewed(np.asarray(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 0.7), np.float32))


def soft(alpha: NDArray[np.uint8], cells: int) -> NDArray[np.uint8]:
    few = cv2.resize(alpha, (cells, cells), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(few, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


@pytest.mark.parametrize("shape", white_scenes.SHAPES)
def test_a_soft_edge_is_drawn_on_the_step_under_it(shape: str) -> None:
    made = white_scenes.make(shape, SIDE, apart=6)
    blurred = soft(made.alpha, 24)
    found = contour.sharpened(blurred, view(made.picture))
    before, after = (figures.boundary_iou(one, made.alpha) for one in (blurred, found))
    assert after > max(0.82, before)
    assert figures.iou(found, made.alpha) > 0.96
    assert ((found > 30) & (found < 225)).sum() < 0.5 * ((blurred > 30) & (blurred < 225)).sum()


@pytest.mark.parametrize("shape", white_scenes.SHAPES)
def test_a_sharp_edge_stays_where_it_is(shape: str) -> None:
    made = white_scenes.make(shape, SIDE, apart=6)
    assert (contour.sharpened(made.alpha, view(made.picture)) == made.alpha).mean() > 0.9995


def test_a_soft_edge_stays_soft_where_the_picture_has_no_step() -> None:
    made = white_scenes.make("ball", SIDE, apart=0, shadow=0)
    blurred = soft(made.alpha, 24)
    found = contour.sharpened(blurred, view(made.picture))
    assert np.abs(found.astype(int) - blurred).mean() < 0.1


def test_what_is_translucent_stays_so() -> None:
    made = white_scenes.make("bottle", SIDE, apart=12)
    glass = np.asarray(soft(made.alpha, 96) * 0.6, np.uint8)
    found = contour.sharpened(glass, view(made.picture))
    assert np.abs(found.astype(int) - glass).max() < 20


def test_a_contour_on_a_step_is_borne_out_and_one_beside_it_is_not() -> None:
    made = white_scenes.make("ball", SIDE, apart=6, shadow=0)
    seen = view(made.picture)
    wider = np.asarray(cv2.dilate(made.alpha, np.ones((25, 25))), np.uint8)
    assert contour.support(made.alpha, seen).mean > 0.8
    assert contour.support(wider, seen).mean < 0.3
    assert contour.support(np.zeros_like(wider), seen).mean == 0


def test_a_rough_outline_goes_to_the_step_within_reach() -> None:
    made = white_scenes.make("box", SIDE, apart=8)
    rough = np.asarray(cv2.dilate(soft(made.alpha, 48), np.ones((9, 9))), np.uint8)
    found = contour.outlined(rough, view(made.picture), 10)
    assert figures.iou(rough, made.alpha) < 0.95
    assert figures.iou(found, made.alpha) > 0.96


def test_an_empty_matte_has_no_edge() -> None:
    nothing = np.zeros((SIDE, SIDE), np.uint8)
    seen = view(np.full((SIDE, SIDE, 3), 240, np.uint8))
    assert contour.sharpened(nothing, seen) is nothing
    assert not contour.outlined(nothing, seen, 8).any()
    assert seen.noise == pytest.approx(contour.LEAST)
    assert not ring.rings(nothing)
