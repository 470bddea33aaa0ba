"""From the network's matte to a studio cut-out: a second look, full size, whole parts, the edge where it is wished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imaging import cutout, edge, matte, parts, whiteness
from imaging.errors import ShapeError

if TYPE_CHECKING:
    from imaging.arrays import Bytes
    from imaging.cutout import CutOut
    from imaging.product_options import Refine


def refined(small: Bytes, full: Bytes, coverage: Bytes | None, wishes: Refine) -> CutOut:
    """Cut the subject out of `full` UINT8 [H, W, 3] with the network's matte `small` UINT8 [h, w].

    `coverage` UINT8 [H, W] is the picture's own alpha; the cut-out is nowhere more opaque. With every wish at 0 or off
    the result is that of `cutout.cut_out`. Raises ShapeError.
    """
    if small.size == 0 or full.size == 0:
        raise ShapeError("the matte and the picture must have at least one pixel")
    # A picture that is a cut-out already has no ground to look at.
    if wishes.white_on_white == "auto" and coverage is None:
        small = whiteness.second_look(small, full)
    alpha = cutout.limited(matte.upsample(small, full), coverage)
    alpha = parts.filled(alpha, wishes.holes)
    alpha = parts.cleaned(alpha, wishes.specks)
    alpha = cutout.limited(edge.moved(alpha, wishes.erosion), coverage)
    return cutout.dressed(alpha, full, coverage, decontaminate=wishes.decontaminate)
