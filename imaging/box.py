"""The tight box around the subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Bytes

THRESHOLD = 26  # of 255: a tenth. Hair belongs to the subject, the faint haze of an unsure network does not.


def around(alpha: Bytes, threshold: int = THRESHOLD) -> NDArray[np.int32]:
    """Return INT32 [4] (xmin, ymin, xmax, ymax), max exclusive, of alpha UINT8 [h, w] >= threshold; zeros for none."""
    rows = np.flatnonzero(alpha.max(axis=1, initial=0) >= threshold)
    columns = np.flatnonzero(alpha.max(axis=0, initial=0) >= threshold)
    if rows.size == 0:
        return np.zeros(4, np.int32)
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.int32)
