"""A second look at white on white: an even, light ground that differs from the subject by a few grey levels.

There a network guesses, and its matte is soft or lacks parts. What it says is kept wherever the picture does not
contradict it. Another matte is found by a minimal cut from what the picture tells (`evidence`); where both say the
opposite, the one wins whose contour there has a step of the picture under it (`dispute`); and soft edges are drawn
sharp on such steps (`contour`). A matte that is sharp and has steps under its contour stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging import contour, dispute, evidence, field
from imaging.resize import resized

if TYPE_CHECKING:
    from imaging.arrays import Bytes, Floats
    from imaging.contour import View

LEAST_SIDE = 64  # of a matte; a smaller one tells too little
GLANCE = 256  # least side of what is looked at to tell most other pictures from a booth's, without averaging them
GAP = 4  # cells on both sides by which an edge may be interrupted and still closes off what lies behind it
SMOOTH = 0.7  # pixels, sigma by which the picture is smoothed against its noise
ROUGH = 2.0  # pixels, sigma by which the cells of a cut are
REACH = 10  # pixels from a cut's cells to the steps that they mean
SURE = 200  # of 255: what a network says of a subject that it sees
PLAIN = 24  # levels between a subject and its ground from which it is not white on white
HALF, STRAY = 0.5, 0.03  # evidence of a step; share of a contour that may lack it in a matte that needs no other
FULL = 255


def second_look(small: Bytes, full: Bytes) -> Bytes:
    """Return the network's matte `small` UINT8 [h, w] as the picture `full` UINT8 [H, W, 3] corrects it.

    It is `small` itself where the picture's ground is no even, light field, where the subject that it is sure of is not
    as light, or where nothing contradicts.
    """
    if min(small.shape) < LEAST_SIDE or not _white_on_white(small, full):
        return small
    pixels = resized(full, *small.shape)
    planes = cv2.transform(cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), SMOOTH), evidence.OPPONENT)
    view = contour.viewed(np.asarray(planes, np.float32))
    return contour.sharpened(_corrected(small, pixels, view), view)


def _white_on_white(small: Bytes, full: Bytes) -> bool:
    step = max(1, min(full.shape[:2]) // GLANCE)
    glance = np.ascontiguousarray(full[::step, ::step])
    ground = field.fitted(glance)
    return ground is not None and not _plain(glance - ground.colours, resized(small, *glance.shape[:2]))


def _plain(away: Floats, small: Bytes) -> bool:
    """Return whether the network has a subject that nobody takes for the ground: then it knows better than edges do."""
    sure = small >= SURE
    return bool(sure.any()) and float(np.median(np.abs(away[sure]).max(axis=1))) > PLAIN


def _corrected(small: Bytes, pixels: Bytes, view: View) -> Bytes:
    if _borne_out(small, view):
        return small
    steps = evidence.steps(pixels)
    ground = field.fitted(pixels, evidence.opened(steps, GAP))
    if ground is None:
        return small
    found = evidence.gathered(small, pixels - ground.colours, steps)
    for stance in (evidence.CAUTIOUS, evidence.EAGER):
        small = dispute.settled(small, _proposed(evidence.subject(found, stance), view), view)
        if _borne_out(small, view):
            break
    return small


def _borne_out(small: Bytes, view: View) -> bool:
    steps = contour.support(small, view).steps
    return bool(steps.size) and float(np.mean(steps < HALF)) < STRAY


def _proposed(cells: Floats, view: View) -> Bytes:
    height, width = view.planes.shape[:2]
    rough = cv2.GaussianBlur(cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR), (0, 0), ROUGH)
    return contour.outlined(np.asarray(rough * FULL, np.uint8), view, REACH)
