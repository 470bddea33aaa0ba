"""The tight box around the subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Bytes

SOLID = 128
REACH = 0.02  # of the solid part's longer side: so far around it soft edges and hair reach
LOOSE = 0.05  # of all alpha: more of it farther away is a translucent part of the subject, and no haze
THRESHOLD = 26  # of 255: a tenth. Hair belongs to the subject, the faint haze of an unsure network does not.


def around(alpha: Bytes, threshold: int = THRESHOLD) -> NDArray[np.int32]:
    """Return INT32 [4] (xmin, ymin, xmax, ymax), max exclusive, of alpha UINT8 [h, w] >= threshold; zeros for none."""
    rows = np.flatnonzero(alpha.max(axis=1, initial=0) >= threshold)
    columns = np.flatnonzero(alpha.max(axis=0, initial=0) >= threshold)
    if rows.size == 0:
        return np.zeros(4, np.int32)
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.int32)


def firm(alpha: Bytes) -> NDArray[np.int32]:
    """Return the same of what is solid with its soft edge: faint haze far from it, of an unsure network, moves nothing.

    A subject that is largely translucent keeps the box of `around`.
    """
    wide, solid = around(alpha), around(alpha, SOLID)
    if not solid.any():
        return wide
    reach = round(REACH * int(max(solid[2:] - solid[:2])))
    left, top = (max(int(side) - reach, 0) for side in solid[:2])
    near = alpha[top : int(solid[3]) + reach, left : int(solid[2]) + reach]
    total, kept = (int(part.sum(dtype=np.int64)) for part in (alpha, near))
    return around(near) + np.array([left, top] * 2, np.int32) if total - kept <= LOOSE * total else wide


def outline(alpha: Bytes) -> tuple[float, float, float, float]:
    """Return where the subject's edges are: left, top, right, bottom in parts of a pixel, each half opaque there.

    That is where an eye sees an edge, and a soft fringe does not move it. A subject of which more than LOOSE is less
    opaque and lies farther out has the box of `firm`; so has one of which nothing is opaque.
    """
    whole = firm(alpha)
    left, top, right, bottom = (int(side) for side in around(alpha, SOLID))
    total, kept = (int(part.sum(dtype=np.int64)) for part in (alpha, alpha[top:bottom, left:right]))
    if kept < (1 - LOOSE) * total or not total:
        return float(whole[0]), float(whole[1]), float(whole[2]), float(whole[3])
    columns, rows = alpha.max(axis=0), alpha.max(axis=1)
    return _rise(columns, left), _rise(rows, top), _fall(columns, right), _fall(rows, bottom)


def _rise(line: Bytes, first: int) -> float:
    """Return where the edge before pixel `first` of the line is, if each pixel's value is how much of it is covered."""
    before = int(line[first - 1]) if first else 0
    return first + 1 - (int(line[first]) + before) / 255


def _fall(line: Bytes, stop: int) -> float:
    return len(line) - _rise(line[::-1], len(line) - stop)
