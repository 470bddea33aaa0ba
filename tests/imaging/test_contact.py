from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaging.contact import TOUCHING, Contact, bearing, feet, found, lower_contour
from tests.imaging.products import block, disc, jar, table, tripod


def standing(alpha: NDArray[np.uint8]) -> Contact:
    stand = found(alpha)
    assert stand is not None
    return stand


def test_the_lower_contour_is_the_row_below_the_lowest_solid_pixel() -> None:
    contour, solid = lower_contour(bearing(table()[..., 3]))
    assert contour[[90, 110, 200, 290]].tolist() == [180, 320, 180, 320]
    assert solid.sum() == 240
    assert contour[10] == 0


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ([0, 9, 9, 9, 0], [1]),
        ([0, 9, 0, 8, 0], [1, 3]),
        ([9, 8, 9, 8, 9], [0]),  # too little between them
        ([5, 0, 0, 9], [0, 3]),
        ([1, 2, 3, 4, 9], [4]),
        ([9], [0]),
    ],
)
def test_feet_are_what_the_contour_rises_from_on_both_sides(rows: list[float], columns: list[int]) -> None:
    assert feet(np.array(rows, np.float32), 3) == columns


def test_a_table_rests_on_its_legs_and_not_on_the_air_between() -> None:
    stand = found(table()[..., 3])
    assert stand is not None
    assert stand.touch[102:118].min() > 0.9
    assert stand.touch[282:298].min() > 0.9
    assert stand.touch[125:275].max() == 0
    assert stand.gap[125:275].min() == 140
    assert np.abs(stand.ground - 320).max() < 1e-3
    assert stand.height == 170


def test_a_leg_farther_back_stands_on_its_own_ground() -> None:
    stand = found(tripod()[..., 3])
    assert stand is not None
    for x, y in ((80, 344), (320, 344), (220, 314)):
        assert stand.touch[x] > 0.9
        assert abs(stand.ground[x] - y) <= 2
    assert stand.touch[[120, 150, 190, 260]].max() < 0.05


def test_a_ball_touches_the_ground_in_its_middle() -> None:
    stand = found(disc(400, 200, 200, 150).alpha)
    assert stand is not None
    assert stand.touch[190:210].min() > 0.95
    assert max(stand.touch[90], stand.touch[310]) == 0
    assert np.allclose(stand.touch, stand.touch[::-1], atol=0.2)


def test_what_hangs_high_is_no_foot() -> None:
    alpha = table()[..., 3].copy()
    alpha[180:230, 190:210] = 255  # a lamp under the table
    stand = found(alpha)
    assert stand is not None
    assert stand.touch[185:215].max() == 0


def test_nothing_stands_nowhere() -> None:
    assert found(np.zeros((50, 40), np.uint8)) is None


@settings(max_examples=30)
@given(ratio=st.floats(0.15, 0.6), solidity=st.sampled_from([100, 255]))
def test_a_disc_seen_from_above_rests_all_around(ratio: float, solidity: int) -> None:
    stand = standing(jar(ratio, solidity)[..., 3])
    assert stand.touch[124:277].min() > 0.8
    assert max(stand.touch[:118].max(), stand.touch[283:].max()) == 0
    assert abs(stand.ground[200] - (300 + 80 * ratio)) < 2
    assert abs(stand.back[200] - (300 - 80 * ratio)) < 0.3 * 80 * ratio + 2


@settings(max_examples=30)
@given(radius=st.integers(30, 100), level=st.integers(0, 60))
def test_a_round_corner_that_stands_upright_is_in_the_air(radius: int, level: int) -> None:
    alpha = np.zeros((500, 400), np.uint8)
    left, right = 200 - radius - level, 200 + radius + level
    columns = np.arange(left, right) + 0.5
    inside = np.maximum(np.maximum(left + radius - columns, columns - (right - radius)), 0)
    lowest = 450 - radius + np.sqrt(radius**2 - inside**2)
    alpha[:, left:right] = np.where(np.arange(500)[:, None] < lowest, 255, 0)
    alpha[:120] = 0
    stand = standing(alpha)
    assert stand.touch[left:right][lowest < 450 - 0.07 * stand.size].max(initial=0) < TOUCHING
    assert stand.touch[200] == 1


def test_the_far_end_of_a_lens_that_lies_is_in_the_air() -> None:
    """Its lower edge rises gently to where the round end begins, a corner about as high as it is wide."""
    alpha = np.zeros((500, 600), np.uint8)
    columns = np.arange(80, 520)
    corner = np.clip((160 - columns) / 80, 0, 1)
    lowest = 420 - 0.08 * (520 - columns) - 64 * (1 - np.sqrt(1 - corner**2))
    alpha[150:, 80:520] = np.where(np.arange(150, 500)[:, None] < lowest, 255, 0)
    touch = standing(alpha).touch
    assert touch[200:500].min() > 0.6
    assert touch[80:110].max() < TOUCHING


def test_a_leg_that_leans_touches_with_its_foot_alone() -> None:
    for lean in (0.8, 1.5, 2.2):
        rows, columns = np.mgrid[:300, :400]
        alpha = np.where((np.abs(columns - 60 - (280 - rows) / lean) < 6) & (rows < 280), 255, 0).astype(np.uint8)
        alpha[:30, 60:] = 255
        assert standing(alpha).touch[90:].max() < TOUCHING


def test_glass_stands_where_it_ends_and_a_soft_edge_is_no_glass() -> None:
    alpha = block(300, 300, (100, 50, 200, 250)).alpha
    alpha[150:250, 100:200] = 70
    assert abs(standing(alpha).ground[150] - 250) <= 1
    alpha[150:250, 100:200] = np.linspace(255, 0, 100)[:, None]
    alpha[153:] = 0
    assert abs(standing(alpha).ground[150] - 152) <= 2


def beside(left: tuple[int, int], right: tuple[int, int] = (0, 0)) -> NDArray[np.uint8]:
    """A block from x 200 to 300 down to y 260, and what reaches out of it to x 60 and 440, each from row to row."""
    alpha = np.zeros((300, 500), np.uint8)
    alpha[60:260, 200:300] = 255
    alpha[slice(*left), 60:200] = 255
    alpha[slice(*right), 300:440] = 255
    return alpha


def test_a_bulky_thing_behind_at_one_side_rests_on_its_own_ground() -> None:
    for alpha in (beside((90, 210)), beside((0, 0), (90, 210))[:, ::-1]):
        stand = standing(alpha)
        assert stand.touch[64:190].min() > 0.9
        assert abs(stand.ground[100] - 210) <= 1
        assert stand.touch[210:290].min() > 0.9


def test_an_arm_and_what_reaches_out_at_both_sides_hang() -> None:
    for alpha in (beside((190, 210)), beside((90, 210), (90, 210)), beside((60, 130))):
        touch = standing(alpha).touch
        assert max(touch[60:195].max(), touch[305:440].max()) < TOUCHING


def test_the_footprint_of_a_loop_leaves_its_inside_light() -> None:
    ring = disc(400, 200, 200, 150).pixels[..., 3] - disc(400, 200, 200, 135).pixels[..., 3]
    stand = standing(np.ascontiguousarray(ring))
    assert stand.body[200, 200] == 0
    assert stand.body[343, 200] == 1
