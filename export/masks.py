"""Two networks' class masks of the same pictures: how much of them is the same."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from export.mask_ends import Masks
from export.proof import Row
from export.roles import MaskTolerance
from export.runtime import Answer
from export.shelf_labels import CLASSES

DIFFERENT = "of the pixels differ"
LEAST_SHARE = 0.001  # of all pixels, for a class to count as one that the reference has


def rows(check: str, found: Masks, wanted: Masks, tolerance: MaskTolerance, *, limited: bool = True) -> list[Row]:
    """All that a network of masks answers, against its reference; without limits where it is only told."""
    confidence = float(np.abs(found.confidence.astype(np.int16) - wanted.confidence.astype(np.int16)).mean())
    turned = float((1 - cosines(found.embedding, wanted.embedding)).max())
    said = [
        *class_rows(check, found.classes, wanted.classes, tolerance),
        _at_most(check, round(confidence, 4), tolerance.confidence, "levels of the confidence, mean"),
        _at_most(check, round(turned, 9), tolerance.embedding, "1 - cosine of the embedding, max"),
    ]
    return said if limited else [Row(row.check, row.value, None, row.unit, ok=True) for row in said]


def class_rows(check: str, found: Answer, wanted: Answer, tolerance: MaskTolerance) -> list[Row]:
    """Pixels of another class, and mIoU, of two batches of class masks [n, S, S]."""
    different = float((found != wanted).mean())
    miou = mean_iou(found, wanted)
    return [
        _at_most(check, round(different, 6), round(1 - tolerance.pixels, 6), DIFFERENT),
        Row(check, round(miou, 5), tolerance.miou, "mIoU, at least", miou >= tolerance.miou),
    ]


def mean_iou(found: Answer, wanted: Answer) -> float:
    """Mean over the classes that either has; 1 where neither has any."""
    ious = [
        ((found == number) & (wanted == number)).sum() / either
        for number in range(len(CLASSES))
        if (either := ((found == number) | (wanted == number)).sum())
    ]
    return float(np.mean(ious)) if ious else 1.0


def spread(wanted: Sequence[Masks]) -> Row:
    """A network that gives every pixel the same class has found nothing, and agreeing with it is no proof."""
    shares = np.bincount(np.concatenate([one.classes.ravel() for one in wanted]), minlength=len(CLASSES))
    seen = int((shares >= LEAST_SHARE * shares.sum()).sum())
    least = 2
    return Row("classes in the reference's masks, at least", float(seen), float(least), "", seen >= least)


def cosines(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Of pairs of vectors [n, width]; 0 where one of them has no direction."""
    first, second = (values.astype(np.float64) for values in (one, other))
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    products = (first * second).sum(axis=1)
    return np.asarray(np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0))


def _at_most(check: str, value: float, limit: float, unit: str) -> Row:
    return Row(check, value, limit, unit, value <= limit)
