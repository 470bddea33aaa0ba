"""A video's class masks made steady: evidence for each class that moves along with the picture and fades."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from imaging import motion
from imaging.errors import ImageError, ShapeError
from imaging.shelf_classes import ShelfClass

if TYPE_CHECKING:
    from imaging.arrays import Bytes
    from imaging.motion import Motion

CLASSES = len(ShelfClass)
LEAST = 8  # evidence of a class that the network is not at all sure of
NEITHER = 128  # of a class for which as much speaks as for the background
STRIP = 128  # rows


class SmoothingError(ImageError):
    """A strength of smoothing that there is not."""

    def __init__(self, given: float) -> None:
        super().__init__(f"smoothing: must be a number from 0 (none) to below 1, not {given:g}")


Evidence: TypeAlias = "Bytes"
"""UINT8 [S, S, 4]: NEITHER and half of what speaks for each class but the background more than for the background. All
that is done to evidence is linear, so differences do, and OpenCV moves four of them as one picture.
"""


@dataclass(frozen=True, slots=True)
class State:
    """What is kept from one frame to the next: `small` grey UINT8, the `mask`, and the evidence where it is needed."""

    small: Bytes
    mask: Bytes
    evidence: Evidence | None


@dataclass(frozen=True, slots=True)
class Steadied:
    """`flicker` is the share of the pixels seen in both frames whose class is another, None where no frame before can
    be compared; `shift` by how many pixels (x, y) the picture moved, 0 where that cannot be told.
    """

    mask: Bytes
    flicker: float | None
    shift: tuple[float, float]


def steadied(
    before: State | None, pixels: Bytes, mask: Bytes, confidence: Bytes, smoothing: float
) -> tuple[Steadied, State]:
    """Return the mask UINT8 [S, S] of a frame RGB [S, S, 3] made steady, and the state for the next frame.

    `confidence` UINT8 of any size, 255 = 1, speaks for the mask's classes. Each frame before counts `smoothing` times
    as much as the one after it; 0 leaves the mask as it is. Raises SmoothingError and ShapeError.
    """
    if not 0 <= smoothing < 1:
        raise SmoothingError(smoothing)
    if mask.ndim != 2 or mask.shape[0] != mask.shape[1] or pixels.shape != (*mask.shape, 3):  # noqa: PLR2004
        raise ShapeError(f"a square mask and its picture expected, not {mask.shape} and {pixels.shape}")
    small = motion.grey(pixels)
    alike = before is not None and before.mask.shape == mask.shape
    moved = motion.between(before.small, small) if before is not None and alike else None
    sure = _spread(confidence, len(mask)) if smoothing else None
    if before is None or moved is None:
        return Steadied(mask, None, (0.0, 0.0)), State(small, mask, None if sure is None else _evidence(mask, sure))
    steady, evidence = mask, None
    if sure is not None:
        old = before.evidence
        steady, evidence = (mask, _evidence(mask, sure)) if old is None else _added(old, (mask, sure), moved, smoothing)
    told = Steadied(steady, _flicker(before.mask, steady, moved), moved.shift(len(mask)))
    return told, State(small, steady, evidence)


def _added(old: Evidence, now: tuple[Bytes, Bytes], moved: Motion, smoothing: float) -> tuple[Bytes, Evidence]:
    """Return the class with the most evidence, and the evidence: what there was, moved along, and that of the mask and
    the confidence `now`; this alone where the picture changed. In strips, which stay in the processor's cache.
    """
    side = len(old)
    steady, evidence, matrix = np.empty(old.shape[:2], np.uint8), np.empty_like(old), moved.pixels(side)
    changed = cv2.resize(moved.changed.view(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST)
    for top in range(0, side, STRIP):
        rows = slice(top, top + STRIP)
        fresh = _evidence(now[0][rows], now[1][rows])
        size = side, len(fresh)
        carried = cv2.warpAffine(old, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(NEITHER,) * (CLASSES - 1))
        matrix[1, 2] -= STRIP
        cv2.copyTo(fresh, changed[rows], cv2.addWeighted(carried, smoothing, fresh, 1 - smoothing, 0, evidence[rows]))
        steady[rows] = _strongest(evidence[rows])
    return steady, evidence


def _evidence(mask: Bytes, sure: Bytes) -> Evidence:
    """Return the confidence, squared, at the class of every pixel."""
    more, less = (np.asarray(cv2.LUT(sure, table), np.uint8) for table in _squares())
    ground = np.minimum(less | ~_at(mask, 0), NEITHER)
    others = [cv2.max(ground, more & _at(mask, kind)) for kind in range(1, CLASSES)]
    return np.asarray(cv2.merge(others), np.uint8)


def _spread(confidence: Bytes, side: int) -> Bytes:
    return np.asarray(cv2.resize(confidence, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)


def _at(mask: Bytes, kind: int) -> Bytes:
    """Return 255 where the mask has that class, else 0."""
    return np.asarray(cv2.compare(mask, kind, cv2.CMP_EQ), np.uint8)  # type: ignore[call-overload]  # numbers, too


@lru_cache(maxsize=1)
def _squares() -> tuple[Bytes, Bytes]:
    """Tables from a confidence to what it makes of a class, and of the others where the class is the background."""
    halves = np.maximum(np.rint(np.arange(256) ** 2 / 255), LEAST) / 2
    more, less = np.minimum(NEITHER + halves, 255), NEITHER - halves
    return more.astype(np.uint8), less.astype(np.uint8)


def _strongest(evidence: Evidence) -> Bytes:
    """Return [S, S]: the class with the most evidence."""
    best = np.full(evidence.shape[:2], NEITHER, np.uint8)
    kinds = np.zeros_like(best)
    for kind, plane in enumerate(cv2.split(evidence), start=1):
        np.maximum(kinds, np.asarray(cv2.compare(plane, best, cv2.CMP_GT), np.uint8) & np.uint8(kind), out=kinds)
        cv2.max(best, plane, best)
    return kinds


def _flicker(before: Bytes, now: Bytes, moved: Motion) -> float | None:
    nowhere = CLASSES
    carried = cv2.warpAffine(before, moved.pixels(len(now)), now.shape, flags=cv2.INTER_NEAREST, borderValue=(nowhere,))
    seen = np.count_nonzero(carried != nowhere)
    differ = np.count_nonzero(carried != now) - (now.size - seen)
    return differ / seen if seen else None
