"""From the network's matte and the full picture to the cut-out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from imaging import box, foreground, matte
from imaging.errors import ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Bytes

Region: TypeAlias = "tuple[slice, slice]"
CHANNELS = [0, 0, 1, 1, 2, 2, 3, 3]
MARGIN = 32  # pixels of the old background kept around the subject for the estimate of its colours
OPAQUE = 255


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
    return dressed(limited(matte.upsample(small, full), coverage), full, coverage)


def dressed(alpha: Bytes, full: Bytes, coverage: Bytes | None, *, decontaminate: bool = True) -> CutOut:
    """Cut out what `alpha` UINT8 [H, W] says, in the subject's own colours or else, not decontaminated, the photo's."""
    region = around(alpha)
    colours = full[region]
    if decontaminate:
        colours = foreground.decontaminate(full[region], alpha[region])
        if coverage is not None:
            own = coverage[region] < OPAQUE
            colours[own] = full[region][own]
    return CutOut(assembled(colours, alpha, region), alpha, box.around(alpha))


def limited(alpha: Bytes, coverage: Bytes | None) -> Bytes:
    """Return `alpha` nowhere above the picture's own alpha, so that an existing cut-out stays one."""
    if coverage is None:
        return alpha
    if coverage.shape != alpha.shape:
        raise ShapeError(f"coverage is {coverage.shape[0]} x {coverage.shape[1]}, the picture {alpha.shape}")
    return np.minimum(alpha, coverage)


def around(alpha: Bytes) -> Region:
    """Return where alpha is not 0, with a margin; empty slices where it is 0 everywhere."""
    left, top, right, bottom = (int(side) for side in box.around(alpha, threshold=1))
    if right == 0:
        return slice(0, 0), slice(0, 0)
    return _wider(top, bottom, alpha.shape[0]), _wider(left, right, alpha.shape[1])


def _wider(start: int, stop: int, length: int) -> slice:
    """Return the span with a margin, of even length where that fits: halving it is then cheap."""
    low, high = max(start - MARGIN, 0), min(stop + MARGIN, length)
    return slice(low, high + (high - low) % 2 * (high < length))


def assembled(colours: Bytes, alpha: Bytes, region: Region) -> Bytes:
    """Return RGBA UINT8 [H, W, 4] with `colours` in `region`, and 0 wherever alpha is 0, for compression."""
    result = np.zeros((*alpha.shape, 4), np.uint8)
    if colours.size:
        visible = cv2.copyTo(colours, alpha[region])
        cv2.mixChannels([visible, alpha[region]], [result[region]], CHANNELS)
    return result
