"""What the subject throws onto the ground, as the opacity of one colour; the subject itself hides what lies under it.

Shadows are soft and so are made small, then enlarged with noise of one level against bands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging import contact, dither, occlusion, throw, tiles
from imaging.blur import blurred
from imaging.resize import shrunk

if TYPE_CHECKING:
    from collections.abc import Collection

    from imaging.arrays import Bytes, Floats
    from imaging.contact import Contact
    from imaging.product_options import Shadow

WORK_SIDE = 1024  # longer side of the small copy
CRISP, DROP_BLUR = 0.004, 0.08  # sigmas of a drop shadow, as shares of the size: least, and what full softness adds
DROP = 0.1  # of `length`: how far it is moved
LEAST_EDGE, EDGE = 0.01, 0.08  # of the canvas' shorter side: over so much a shadow fades where it would be cut
OPAQUE = 255


def cast(subject: Bytes, wishes: Shadow, cut: Collection[str] = ()) -> Bytes | None:
    """Return the opacity UINT8 [h, w] of the shadow of `subject` RGBA UINT8 [h, w, 4], None where there is none.

    `cut` are the sides where the photo's frame cuts the subject. Cut at the bottom, what it stands on is not in the
    picture: then it has a shadow of the kind `drop` or none.
    """
    if wishes.kind == "none" or (wishes.kind != "drop" and "bottom" in cut):
        return None
    height, width = subject.shape[:2]
    scale = min(1.0, WORK_SIDE / max(height, width))
    alpha = np.asarray(cv2.extractChannel(subject, 3), np.uint8)
    small = shrunk(alpha, max(1, round(height * scale)), max(1, round(width * scale)))
    stand = contact.found(small)
    if stand is None:
        return None
    shade = {"dual": _dual, "drop": _drop, "floating": _floating}[wishes.kind](small, stand, wishes)
    return _enlarged(shade * _fading(small, stand), height, width)


def _dual(alpha: Bytes, stand: Contact, wishes: Shadow) -> Floats:
    cast_ = throw.thrown(alpha, stand, wishes) * np.float32(wishes.opacity)
    near = occlusion.dark(stand, wishes.softness) * np.float32(wishes.contact)
    return np.asarray(1 - (1 - cast_) * (1 - near), np.float32)


def _drop(alpha: Bytes, stand: Contact, wishes: Shadow) -> Floats:
    turn, distance = np.radians(wishes.direction), DROP * wishes.length * stand.height
    move = np.array([[1, 0, distance * np.sin(turn)], [0, 1, -distance * np.cos(turn)]], np.float32)
    moved = cv2.warpAffine(alpha, move, alpha.shape[::-1], flags=cv2.INTER_LINEAR)
    sigma = (CRISP + DROP_BLUR * wishes.softness) * stand.size
    return blurred(np.asarray(moved, np.float32), sigma, sigma) * np.float32(wishes.opacity / OPAQUE)


def _floating(alpha: Bytes, stand: Contact, wishes: Shadow) -> Floats:
    """Return an ellipse on the ground, `length` of the subject's height below it and as wide as most of the subject."""
    height, width = alpha.shape
    left, _, right, bottom = stand.box
    turn = np.radians(wishes.direction)
    sigma = (0.01 + 0.22 * wishes.softness) * (right - left)
    across = 0.42 * (right - left)
    down = min(0.3 * across, 0.25 * height)
    flat = sigma * down / across
    middle = (left + right) / 2 + 0.5 * wishes.length * stand.height * np.sin(turn)
    ground = bottom + wishes.length * stand.height * contact.FORESHORTENING + down / 2
    ground = max(min(ground, height - down - 1.5 * flat), bottom - down / 2)
    rows, columns = np.mgrid[:height, :width].astype(np.float32) + np.float32(0.5)
    radius = np.hypot((columns - np.float32(middle)) / across, (rows - np.float32(ground)) / down)
    disc = np.clip((1 - radius) * np.float32(down) + np.float32(0.5), 0, 1)
    return blurred(disc, sigma, flat) * np.float32(wishes.opacity)


def _fading(alpha: Bytes, stand: Contact) -> Floats:
    """Return FP32 [h, w]: 0 at the canvas' edges, 1 from some way inside; edges that the subject reaches do not count.

    The way is no longer than what the subject leaves free, so that what lies under it keeps its strength.
    """
    height, width = alpha.shape
    left, top, right, bottom = stand.box
    across = _rise(width, left, width - right, min(height, width))
    return np.multiply.outer(_rise(height, top, height - bottom, min(height, width)), across)


def _rise(length: int, before: int, after: int, shorter: int) -> Floats:
    places = np.arange(length, dtype=np.float32) + np.float32(0.5)
    ways = [min(max(free, LEAST_EDGE * shorter), EDGE * shorter) if free else 1e-6 for free in (before, after)]
    share = np.clip(np.minimum(places / np.float32(ways[0]), places[::-1] / np.float32(ways[1])), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def _enlarged(shade: Floats, height: int, width: int) -> Bytes:
    levels = np.clip(shade, 0, 1) * np.float32(OPAQUE)
    result = np.zeros((height, width), np.uint8)
    rows, columns = levels.shape[0] / height, levels.shape[1] / width
    for tile in tiles.over(height, width, dither.SIDE):
        top, left = max(int(tile.top * rows) - 1, 0), max(int(tile.left * columns) - 1, 0)
        if levels[top : int(tile.bottom * rows) + 2, left : int(tile.right * columns) + 2].any():
            result[tile.region] = dither.rounded(tiles.enlarge(levels, tile, height, width))
    return result
