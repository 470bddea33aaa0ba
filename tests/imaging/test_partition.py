from __future__ import annotations

import numpy as np

from imaging.partition import partition

SIDE = 96


def test_where_boundaries_are_free_each_cell_goes_its_own_way() -> None:
    cost = np.random.default_rng(1).normal(0, 0.1, (SIDE, SIDE)).astype(np.float32)
    found = partition(np.zeros((SIDE, SIDE), np.float32), cost)
    plain = np.abs(cost) > 0.02
    assert ((found > 0.5) == (cost < 0))[plain].all()


def test_the_boundary_takes_the_cheap_way_and_bridges_its_gaps() -> None:
    length = np.ones((SIDE, SIDE), np.float32)
    length[20, 20:76] = length[75, 20:76] = length[20:76, 20] = length[20:76, 75] = 0.02
    length[20, 40:50] = 1
    cost = np.full((SIDE, SIDE), 0.02, np.float32)
    cost[30:66, 30:66] = -0.06
    found = partition(length, cost) > 0.5
    assert found[24:72, 24:72].mean() > 0.97
    found[19:77, 19:77] = False
    assert not found.any()


def test_something_without_an_edge_that_gains_little_is_not_worth_its_boundary() -> None:
    cost = np.full((SIDE, SIDE), 0.1, np.float32)
    cost[40:56, 40:56] = -0.05
    assert partition(np.ones((SIDE, SIDE), np.float32), cost).max() < 0.5
    cost[40:56, 40:56] = -0.6
    assert partition(np.ones((SIDE, SIDE), np.float32), cost)[48, 48] > 0.5
