from __future__ import annotations

import numpy as np
import pytest

from imaging.contact import feet, found, lower_contour
from tests.imaging.products import disc, table, tripod


def test_the_lower_contour_is_the_row_below_the_lowest_solid_pixel() -> None:
    contour, solid = lower_contour(table()[..., 3])
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
    assert stand.near[125:275].max() < 0.05
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
