"""The cast shadow: the subject's outline laid down on the ground, softer and fainter with its height."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging import contact
from imaging.blur import blurred

if TYPE_CHECKING:
    from imaging.arrays import Bytes, Floats
    from imaging.contact import Contact
    from imaging.product_options import Shadow

FLATTEST = 0.2  # of the foreshortening, for a shadow that falls sideways: a subject has some depth
# Sigmas, as shares of the subject's size
CRISP, SOFT = 0.004, 0.03  # at the contact: least, and what full softness adds
BLURRED = 0.25  # what full softness adds at the far end, as a share of the way there
LEVELS = 4
FAINT = 0.35  # what is left of its opacity at the far end
SPARE = 0.4  # of the height: rows above and below the subject, into which its blur runs out
HIDDEN = 2.0  # sigmas by which a foot goes on below its ground, behind the subject, so that no blur thins it out there
DEEPEST = 0.15  # half of how deep a body is at most, as a share of the size
COARSE = 4  # pixels, of the grid on which it is known how thick parts are at most
FORWARD = 0.7  # of half its depth, by which what is much wider than its feet comes forward
SLICE = 0.003  # of the size, from one slice of a body to the next one behind it
FAINTEST = 0.003
SAMPLES = 48  # of the columns that rest on the ground
CELL = 8  # pixels, of the grid on which the ground is known
UPWARDS = 0.7  # what a row counts of a column where the nearest foot is looked for: parts stand under each other
OPAQUE = 255


@dataclass(frozen=True, slots=True)
class Way:
    """How far the shadow of a point lies from its foot per pixel of its height: to the right, and down the picture."""

    across: float
    down: float

    @staticmethod
    def of(wishes: Shadow) -> Way:
        turn, length = np.radians(wishes.direction), max(wishes.length, 0.01)
        down = -length * contact.FORESHORTENING * np.cos(turn)
        flattest = length * contact.FORESHORTENING * FLATTEST
        turned = down if abs(down) > flattest / 2 else 1.0
        return Way(float(length * np.sin(turn)), float(np.copysign(max(abs(down), flattest), turned)))


@dataclass(frozen=True, slots=True)
class Body:
    """What throws, with some room around the canvas, whose first pixel is at row and column `origin`.

    FP32 [h, w]: `alpha` 0 to 1; `ground`, the canvas' row of the ground below each pixel, and `heights` over it.
    """

    alpha: Floats
    ground: Floats
    heights: Floats
    origin: tuple[int, int]


def thrown(alpha: Bytes, stand: Contact, wishes: Shadow) -> Floats:
    """Return FP32 [h, w], 0 to 1, of a matte UINT8 [h, w]."""
    way = Way.of(wishes)
    body = _body(alpha, stand, wishes, way)
    planes = (*_softened(body, stand, wishes), *_deep(body, stand))
    laid = _laid(body, planes, way, alpha.shape)
    sigma = CRISP * stand.size
    aside = abs(np.sin(np.radians(wishes.direction))) * SOFT * wishes.softness * stand.size
    return blurred(_thickened(laid, max(1, round(SLICE * stand.size))), sigma, (sigma + aside) * contact.FORESHORTENING)


def _body(alpha: Bytes, stand: Contact, wishes: Shadow, way: Way) -> Body:
    """What the canvas cuts at a side goes on beyond it; above and below there is nothing."""
    spare = round(SPARE * stand.height) + 1
    reach = min(int(abs(way.across) * stand.height), alpha.shape[1])
    left, right = (reach if side.max() >= contact.SOLID else 0 for side in (alpha[:, 0], alpha[:, -1]))
    hidden = HIDDEN * _nearest(stand, wishes) / max(wishes.length, 0.01) if way.down > 0 else 0.0
    wider = (spare, spare, left, right)
    standing = cv2.copyMakeBorder(_rooted(alpha, stand, spare, hidden), 0, 0, left, right, cv2.BORDER_REPLICATE)
    ground = cv2.copyMakeBorder(_ground(alpha.shape, stand), *wider, cv2.BORDER_REPLICATE)
    rows = np.arange(len(ground), dtype=np.float32)[:, None] + np.float32(0.5 - spare)
    return Body(np.asarray(standing, np.float32), np.asarray(ground, np.float32), ground - rows, (spare, left))


def _rooted(alpha: Bytes, stand: Contact, spare: int, hidden: float) -> Floats:
    """Return alpha FP32, 0 to 1, with `spare` rows above and below, feet going on for `hidden` rows."""
    tall = cv2.copyMakeBorder(alpha, spare, spare, 0, 0, cv2.BORDER_CONSTANT)
    lowest = np.maximum(stand.contour.astype(np.intp) - 1, 0)
    foot = stand.touch * alpha[lowest, np.arange(alpha.shape[1])]
    under = np.arange(len(tall))[:, None] - (lowest + spare)
    return np.where((under > 0) & (under <= hidden), np.maximum(tall, foot), tall).astype(np.float32) / np.float32(
        OPAQUE
    )


def _ground(shape: tuple[int, int], stand: Contact) -> Floats:
    """Return FP32 [h, w]: the row of the ground under each pixel, which is that of the foot that carries it.

    Near a foot it is that one's, between several and higher up a smooth mixture (Shepard, 1968).
    """
    resting = np.flatnonzero(stand.touch > contact.TOUCHING)
    taken = resting[np.linspace(0, len(resting) - 1, min(SAMPLES, len(resting))).astype(int)]
    grid = [max(2, round(side / CELL)) for side in shape]
    rows, columns = (
        np.linspace(0.5 / count, 1 - 0.5 / count, count, dtype=np.float32) * np.float32(side)
        for count, side in zip(grid, shape, strict=True)
    )
    total, weights = np.zeros(grid, np.float32), np.zeros(grid, np.float32)
    least = np.float32((0.01 * stand.size) ** 2)
    for column in taken:
        row = stand.contour[column]
        far = np.add.outer(((rows - row) * np.float32(UPWARDS)) ** 2, (columns - column) ** 2) + least
        weight = stand.touch[column] / (far * far)
        total += weight * row
        weights += weight
    return np.asarray(cv2.resize(total / weights, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _nearest(stand: Contact, wishes: Shadow) -> float:
    """Return the sigma of the cast at the contact."""
    return (CRISP + SOFT * wishes.softness) * stand.size


def _deep(body: Body, stand: Contact) -> tuple[Floats, Floats]:
    """Return how many rows of the ground a body covers behind its outline and before it, FP32.

    It is as deep as it is thick. Where it is wider than what it stands on, it comes forward, too; elsewhere its front
    is that of its feet.
    """
    solid = _solid(body, stand)
    thick = np.asarray(cv2.distanceTransform(np.pad(solid, ((1, 0), (0, 0))), cv2.DIST_L2, 3), np.float32)[1:]
    most = DEEPEST * stand.size
    half = _round(thick, most) * np.float32(contact.FORESHORTENING)
    resting = np.flatnonzero(stand.touch > contact.TOUCHING) + body.origin[1]
    sides = np.argmax(solid, axis=1), solid.shape[1] - 1 - np.argmax(solid[:, ::-1], axis=1)
    over = np.minimum(resting[0] - sides[0], sides[1] - resting[-1])
    front = half * np.clip(over / most, 0, 1).astype(np.float32)[:, None] * np.float32(FORWARD)
    # the far edge of what lies on the ground is seen no higher than its outline ends
    highest = body.heights[np.argmax(solid, axis=0), np.arange(solid.shape[1])]
    sigma = CRISP * stand.size
    return blurred(np.minimum(2 * half - front, highest), sigma, sigma), blurred(front, sigma, sigma)


def _round(thick: Floats, most: float) -> Floats:
    """Return half the depth FP32 of a body by the distance from its outline: round, and at most `most`."""
    side = 2 * int(most / COARSE) + 1
    coarse = cv2.dilate(np.ascontiguousarray(thick[::COARSE, ::COARSE]), np.ones((side, side), np.uint8))
    widest = np.maximum(cv2.resize(coarse, thick.shape[::-1]), np.maximum(thick, 1))
    share = thick / widest
    return np.asarray(np.minimum(widest, np.float32(most)) * np.sqrt(share * (2 - share)), np.float32)


def _solid(body: Body, stand: Contact) -> Bytes:
    """Return UINT8, 0 or 1, where a body is, and what rests on the ground going on below it."""
    top, left = body.origin
    height, width = stand.body.shape
    rest = len(body.alpha) - top - height, body.alpha.shape[1] - left - width
    lowest = np.where(stand.touch > contact.TOUCHING, stand.contour, np.inf)
    tall = cv2.copyMakeBorder(stand.body, top, rest[0], 0, 0, cv2.BORDER_CONSTANT)
    rooted = np.maximum(tall, np.arange(-top, height + rest[0])[:, None] >= lowest)
    return np.asarray(cv2.copyMakeBorder(rooted, 0, 0, left, rest[1], cv2.BORDER_REPLICATE), np.uint8)


def _softened(body: Body, stand: Contact, wishes: Shadow) -> tuple[Floats, Floats]:
    """Return the outline blurred by height, and the sigmas of that in rows of the ground, FP32.

    Between a few blurs of the whole, the two nearest are mixed.
    """
    least = _nearest(stand, wishes)
    most = least + BLURRED * wishes.softness * wishes.length * stand.height
    sigmas = np.geomspace(least, most, LEVELS)
    share = np.clip(body.heights / np.float32(stand.height), 0, 1)
    spread = np.float32(least) + share * np.float32(most - least)
    level = np.log(spread / np.float32(least)) * np.float32((LEVELS - 1) / max(np.log(most / least), 1e-6))
    result = np.zeros_like(body.alpha)
    for index, sigma in enumerate(sigmas):
        upwards = min(sigma / max(wishes.length, 0.01), 0.3 * stand.height)
        weight = np.clip(1 - np.abs(level - np.float32(index)), 0, 1)
        result += blurred(body.alpha, float(sigma), float(upwards)) * weight
    return result * (1 - np.float32(1 - FAINT) * share), spread * np.float32(contact.FORESHORTENING)


def _laid(body: Body, values: tuple[Floats, ...], way: Way, shape: tuple[int, int]) -> tuple[Floats, ...]:
    """Return the values FP32 [h, w] on the ground, of several that fall on the same pixel the largest."""
    rows, columns = np.nonzero(values[0] > FAINTEST)
    heights = body.heights[rows, columns]
    down = np.floor(body.ground[rows, columns] + heights * np.float32(way.down)).astype(np.intp)
    right = columns - body.origin[1] + np.rint(np.maximum(heights, 0) * np.float32(way.across)).astype(np.intp)
    inside = (down >= 0) & (down < shape[0]) & (right >= 0) & (right < shape[1])
    places = (down * shape[1] + right)[inside]
    result = tuple(np.zeros(shape, np.float32) for _ in values)
    for plane, found in zip(result, values, strict=True):
        np.maximum.at(plane.reshape(-1), places, found[rows, columns][inside])
    return result


def _thickened(planes: tuple[Floats, ...], slice_: int) -> Floats:
    """Return the shadow of a body: that of its outline, and as far as it is deep of what is behind (up) and before.

    It ends there as softly as the outline does.
    """
    laid, spread, back, front = planes
    result = laid.copy()
    lines = np.flatnonzero(laid.max(axis=1) > FAINTEST)
    if not lines.size:
        return result
    first, last, whole = int(lines[0]), int(lines[-1]) + 1, len(laid)
    for deep, way in ((back, -1), (front, 1)):
        reach = np.where(deep > 0, deep + spread, 0)
        for step in range(slice_, int(reach.max()) + 1, slice_):
            top, bottom = (max(first, step), last) if way < 0 else (first, min(last, whole - step))
            if top >= bottom:
                break
            here = slice(top, bottom)
            part = laid[here] * np.clip(
                (reach[here] - np.float32(step)) / (2 * spread[here] + np.float32(slice_)), 0, 1
            )
            there = result[top + way * step : bottom + way * step]
            np.maximum(there, part, out=there)
    return result
