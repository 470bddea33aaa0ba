"""Two detectors' answers to the same pictures: which boxes are the same, and how far they are from each other.

Detectors of the DETR family choose their queries by score, so that a last digit may put two nearly equal ones in
another order, or one in another's place. Boxes are therefore compared with their nearest counterpart, never by their
number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.proof import Row
from export.roles import BoxTolerance

SCALE = 640  # differences are told in pixels of a picture of this side
LEAST_SCORE = 0.1  # no pipeline looks at boxes below; torchvision's detectors return none below 0.05
MOST = "pixels of 640, max"
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Detections:
    """One picture's `boxes` [n, 4] as shares of its sides, and `scores` [n]."""

    boxes: Floats
    scores: Floats

    @property
    def looked_at(self) -> "Detections":
        """What a pipeline may look at; where nothing reaches that, the best one."""
        kept = self.scores >= min(LEAST_SCORE, float(self.scores.max(initial=0)))
        return Detections(self.boxes[kept], self.scores[kept])


@dataclass(frozen=True)
class Distances:
    """Of boxes to their counterparts: pixels, scores; and how many of how many have none."""

    pixels: Floats
    scores: Floats
    lost: int
    count: int


def rows(check: str, found: Sequence[Detections], wanted: Sequence[Detections], tolerance: BoxTolerance) -> list[Row]:
    """How two answers differ over several pictures, in both directions: what is missing, and what is made up. A box's
    counterpart is the one most like it, if corners and score are within the tolerance: NMS may keep another of two.
    """
    pairs = list(zip(found, wanted, strict=True))
    parts = [_distances(one.looked_at, other, tolerance) for one, other in pairs]
    parts += [_distances(other.looked_at, one, tolerance) for one, other in pairs]
    pixels, scores = (np.concatenate([getattr(part, name) for part in parts]) for name in ("pixels", "scores"))
    count = sum(part.count for part in parts)
    lost = sum(part.lost for part in parts) / max(count, 1)
    largest, mean = float(pixels.max(initial=0)), float(pixels.mean()) if len(pixels) else 0.0
    score = float(scores.max(initial=0))
    return [
        Row(check, round(largest, 4), None, MOST, ok=True),
        Row(check, round(mean, 5), tolerance.mean, "pixels of 640, mean", mean <= tolerance.mean),
        Row(check, round(score, 6), None, "of the score, max", ok=True),
        Row(check, round(lost, 4), tolerance.unmatched, f"of {count} boxes unmatched", lost <= tolerance.unmatched),
    ]


def sorted_scores(
    check: str, found: npt.NDArray[np.generic], wanted: npt.NDArray[np.generic], tolerance: BoxTolerance
) -> Row:
    """How far scores of the same shape, each picture's in descending order, are from each other at most."""
    one, other = (np.asarray(scores, dtype=np.float64) for scores in (found, wanted))
    largest = float(np.abs(one - other).max(initial=0)) if one.shape == other.shape else math.inf
    return Row(check, round(largest, 6), tolerance.score, "of the score, max", largest <= tolerance.score)


def orderly(found: Sequence[Detections]) -> Row:
    """What the contract promises of every answer: the best box first, and all within the picture."""
    tidy = all(
        bool(np.all(np.diff(one.scores) <= 0))
        and bool(np.all((one.boxes >= 0) & (one.boxes <= 1)))
        and bool(np.all(one.boxes[:, :2] <= one.boxes[:, 2:]))
        for one in found
    )
    return Row("boxes within the picture, best first", "yes" if tidy else "no", "yes", "", tidy)


def spread(wanted: Sequence[Detections]) -> Row:
    """A detector that scores everything alike has found nothing, and agreeing with it is no proof."""
    scores = np.concatenate([one.scores for one in wanted])
    extent, least = float(np.ptp(scores)) if len(scores) else 0.0, 1e-3
    return Row("range of the reference's scores, at least", round(extent, 6), least, "", extent >= least)


def _distances(ours: Detections, theirs: Detections, tolerance: BoxTolerance) -> Distances:
    """From each of our boxes to the one of theirs that is most like it."""
    if not len(ours.boxes) or not len(theirs.boxes):
        nothing = np.zeros(0)
        return Distances(nothing, nothing, len(ours.boxes), len(ours.boxes))
    apart = SCALE * np.abs(ours.boxes[:, None] - theirs.boxes[None]).max(axis=2)
    unlike = np.abs(ours.scores[:, None] - theirs.scores[None])
    nearest = np.argmin(apart / tolerance.largest + unlike / tolerance.score, axis=1)
    rank = np.arange(len(nearest))
    pixels, scores = apart[rank, nearest], unlike[rank, nearest]
    same = (pixels <= tolerance.largest) & (scores <= tolerance.score)
    return Distances(pixels[same], scores[same], int((~same).sum()), len(same))
