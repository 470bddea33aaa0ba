"""From the network's matte and the full picture to the cut-out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging import box, foreground, matte
from imaging.errors import ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Bytes

CHANNELS = [0, 0, 1, 1, 2, 2, 3, 3]
MARGIN = 32  # pixels of the old background kept around the subject for the estimate of its colours


@dataclass(frozen=True, slots=True)
class CutOut:
    """`pixels` RGBA UINT8 [H, W, 4], straight, 0 under alpha 0; `box` INT32 [4] xmin ymin xmax ymax, max exclusive."""

    pixels: Bytes
    alpha: Bytes
    box: NDArray[np.int32]


def cut_out(small: Bytes, full: Bytes, coverage: Bytes | None = None) -> CutOut:
    """Cut the subject out of `full` UINT8 [H, W, 3] with the network's matte `small` UINT8 [h, w].

    `coverage` UINT8 [H, W] is the picture's own alpha: the cut-out is nowhere more opaque than it, and pixels that it
    makes translucent keep their colour. Raises ShapeError.
    """
    if small.size == 0 or full.size == 0:
        raise ShapeError("the matte and the picture must have at least one pixel")
    alpha = limited(matte.upsample(small, full), coverage)
    return CutOut(_coloured(full, alpha, coverage), alpha, box.around(alpha))


def limited(alpha: Bytes, coverage: Bytes | None) -> Bytes:
    """Return `alpha` nowhere above the picture's own alpha, so that an existing cut-out stays one."""
    return alpha if coverage is None else np.minimum(alpha, coverage)


def _coloured(full: Bytes, alpha: Bytes, coverage: Bytes | None) -> Bytes:
    height, width = alpha.shape
    result = np.zeros((height, width, 4), np.uint8)
    left, top, right, bottom = box.around(alpha, threshold=1)
    if right == 0:
        return result
    near = slice(max(top - MARGIN, 0), bottom + MARGIN), slice(max(left - MARGIN, 0), right + MARGIN)
    colours = foreground.decontaminate(full[near], alpha[near])
    if coverage is not None:
        own = coverage[near] < 255  # noqa: PLR2004 - full alpha
        colours[own] = full[near][own]
    visible = cv2.copyTo(colours, alpha[near])
    cv2.mixChannels([visible, alpha[near]], [result[near]], CHANNELS)
    return result
