"""A second look at white on white: an even, light ground that differs from the subject by a few grey levels.

There a network guesses. What the picture says is measured against the ground, fitted as a smooth field: how far a
place strays from it in light and colour, in units of the noise, and how sharp the step to what is beside it. Network
and picture meet in one energy whose minimal cut is taken: a boundary is cheap along a sharp step, and dear anywhere
else. A soft, neutral darkening (a shadow, a reflection) has no sharp step around it, so it does not pay to take it;
a white subject has one nearly all around, and the cut bridges what is missing. Only where cut and network contradict
each other plainly, and by a few levels, the matte is written anew; any other picture keeps its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging import contour, field
from imaging.partition import partition
from imaging.resize import resized

if TYPE_CHECKING:
    from imaging.arrays import Bytes, Floats, Mask

# Light, and two differences of colour, of RGB.
OPPONENT = np.array([[0.25, 0.5, 0.25], [0.5, -0.5, 0], [0, -0.5, 0.5]], np.float32)
LEAST_SIDE = 64  # of a matte; a smaller one tells too little
GLANCE = 256  # least side of what is looked at to tell most other pictures from a booth's, without averaging them
CUT_SIDE = 256  # longest side of the grid on which the cut is found
STEP_SIDE = 512  # longest side at which steps are measured: noise is averaged away, an object's edge is still sharp
FRAME = 0.08  # of that side: the bare ground at the frame tells the noise
DEEP = 36.0  # levels of light: what is darker than the ground by more, the network sees as well as this does
AREA = 0.08  # cost of a cell in the wrong part, where everything speaks for the other
DARKER, OTHER = 0.25, 1.5  # in units of AREA: what it counts to stray from the ground, as a shadow may or not
ALONE = 0.1  # and more where the network knows nothing
OPEN = 0.8  # what a sure network counts against the look of open ground
LIKE, UNLIKE = 1.5, 4.0  # units of noise: up to the first it is the ground, from the second it is not
CHEAPEST = 0.04  # cost of a boundary along the sharpest step, for a cell
EDGE = 1.5  # units of what noise makes: where a step counts as an edge
SLACK = 0.8  # such units beyond what noise makes, with which a boundary costs half
GAP = 4  # cells on both sides by which an edge may be interrupted and still closes off what lies behind it
REACH = 3  # cells around a contradiction that are written anew
HALF = 0.5
TIE = 0.25  # so near a half the cut has not decided
MARGIN = 0.75  # by which a trusted matte has to be contradicted
HAZE = 0.03  # alpha that does not stay on open ground
DOUBT = 0.2  # of trust lost, with which the cut alone decides
LEAST_NOISE = 0.3  # levels: eight bits and JPEG know no less
LEAST_STEP = 0.08  # levels a pixel, likewise
ROUNDED = 0.3  # levels a pixel: of the steps that rounding to whole levels makes of a slope without noise
QUIET = 0.95  # share of neighbours that are equal in such a picture
NEAR = np.ones((3, 3), np.uint8)
SURE = 200  # of 255: what a network says of a subject that it sees
PLAIN = 24  # levels between a subject and its ground from which it is not white on white
FULL = 255


@dataclass(frozen=True, slots=True)
class _Evidence:
    """On the grid of the cut, FP32 [h, w] each. `strays` are in units of noise, `steps` of what noise makes.

    `gain` is what it counts for a subject that a place strays. `trust`, 0 to 1, is what the network's word is worth:
    where it calls bare ground half a subject, nothing.
    """

    share: Floats
    strays: Floats
    gain: Floats
    steps: Floats
    trust: float

    @property
    def sureness(self) -> float:
        """Return 0 to 1: how plainly the network must be contradicted."""
        return max(0.0, 1 - (1 - self.trust) / DOUBT)


def second_look(small: Bytes, full: Bytes) -> Bytes:
    """Return the network's matte `small` UINT8 [h, w] as the picture `full` UINT8 [H, W, 3] corrects it.

    It is `small` itself where the picture's ground is no even, light field, where the subject that it is sure of is not
    as light, or where nothing contradicts.
    """
    step = max(1, min(full.shape[:2]) // GLANCE)
    if min(small.shape) < LEAST_SIDE or field.fitted(np.ascontiguousarray(full[::step, ::step])) is None:
        return small
    pixels = resized(full, *small.shape)
    steps = _steps(pixels, ROUNDED if _quiet(full) else LEAST_STEP)
    ground = field.fitted(pixels, _open(np.zeros(steps.shape, np.bool_), steps, GAP))
    if ground is None:
        return small
    away = pixels - ground.colours
    if _plain(away, small):
        return small
    evidence = _evidence(away, small, steps)
    subject = _subject(partition(_length(evidence), _cost(evidence)), evidence)
    zone = _contradictions(subject, evidence)
    return _rewritten(small, away, subject, zone) if zone.any() else small


def _plain(away: Floats, small: Bytes) -> bool:
    """Return whether the network has a subject that nobody takes for the ground: then it knows better than edges do."""
    sure = small >= SURE
    return bool(sure.any()) and float(np.median(np.abs(away[sure]).max(axis=1))) > PLAIN


def _reduced(plane: Floats, side: int) -> Floats:
    scale = min(1.0, side / max(plane.shape[:2]))
    size = round(plane.shape[1] * scale), round(plane.shape[0] * scale)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _evidence(away: Floats, small: Bytes, steps: Floats) -> _Evidence:
    share = _reduced(small.astype(np.float32) / np.float32(FULL), CUT_SIDE)
    cells = np.asarray(cv2.transform(_reduced(away, CUT_SIDE), OPPONENT), np.float32)
    light, chroma = cells[..., 0], np.hypot(cells[..., 1], cells[..., 2])
    bare = field.framed(share.shape, round(FRAME * max(share.shape)))
    bare &= np.maximum(np.abs(light), chroma) < field.EVEN
    light_noise, chroma_noise = (_noise(plane[bare]) for plane in (light, chroma))
    strays = np.maximum(np.abs(light) / light_noise, chroma / chroma_noise)
    shadowy = (light < 0) & (chroma < UNLIKE * chroma_noise)
    trust = max(0.0, 1 - 2 * float(np.percentile(share[strays < LIKE], 75)) if (strays < LIKE).any() else 1.0)
    darker = DARKER + ALONE * (1 - trust)
    gain = np.where(shadowy, np.where(light > -DEEP, darker, 0), OTHER)
    return _Evidence(share, strays, gain.astype(np.float32), steps, trust)


def _noise(values: Floats) -> float:
    return max(1.4826 * float(np.median(np.abs(values))) if values.size else 0.0, LEAST_NOISE)


def _quiet(full: Bytes) -> bool:
    rows = full[:: max(1, len(full) // 64), :, 1]
    return rows.shape[1] > 1 and bool(np.mean(rows[:, 1:] == rows[:, :-1]) > QUIET)


def _steps(pixels: Bytes, least: float) -> Floats:
    """Return the steepest step in each cell, less what a soft slope has too, in units of what noise makes."""
    opponent = np.asarray(cv2.transform(_reduced(pixels.astype(np.float32), STEP_SIDE), OPPONENT), np.float32)
    fine, coarse = (_steepness(np.asarray(cv2.GaussianBlur(opponent, (0, 0), one), np.float32)) for one in (1.0, 4.0))
    sharp = np.maximum(fine - np.float32(1.6) * coarse, 0)
    size = _reduced(sharp, CUT_SIDE).shape
    side = -(-max(sharp.shape) // max(size))
    most = np.asarray(
        cv2.resize(cv2.dilate(sharp, np.ones((side, side), np.uint8)), size[::-1], interpolation=cv2.INTER_NEAREST)
    )
    frame = field.framed(size, round(FRAME * max(size)))
    # Of noise, the hundredth part lies 1.4 times as high as the tenth, which no subject at the frame disturbs.
    usual = max(1.4 * float(np.percentile(most[frame], 90)), least)
    return np.asarray(most / usual, np.float32)


def _steepness(planes: Floats) -> Floats:
    across, down = (cv2.Sobel(planes, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=1 / 8) for dx in (1, 0))
    total = np.einsum("ijk,ijk->ij", across, across) + np.einsum("ijk,ijk->ij", down, down)
    return np.asarray(np.sqrt(total), np.float32)


def _length(evidence: _Evidence) -> Floats:
    beyond = np.maximum(evidence.steps - 1, 0) / SLACK
    return np.asarray(np.maximum(1 / (1 + beyond * beyond), CHEAPEST), np.float32)


def _cost(evidence: _Evidence) -> Floats:
    """Return what it costs to call a cell the subject.

    What looks like the ground is the ground, unless the network is sure of the subject: then the edges around decide,
    and what no edge closes off from the frame is rather ground.
    What does not is the subject, by little where it may be a shadow; that the network misses it says nothing, for
    that is what it is bad at, but that it sees it counts.
    """
    unlike = np.clip((evidence.strays - LIKE) / (UNLIKE - LIKE), 0, 1)
    word = evidence.trust * (1 - 2 * evidence.share)
    bare = _open(np.zeros(word.shape, np.bool_), evidence.steps)
    like = (1 - unlike) * (1 + word * np.where(bare, OPEN, 1))
    return np.asarray(AREA * (like - unlike * (evidence.gain + np.maximum(-word, 0))), np.float32)


def _subject(cut: Floats, evidence: _Evidence) -> Mask:
    """Return what the cut calls the subject; where it is in two minds, what a sure network does."""
    slack = TIE * evidence.sureness
    half = np.where(np.abs(cut - HALF) < slack, evidence.share, cut)
    return np.asarray(half > HALF)


def _contradictions(subject: Mask, evidence: _Evidence) -> Bytes:
    """Return 255 around the cells of which cut and network say the opposite; slivers of them do not count.

    The surer the network, the plainer it must be; and what is thinner than the cut's cells is left to a sure one.
    """
    margin = MARGIN * evidence.sureness
    missed = subject & (evidence.share < 1 - margin)
    limit = np.where(_open(subject, evidence.steps), HAZE, margin)
    swallowed = ~subject & (evidence.share > limit) & ((evidence.strays < UNLIKE) | (evidence.sureness < HALF))
    thinnest = np.ones(2 * [3 if evidence.sureness < HALF else 5], np.uint8)
    return np.maximum(_around(missed, thinnest, REACH), _around(swallowed, thinnest, REACH - 1))


def _around(mask: Mask, thinnest: Bytes, reach: int) -> Bytes:
    plain = cv2.morphologyEx(np.asarray(mask * np.uint8(FULL)), cv2.MORPH_OPEN, thinnest)
    return np.asarray(cv2.dilate(plain, NEAR, iterations=reach), np.uint8)


def _open(subject: Mask, steps: Floats, gap: int = 1) -> Mask:
    """Return the ground that no edge closes off from the frame; the inside of a glass is closed off."""
    closed = cv2.dilate((subject | (steps > EDGE)).astype(np.uint8), NEAR, iterations=gap)
    _, labels = cv2.connectedComponents(1 - closed, connectivity=4)
    at_frame = np.unique(labels[field.framed(labels.shape, 2) & (labels > 0)])
    return np.asarray(cv2.dilate(np.isin(labels, at_frame).astype(np.uint8), NEAR, iterations=gap) > 0)


def _rewritten(small: Bytes, away: Floats, subject: Mask, zone: Bytes) -> Bytes:
    """Return `small`, but the subject of the cut where `zone` is set."""
    fresh = contour.drawn(away, subject)
    weight = cv2.resize(cv2.blur(zone, (3, 3)), small.shape[::-1], interpolation=cv2.INTER_LINEAR) / np.float32(FULL)
    return np.asarray(small + weight * (fresh * FULL - small) + np.float32(0.5), np.uint8)
