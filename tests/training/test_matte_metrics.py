import numpy as np
import pytest
from numpy.typing import NDArray

from training.matte.metrics import Figures, boundary_iou, mean, measure


def matte(left: int, right: int, value: int = 255) -> NDArray[np.uint8]:
    array = np.zeros((20, 20), np.uint8)
    array[:, left:right] = value
    return array


def test_overlap_figures_agree_with_hand_counts() -> None:
    figures = measure(matte(0, 10), matte(5, 15))
    assert figures.iou == pytest.approx(5 / 15)
    assert figures.dice == pytest.approx(10 / 20)
    assert figures.mae == pytest.approx(10 / 20)


def test_mae_sees_what_the_threshold_hides() -> None:
    figures = measure(matte(0, 10, 204), matte(0, 10))
    assert figures.iou == 1
    assert figures.mae == pytest.approx(0.5 * 51 / 255)


def test_a_perfect_matte_is_perfect_in_every_figure() -> None:
    figures = measure(matte(4, 12), matte(4, 12))
    assert figures.mae == 0
    assert [figures.iou, figures.dice, figures.boundary_iou] == [1, 1, 1]
    assert figures.s_measure == pytest.approx(1, abs=1e-3)
    assert figures.weighted_f == pytest.approx(1, abs=1e-3)


def test_boundary_iou_counts_a_band_of_two_percent_of_the_diagonal_inside_the_edge() -> None:
    wanted = np.zeros((100, 100), bool)
    wanted[20:80, 20:80] = True
    found = np.zeros((100, 100), bool)
    found[20:80, 20:79] = True
    # 2 % of the diagonal is 3 pixels: rings of 60x60 and 60x59, the inner borders 54x54 and 54x53.
    ring, narrow = 60 * 60 - 54 * 54, 60 * 59 - 54 * 53
    # Common: the ring's top and bottom (59 wide, 3 high each), the left 3 columns, and columns 77, 78 of the right.
    common = 2 * 3 * 59 + 54 * 3 + 54 * 2
    assert boundary_iou(found, wanted) == pytest.approx(common / (ring + narrow - common))


def test_boundary_iou_punishes_a_rough_edge_more_than_iou() -> None:
    wanted = np.zeros((200, 200), bool)
    wanted[20:180, 20:180] = True
    found = wanted.copy()
    found[20:180:2, 176:180] = False
    overlap = (found & wanted).sum() / (found | wanted).sum()
    assert boundary_iou(found, wanted) < overlap - 0.05


def test_the_frame_counts_as_an_edge() -> None:
    full = np.ones((100, 100), bool)
    inner = np.zeros((100, 100), bool)
    inner[10:90, 10:90] = True
    assert boundary_iou(inner, full) == 0


def test_two_empty_mattes_are_perfect() -> None:
    empty = np.zeros((16, 16), np.uint8)
    assert measure(empty, empty) == Figures(1, 1, 0, 1, 1, 1)


def test_two_full_mattes_are_perfect() -> None:
    full = np.full((16, 16), 255, np.uint8)
    figures = measure(full, full)
    assert (figures.iou, figures.dice, figures.mae, figures.boundary_iou) == (1, 1, 0, 1)
    assert figures.s_measure == pytest.approx(1, abs=1e-3)


def test_something_where_nothing_is_wanted_scores_nothing() -> None:
    figures = measure(matte(0, 20), matte(0, 0))
    assert (figures.iou, figures.dice, figures.mae, figures.boundary_iou, figures.weighted_f) == (0, 0, 1, 0, 0)
    assert figures.s_measure == pytest.approx(0)


def test_nothing_where_all_is_wanted_scores_nothing() -> None:
    figures = measure(matte(0, 0), matte(0, 20))
    assert (figures.iou, figures.dice, figures.mae, figures.boundary_iou) == (0, 0, 1, 0)
    assert figures.s_measure == pytest.approx(0)


def test_means_are_per_picture() -> None:
    assert mean([Figures(1, 1, 0, 1, 1, 1), Figures(0, 0.5, 1, 0, 0, 0)]) == Figures(0.5, 0.75, 0.5, 0.5, 0.5, 0.5)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        measure(matte(0, 3), np.zeros((3, 3), np.uint8))
