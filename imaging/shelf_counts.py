"""What is counted in a shelf's class mask: things, how full it is, and how much each class takes of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging.shelf_classes import OBJECTS, ShelfClass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imaging.arrays import Bytes
    from imaging.instances import Instances

SPECK = 1e-4  # of the picture: smaller parts are noise


@dataclass(frozen=True, slots=True)
class Counts:
    """`counts` of things by the classes' keys, the background aside; `coverage` of the pixels of products and empty
    places those of products, None where neither is seen; `shares` 0..1 of all pixels by the classes' keys.
    """

    counts: dict[str, int]
    coverage: float | None
    shares: dict[str, float]


def count(mask: Bytes, instances: Instances | None = None) -> Counts:
    """Count in UINT8 [h, w]: instances, or connected parts of each class where the network knows no instances.

    Products that touch are one part.
    """
    shares = class_shares(mask)
    counts = {kind.key: parts(mask, kind) if instances is None else _instances(instances, kind) for kind in OBJECTS}
    return Counts(counts, coverage(shares), {kind.key: shares[kind] for kind in ShelfClass})


def class_shares(mask: Bytes) -> tuple[float, ...]:
    """Return the share of all pixels of every class; values that are none count as background."""
    found = cv2.calcHist([mask], [0], None, [len(ShelfClass)], [0, len(ShelfClass)]).ravel().tolist()
    known = [number / mask.size for number in found]
    return (1 - sum(known[1:]), *known[1:])


def coverage(shares: Sequence[float]) -> float | None:
    product, empty = shares[ShelfClass.PRODUCT], shares[ShelfClass.EMPTY]
    return product / (product + empty) if product + empty > 0 else None


def parts(mask: Bytes, kind: ShelfClass) -> int:
    """Return how many connected parts of a class there are, corners included, specks apart."""
    there = (mask == kind).view(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(there, connectivity=8, ltype=cv2.CV_32S)
    return int(np.count_nonzero(stats[1:, cv2.CC_STAT_AREA] >= SPECK * mask.size))


def _instances(instances: Instances, kind: ShelfClass) -> int:
    return int(np.count_nonzero(instances.classes == kind))
