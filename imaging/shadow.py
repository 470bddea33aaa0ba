"""What the subject throws onto the ground, as the opacity of one colour; the subject itself hides what lies under it.

Shadows are soft and so are made small, then enlarged with noise of one level against bands. The ground is taken for a
plane seen from slightly above: lengths that lead away from the viewer are foreshortened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging import box, contact, dither, tiles
from imaging.resize import shrunk

if TYPE_CHECKING:
    from collections.abc import Collection

    from imaging.arrays import Bytes, Floats
    from imaging.contact import Contact
    from imaging.product_options import Shadow

WORK_SIDE = 1024  # longer side of the small copy
FORESHORTENING = 0.4  # of lengths on the ground that lead towards the viewer: it is seen at an angle of 24 degrees
FLATTEST = 0.2  # of that, for a shadow that falls sideways: a subject has some depth
# Sigmas, as shares of the subject's size
CORE, AROUND, POOL = 0.004, 0.014, 0.045  # of the contact shadow's layers
CRISP, SOFT = 0.004, 0.03  # of the cast at the contact: least, and what full softness adds
BLURRED = 0.25  # what full softness adds at the cast's far end
DROP_BLUR = 0.08
LEVELS = 4
SLICE = 2  # pixels from one slice of a body to the next one behind it
FAINTEST = 0.003
SOLID_SHARE = 0.5
BAND_GAIN = 1.4  # what a band has lost at its middle by its blur
LEAST = 0.2  # darkness from which the band reaches up to the subject
SPARE = 0.4  # of the height: rows above and below a silhouette, into which its blur runs out
FINE = 4.0  # sigma of a blur that needs no larger copy
FLOOR, PLAIN = 0.06, 0.25  # sigmas by which the ground of a long edge, and that between feet, is evened out
FAINT = 0.35  # what is left of the cast's opacity at its far end
DROP = 0.1  # of `length`: how far a shadow behind the subject is moved
LEAST_EDGE, EDGE = 0.01, 0.08  # of the canvas' shorter side: over so much it fades where it would be cut
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
    return _enlarged(shade * _fading(small), height, width)


def _dual(alpha: Bytes, stand: Contact, wishes: Shadow) -> Floats:
    thrown = _thrown(alpha, stand, wishes) * np.float32(wishes.opacity)
    dark = _contact(alpha.shape, stand) * np.float32(wishes.contact)
    return np.asarray(1 - (1 - thrown) * (1 - dark), np.float32)


def _contact(shape: tuple[int, int], stand: Contact) -> Floats:
    """Return FP32 [h, w]: darkest in the crack, and a pool around it."""
    light = np.ones(shape, np.float32)
    for strength, sigma, dark in ((stand.touch, CORE, 0.9), (stand.near, AROUND, 0.7), (stand.near, POOL, 0.35)):
        band = _band(shape, stand, strength, sigma * stand.size)
        light *= 1 - np.minimum(band * np.float32(BAND_GAIN), 1) * np.float32(dark)
    return 1 - light


def _band(shape: tuple[int, int], stand: Contact, strength: Floats, sigma: float) -> Floats:
    """Return FP32 [h, w]: a soft band along the ground where `strength` FP32 [w] is."""
    flat = sigma * FORESHORTENING * 1.5
    spread = np.ones((1, 2 * round(sigma / 2) + 1), np.uint8)
    wider = np.asarray(cv2.dilate(strength[None], spread), np.float32)
    rows = np.arange(shape[0], dtype=np.float32)[:, None] + np.float32(0.5)
    top = np.where(stand.near > LEAST, np.minimum(stand.contour, stand.ground), stand.ground) - np.float32(flat + 1)
    inside = np.clip(rows - top, 0, 1) * np.clip(stand.ground + np.float32(0.7 * flat + 0.5) - rows, 0, 1)
    return _soft(inside * wider, sigma, flat)


def _soft(values: Floats, across: float, down: float) -> Floats:
    """Return `values` FP32 [h, w] blurred by two sigmas, by way of a smaller copy where they are wide."""
    height, width = values.shape
    small = max(1, round(width / max(across / FINE, 1))), max(1, round(height / max(down / FINE, 1)))
    reduced = cv2.resize(values, small, interpolation=cv2.INTER_AREA)
    sigmas = max(across * small[0] / width, 0.3), max(down * small[1] / height, 0.3)
    soft = cv2.GaussianBlur(reduced, (0, 0), sigmas[0], sigmaY=sigmas[1], borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _thrown(alpha: Bytes, stand: Contact, wishes: Shadow) -> Floats:
    """Return FP32 [h, w]: the silhouette laid down on the ground, softer and fainter with its distance."""
    turn = np.radians(wishes.direction)
    length = max(wishes.length, 0.01)
    across, down = length * np.sin(turn), -length * FORESHORTENING * np.cos(turn)
    flattest = length * FORESHORTENING * FLATTEST
    down = np.copysign(max(abs(down), flattest), down if abs(down) > flattest / 2 else 1.0)
    below = round(SPARE * stand.height) + 1
    ground = _even(stand)
    rows, columns = np.indices(alpha.shape, dtype=np.float32)
    heights = (rows + np.float32(0.5) - ground) / np.float32(down)
    places = columns - heights * np.float32(across), heights + np.float32(below + 0.5)
    hidden = 2 * _nearest(stand, wishes) / length if down > 0 else 0.0
    standing = _upright(alpha, ground, stand.height, below, hidden)
    depth = _depth(standing, stand.size) * np.float32(FORESHORTENING)
    soft = _softened(standing, below, stand, wishes)
    # what the canvas cuts at a side goes on beyond it; above and below there is nothing
    laid, deep = (
        np.asarray(cv2.remap(part, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
        for part in (np.pad(values, ((1, 1), (0, 0))) for values in (soft, depth))
    )
    sigma = CRISP * stand.size
    aside = abs(np.sin(turn)) * SOFT * wishes.softness * stand.size
    return _soft(_thickened(laid, deep), sigma, (sigma + aside) * FORESHORTENING)


def _even(stand: Contact) -> Floats:
    """Return FP32 [w], the ground for the cast: close to an edge that rests on it, one smooth slope for thin feet."""
    middle = np.float32(np.average(stand.ground, weights=stand.touch))
    touch, rise = stand.touch[None], stand.ground[None] - middle
    plain = _soft(touch * rise, PLAIN * stand.size, 0) / (_soft(touch, PLAIN * stand.size, 0) + np.float32(1e-6))
    resting = (touch > contact.TOUCHING).astype(np.float32)
    near, dense = (_soft(line, FLOOR * stand.size, 0) for line in (rise, resting))
    wide = np.ones((1, 2 * round(2 * FLOOR * stand.size) + 1), np.uint8)
    firm = cv2.dilate(np.clip(dense * np.float32(2.5) - 1, 0, 1), wide)
    return np.asarray((middle + plain + firm * (near - plain))[0], np.float32)


def _depth(standing: Floats, size: float) -> Floats:
    """Return FP32, in pixels: how far a silhouette reaches back, which is as far as it is thick."""
    solid = np.pad((standing > SOLID_SHARE).astype(np.uint8), 1)
    thick = cv2.distanceTransform(solid, cv2.DIST_L2, 3)[1:-1, 1:-1]
    return _soft(np.asarray(thick, np.float32), CRISP * size, CRISP * size)


def _thickened(laid: Floats, deep: Floats) -> Floats:
    """Return the shadow of a body: that of its front, and behind it (up), as far as it is deep, of what follows."""
    result = laid.copy()
    lines = np.flatnonzero(laid.max(axis=1) > FAINTEST)
    if not lines.size:
        return result
    first, last = int(lines[0]), int(lines[-1]) + 1
    for back in range(SLICE, min(int(deep.max()), first), SLICE):
        part = laid[first:last] * np.clip((deep[first:last] - np.float32(back)) / np.float32(SLICE), 0, 1)
        behind = result[first - back : last - back]
        np.maximum(behind, part, out=behind)
    return result


def _nearest(stand: Contact, wishes: Shadow) -> float:
    """Return the sigma of the cast at the contact."""
    return (CRISP + SOFT * wishes.softness) * stand.size


def _upright(alpha: Bytes, ground: Floats, height: float, below: int, hidden: float) -> Floats:
    """Return FP32 [n, w] from 0 to 1: the silhouette upside down on one flat line, `below` rows on both sides of it.

    Its foot goes on below the line for `hidden` rows, which the subject will hide, so that no blur thins it out there.
    """
    count = below + int(np.ceil(height)) + below
    heights = np.arange(count, dtype=np.float32)[:, None] - np.float32(below - 0.5)
    rows = ground - np.maximum(heights, 0) - np.float32(1)
    columns = np.broadcast_to(np.arange(alpha.shape[1], dtype=np.float32), rows.shape)
    values = cv2.remap(alpha, np.ascontiguousarray(columns), np.where(heights > -hidden, rows, -9), cv2.INTER_LINEAR)
    return np.asarray(values, np.float32) / np.float32(OPAQUE)


def _softened(standing: Floats, below: int, stand: Contact, wishes: Shadow) -> Floats:
    """Return the silhouette blurred by height: between a few blurs of the whole, the two nearest are mixed."""
    least = _nearest(stand, wishes)
    most = least + BLURRED * wishes.softness * wishes.length * stand.height
    sigmas = np.geomspace(least, most, LEVELS)
    share = np.clip((np.arange(len(standing)) - below) / stand.height, 0, 1)
    level = (LEVELS - 1) * np.log(1 + share * (most / least - 1)) / max(np.log(most / least), 1e-6)
    strength = 1 - (1 - FAINT) * share
    result = np.zeros_like(standing)
    for index, sigma in enumerate(sigmas):
        weight = (np.clip(1 - np.abs(level - index), 0, 1) * strength).astype(np.float32)
        upwards = min(sigma / max(wishes.length, 0.01), 0.3 * stand.height)
        result += _soft(standing, float(sigma), float(upwards)) * weight[:, None]
    return result


def _drop(alpha: Bytes, stand: Contact, wishes: Shadow) -> Floats:
    turn, distance = np.radians(wishes.direction), DROP * wishes.length * stand.height
    move = np.array([[1, 0, distance * np.sin(turn)], [0, 1, -distance * np.cos(turn)]], np.float32)
    moved = cv2.warpAffine(alpha, move, alpha.shape[::-1], flags=cv2.INTER_LINEAR)
    sigma = (CRISP + DROP_BLUR * wishes.softness) * stand.size
    return _soft(np.asarray(moved, np.float32), sigma, sigma) * np.float32(wishes.opacity / OPAQUE)


def _floating(alpha: Bytes, stand: Contact, wishes: Shadow) -> Floats:
    """Return an ellipse on the ground, `length` of the subject's height below it and as wide as most of the subject."""
    height, width = alpha.shape
    left, _, right, bottom = (int(side) for side in box.around(alpha, contact.SOLID))
    turn = np.radians(wishes.direction)
    sigma = (0.01 + 0.09 * wishes.softness) * (right - left)
    across = 0.42 * (right - left)
    down = min(0.3 * across, 0.25 * height)
    flat = sigma * down / across
    middle = (left + right) / 2 + 0.5 * wishes.length * stand.height * np.sin(turn)
    ground = bottom + wishes.length * stand.height * FORESHORTENING + down / 2
    ground = max(min(ground, height - down - 2 * flat), bottom - down / 2)
    rows, columns = np.mgrid[:height, :width].astype(np.float32) + np.float32(0.5)
    radius = np.hypot((columns - np.float32(middle)) / across, (rows - np.float32(ground)) / down)
    disc = np.clip((1 - radius) * np.float32(down) + np.float32(0.5), 0, 1)
    return _soft(disc, sigma, flat) * np.float32(wishes.opacity)


def _fading(alpha: Bytes) -> Floats:
    """Return FP32 [h, w]: 0 at the canvas' edges, 1 from some way inside; edges that the subject reaches do not count.

    The way is no longer than what the subject leaves free, so that what lies under it keeps its strength.
    """
    height, width = alpha.shape
    left, top, right, bottom = (int(side) for side in box.around(alpha, contact.SOLID))
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
