"""The best two parts of a picture: a minimal cut, in its convex form.

Minimises sum(length * |grad u|) + sum(cost * u) over u from 0 to 1 (Chan, Esedoglu and Nikolova 2006), by primal-dual
steps (Chambolle and Pock 2011), from a coarse grid to the fine one. Where `length` is small a boundary is cheap, so it
runs along edges and, where they have a gap, straight across it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from imaging.arrays import Floats

PRIMAL, DUAL = 2.0, 0.06  # steps; their product times 8 must stay below 1. Costs of a cell are small beside lengths.
STEPS = (240, 160, 120)  # on grids of a quarter, of half and of the whole size
LEAST_SIDE = 16


def partition(length: Floats, cost: Floats) -> Floats:
    """Return u FP32 [h, w], mostly 0 or 1, for `length` FP32 [h, w] from 0 on and `cost` FP32 [h, w] of any sign."""
    height, width = cost.shape
    found = (cost < 0).astype(np.float32)
    for number, steps in enumerate(STEPS):
        shrink = 2 ** (len(STEPS) - 1 - number)
        if shrink > 1 and min(height, width) < LEAST_SIDE * shrink:
            continue
        size = max(1, width // shrink), max(1, height // shrink)
        lengths, costs, start = (
            np.asarray(cv2.resize(plane, size, interpolation=way), np.float32)
            for plane, way in ((length, cv2.INTER_AREA), (cost, cv2.INTER_AREA), (found, cv2.INTER_LINEAR))
        )
        found = _solved(lengths, costs * np.float32(shrink), start, steps)
    return found


def _solved(length: Floats, cost: Floats, start: Floats, steps: int) -> Floats:
    primal, dual = np.float32(PRIMAL), np.float32(DUAL)
    cost = primal * cost
    found, ahead = start, start.copy()
    across, down = np.zeros_like(start), np.zeros_like(start)
    for _ in range(steps):
        across[:, :-1] += dual * (ahead[:, 1:] - ahead[:, :-1])
        down[:-1] += dual * (ahead[1:] - ahead[:-1])
        over = length / np.maximum(np.maximum(cv2.magnitude(across, down), length), np.float32(1e-6))
        across *= over
        down *= over
        change = across + down
        change[:, 1:] -= across[:, :-1]
        change[1:] -= down[:-1]
        better = np.clip(found + primal * change - cost, 0, 1)
        ahead = 2 * better - found
        found = better
    return np.asarray(found, np.float32)
