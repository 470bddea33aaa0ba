"""What the picture and the network say about each place of a white ground, as the costs of a minimal cut.

What the picture says is measured against the ground, fitted as a smooth field: how far a place strays from it in light
and colour, in units of the noise, and how sharp the step to what is beside it. A boundary is cheap along a sharp step,
and dear anywhere else. A soft, neutral darkening (a shadow, a reflection) has no sharp step around it, so it does not
pay to take it; a white subject has one nearly all around, and the cut bridges what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging import field
from imaging.partition import partition

if TYPE_CHECKING:
    from imaging.arrays import Bytes, Floats, Mask

# Light, and two differences of colour, of RGB.
OPPONENT = np.array([[0.25, 0.5, 0.25], [0.5, -0.5, 0], [0, -0.5, 0.5]], np.float32)
CUT_SIDE = 256  # longest side of the grid on which the cut is found
STEP_SIDE = 512  # longest side at which steps are measured: noise is averaged away, an object's edge is still sharp
FRAME = 0.08  # of that side: the bare ground at the frame tells the noise
DEEP = 36.0  # levels of light: what is darker than the ground by more, the network sees as well as this does
AREA = 0.08  # cost of a cell in the wrong part, where everything speaks for the other
OTHER = 1.5  # in units of AREA: what it counts to stray from the ground as a shadow may not
ALONE = 0.1  # and more where the network knows nothing
OPEN = 0.8  # what a sure network counts against the look of open ground
SHADOWY = 4.0  # units of noise in colour that a shadow may have
UNSURE = 1.5  # units of noise up to which a place tells what the network makes of the bare ground
CHEAPEST = 0.04  # cost of a boundary along the sharpest step, for a cell
EDGE = 1.5  # units of what noise makes: where a step counts as an edge
SLACK = 0.8  # such units beyond what noise makes, with which a boundary costs half
HALF = 0.5
TIE = 0.25  # so near a half the cut has not decided
DOUBT = 0.2  # of trust lost, with which the cut alone decides
LEAST_NOISE = 0.3  # levels: eight bits and JPEG know no less
LEAST_STEP = 0.08  # levels a pixel, likewise
ROUNDED = 0.3  # levels a pixel: of the steps that rounding to whole levels makes of a slope without noise
QUIET = 0.95  # share of neighbours that are equal in such a picture
NEAR = np.ones((3, 3), np.uint8)
FULL = 255


@dataclass(frozen=True, slots=True)
class Stance:
    """How much is made of a place that strays: `darker`, in units of AREA, as a shadow may; up to `like` units of
    noise it is the ground, from `unlike` it is not.
    """

    darker: float
    like: float
    unlike: float


CAUTIOUS, EAGER = Stance(0.25, 1.5, 4.0), Stance(0.5, 1.0, 3.0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """On the grid of the cut, FP32 [h, w] each. `strays` are in units of noise, `steps` of what noise makes.

    `shadowy` and `shallow` tell where a shadow may be the reason, and where the ground is little darker. `trust`, 0 to
    1, is what the network's word is worth: where it calls bare ground half a subject, nothing.
    """

    share: Floats
    strays: Floats
    shadowy: Mask
    shallow: Mask
    steps: Floats
    trust: float


def gathered(small: Bytes, away: Floats, steps: Floats) -> Evidence:
    """Weigh the matte `small` UINT8 [h, w] and the picture less its ground `away` FP32 [h, w, 3] in levels."""
    share = _reduced(small.astype(np.float32) / np.float32(FULL), CUT_SIDE)
    cells = np.asarray(cv2.transform(_reduced(away, CUT_SIDE), OPPONENT), np.float32)
    light, chroma = cells[..., 0], np.hypot(cells[..., 1], cells[..., 2])
    bare = field.framed(share.shape, round(FRAME * max(share.shape)))
    bare &= np.maximum(np.abs(light), chroma) < field.EVEN
    light_noise, chroma_noise = (_noise(plane[bare]) for plane in (light, chroma))
    strays = np.maximum(np.abs(light) / light_noise, chroma / chroma_noise)
    ground = strays < UNSURE
    trust = max(0.0, 1 - 2 * float(np.percentile(share[ground], 75)) if ground.any() else 1.0)
    return Evidence(share, strays, (light < 0) & (chroma < SHADOWY * chroma_noise), light > -DEEP, steps, trust)


def subject(evidence: Evidence, stance: Stance) -> Floats:
    """Return FP32 [h, w] on the grid, over a half where the best cut has the subject.

    Where the cut is in two minds, it is what a network says that is to be trusted.
    """
    cut = partition(_length(evidence), _cost(evidence, stance))
    slack = TIE * max(0.0, 1 - (1 - evidence.trust) / DOUBT)
    return np.asarray(np.where(np.abs(cut - HALF) < slack, evidence.share, cut), np.float32)


def steps(pixels: Bytes) -> Floats:
    """Return on the grid of the cut the steepest step in each cell, less what a soft slope has, in units of noise."""
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
    usual = max(1.4 * float(np.percentile(most[frame], 90)), ROUNDED if _quiet(pixels) else LEAST_STEP)
    return np.asarray(most / usual, np.float32)


def opened(steps: Floats, gap: int) -> Mask:
    """Return the ground that no edge closes off from the frame, though interrupted by `gap` cells on both sides."""
    closed = cv2.dilate((steps > EDGE).astype(np.uint8), NEAR, iterations=gap)
    _, labels = cv2.connectedComponents(1 - closed, connectivity=4)
    at_frame = np.unique(labels[field.framed(labels.shape, 2) & (labels > 0)])
    return np.asarray(cv2.dilate(np.isin(labels, at_frame).astype(np.uint8), NEAR, iterations=gap) > 0)


def _reduced(plane: Floats, side: int) -> Floats:
    scale = min(1.0, side / max(plane.shape[:2]))
    size = round(plane.shape[1] * scale), round(plane.shape[0] * scale)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _noise(values: Floats) -> float:
    return max(1.4826 * float(np.median(np.abs(values))) if values.size else 0.0, LEAST_NOISE)


def _quiet(pixels: Bytes) -> bool:
    rows = pixels[:: max(1, len(pixels) // 64), :, 1]
    return rows.shape[1] > 1 and bool(np.mean(rows[:, 1:] == rows[:, :-1]) > QUIET)


def _steepness(planes: Floats) -> Floats:
    across, down = (cv2.Sobel(planes, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=1 / 8) for dx in (1, 0))
    total = np.einsum("ijk,ijk->ij", across, across) + np.einsum("ijk,ijk->ij", down, down)
    return np.asarray(np.sqrt(total), np.float32)


def _length(evidence: Evidence) -> Floats:
    beyond = np.maximum(evidence.steps - 1, 0) / SLACK
    return np.asarray(np.maximum(1 / (1 + beyond * beyond), CHEAPEST), np.float32)


def _cost(evidence: Evidence, stance: Stance) -> Floats:
    """Return what it costs to call a cell the subject.

    What looks like the ground is the ground, unless the network is sure of the subject: then the edges around decide,
    and what no edge closes off from the frame is rather ground.
    What does not is the subject, by little where it may be a shadow; that the network misses it says nothing, for
    that is what it is bad at, but that it sees it counts.
    """
    unlike = np.clip((evidence.strays - stance.like) / (stance.unlike - stance.like), 0, 1)
    word = evidence.trust * (1 - 2 * evidence.share)
    darker = np.where(evidence.shallow, stance.darker + ALONE * (1 - evidence.trust), 0)
    gain = np.where(evidence.shadowy, darker, OTHER)
    like = (1 - unlike) * (1 + word * np.where(opened(evidence.steps, 1), OPEN, 1))
    return np.asarray(AREA * (like - unlike * (gain + np.maximum(-word, 0))), np.float32)
