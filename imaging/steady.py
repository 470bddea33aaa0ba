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
    from numpy.typing import NDArray

    from imaging.arrays import Bytes
    from imaging.motion import Motion

CLASSES = len(ShelfClass)
KIND_BITS = 3
LEAST = 8  # evidence of a class that the network is not at all sure of


class SmoothingError(ImageError):
    """A strength of smoothing that there is not."""

    def __init__(self, given: float) -> None:
        super().__init__(f"smoothing: must be a number from 0 (none) to below 1, not {given:g}")


Evidence: TypeAlias = "tuple[Bytes, Bytes]"
"""UINT8 [S, S] for the background and [S, S, 4] for the other classes, which OpenCV moves as one picture."""


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
    fresh = _evidence(mask, confidence) if smoothing else None
    alike = before is not None and before.mask.shape == mask.shape
    moved = motion.between(before.small, small) if before is not None and alike else None
    if before is None or moved is None:
        return Steadied(mask, None, (0.0, 0.0)), State(small, mask, fresh)
    steady = mask
    if fresh is not None and before.evidence is not None:
        fresh = _faded(before.evidence, fresh, moved, smoothing)
        steady = _strongest(fresh)
    told = Steadied(steady, _flicker(before.mask, steady, moved), moved.shift(len(mask)))
    return told, State(small, steady, fresh)


def _evidence(mask: Bytes, confidence: Bytes) -> Evidence:
    """Return the confidence, squared, at the class of every pixel."""
    sure = cv2.LUT(cv2.resize(confidence, mask.shape, interpolation=cv2.INTER_LINEAR), _squares())
    ground, *others = (np.multiply(mask == kind, sure, dtype=np.uint8) for kind in range(CLASSES))
    return ground, np.asarray(cv2.merge(others), np.uint8)


@lru_cache(maxsize=1)
def _squares() -> Bytes:
    squares: Bytes = np.maximum(np.rint(np.arange(256) ** 2 / 255), LEAST).astype(np.uint8)
    return squares


def _faded(evidence: Evidence, fresh: Evidence, moved: Motion, smoothing: float) -> Evidence:
    """Return the evidence so far, moved along, and the new one; the new one alone where the picture changed."""
    side = len(fresh[0])
    changed = cv2.resize(moved.changed.view(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST)
    matrix = moved.pixels(side)
    ground, others = (_blended(old, new, matrix, smoothing) for old, new in zip(evidence, fresh, strict=True))
    cv2.copyTo(fresh[0], changed, ground)
    cv2.copyTo(fresh[1], changed, others)
    return ground, others


def _blended(old: Bytes, new: Bytes, matrix: NDArray[np.float32], smoothing: float) -> Bytes:
    carried = cv2.warpAffine(old, matrix, new.shape[:2], flags=cv2.INTER_LINEAR)
    return np.asarray(cv2.addWeighted(carried, smoothing, new, 1 - smoothing, 0), np.uint8)


def _strongest(evidence: Evidence) -> Bytes:
    """Return [S, S]: the class with the most evidence."""
    ground, others = evidence
    ranked = np.left_shift(ground, KIND_BITS, dtype=np.uint16)
    for kind, plane in enumerate(cv2.split(others), start=1):
        np.maximum(ranked, np.left_shift(plane, KIND_BITS, dtype=np.uint16) | kind, out=ranked)
    kinds: Bytes = np.bitwise_and(ranked, 2**KIND_BITS - 1).astype(np.uint8)
    return kinds


def _flicker(before: Bytes, now: Bytes, moved: Motion) -> float | None:
    nowhere = CLASSES
    carried = cv2.warpAffine(before, moved.pixels(len(now)), now.shape, flags=cv2.INTER_NEAREST, borderValue=(nowhere,))
    seen = np.count_nonzero(carried != nowhere)
    differ = np.count_nonzero(carried != now) - (now.size - seen)
    return differ / seen if seen else None
