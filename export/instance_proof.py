"""Two networks' instances of the same pictures: whether they found the same ones, with the same masks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from export import masks, matching
from export.kinds import Precision
from export.matching import Detections
from export.proof import Row
from export.roles import MaskTolerance, ShelfRole

_PIXELS, _MIOU = 0.998, 0.99  # what putting masks together cell by cell may cost, where many overlap
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Instances:
    """One picture's answer: `numbers` INT32 [S, S], 0 or a row from 1, `mask` UINT8 [S, S], and rows, the best first:
    `boxes` [N, 4] as shares, `scores` and `classes` [N]; `embedding` [width].
    """

    numbers: npt.NDArray[np.int32]
    mask: npt.NDArray[np.uint8]
    boxes: Floats
    scores: Floats
    classes: npt.NDArray[np.int64]
    embedding: Floats

    @property
    def detections(self) -> Detections:
        real = self.scores > 0
        return Detections(self.boxes[real], self.scores[real])


def painted(values: Floats, size: int) -> npt.NDArray[np.int32]:
    """Logits of masks [k, S, S], -inf where an instance may not be, as numbers from 1: the largest that is positive."""
    if not len(values):
        return np.zeros((size, size), dtype=np.int32)
    return np.asarray(np.where(values.max(axis=0) > 0, values.argmax(axis=0) + 1, 0), dtype=np.int32)


def rows(
    check: str, found: Sequence[Instances], wanted: Sequence[Instances], role: ShelfRole, precision: Precision
) -> list[Row]:
    """Class masks, embeddings, boxes and the instances' own masks, of several pictures."""
    tolerance = tolerated(role, precision)
    limit, least = tolerance.embedding, tolerance.miou
    classes = [np.stack([one.mask for one in answers]) for answers in (found, wanted)]
    vectors = [np.stack([one.embedding for one in answers]) for answers in (found, wanted)]
    turned = round(float((1 - masks.cosines(vectors[0], vectors[1])).max()), 9)
    iou = float(np.mean([shape_iou(one, other) for one, other in zip(found, wanted, strict=True)]))
    return [
        *masks.class_rows(f"masks, {check}", classes[0], classes[1], tolerance),
        Row(f"masks, {check}", turned, limit, "1 - cosine of the embedding, max", turned <= limit),
        *matching.rows(
            f"boxes, {check}",
            [one.detections for one in found],
            [one.detections for one in wanted],
            role.boxes[precision],
        ),
        Row(f"instances, {check}", round(iou, 5), least, "mean IoU of their masks, at least", iou >= least),
    ]


def tolerated(role: ShelfRole, precision: Precision) -> MaskTolerance:
    """Of masks that a graph puts together, against the library's own."""
    tolerance = role.tolerance[precision]
    return replace(tolerance, pixels=min(tolerance.pixels, _PIXELS), miou=min(tolerance.miou, _MIOU))


def shape_iou(found: Instances, wanted: Instances) -> float:
    """Mean IoU of the reference's instances with those that cover most of them, weighted by their visible area: of
    one that others hide but for a few pixels, only these few count. 1 without any.
    """
    ious, areas = [], []
    for number in np.unique(wanted.numbers[wanted.numbers > 0]):
        shape = wanted.numbers == number
        most = int(np.bincount(found.numbers[shape]).argmax())
        other = found.numbers == most if most else np.zeros_like(shape)
        ious.append((shape & other).sum() / (shape | other).sum())
        areas.append(shape.sum())
    return float(np.average(ious, weights=areas)) if ious else 1.0


def orderly(found: Sequence[Instances]) -> list[Row]:
    """What the contract promises of every answer."""
    tidy = all(_tidy(one) for one in found)
    return [
        matching.orderly([Detections(one.boxes, one.scores) for one in found]),
        Row("rows behind the found ones are zeros, masks are of their rows", "yes" if tidy else "no", "yes", "", tidy),
    ]


def _tidy(one: Instances) -> bool:
    nothing = one.scores == 0
    known = np.concatenate([[0], one.classes])[one.numbers]
    empty = not one.boxes[nothing].any() and not one.classes[nothing].any()
    return empty and bool((known == one.mask).all()) and bool((one.classes[~nothing] > 0).all())


def enough(wanted: Sequence[Instances]) -> Row:
    """A network that finds nothing agrees with everything."""
    count = sum(len(one.detections.scores) for one in wanted)
    return Row("instances in the reference, at least", float(count), 1.0, "", count >= 1)
