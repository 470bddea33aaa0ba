"""What comes back of a shelf's picture: figures as JSON, the mask as a PNG, the overlay as a picture file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from imaging import formats, rle
from imaging.encode import indexed_png, png
from imaging.overlay import overlay, scaled
from imaging.product_options import Encode
from imaging.shelf_classes import OBJECTS, ShelfClass, palette
from imaging.shelf_counts import count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Bytes
    from imaging.formats import File
    from imaging.instances import Instances
    from imaging.shelf_options import ShelfOptions

OPAQUE = 255


@dataclass(frozen=True, slots=True)
class Segmentation:
    """`full` RGB UINT8 [h, w, 3]; `mask` UINT8 [S, S] and `confidence` UINT8 [any, any] of the whole of it."""

    full: Bytes
    mask: Bytes
    confidence: Bytes
    instances: Instances | None = None


def answer(found: Segmentation, wishes: ShelfOptions) -> bytes:
    """Return JSON. Boxes are xmin, ymin, xmax, ymax in pixels of the picture, areas are pixels of it."""
    height, width = found.full.shape[:2]
    counts = count(found.mask, found.instances)
    facts: dict[str, Any] = {
        "width": width,
        "height": height,
        "counts": counts.counts,
        "coverage": None if counts.coverage is None else round(counts.coverage, 4),
        "shares": {name: round(share, 4) for name, share in counts.shares.items()},
        "confidence": round(float(found.confidence.mean()) / 255, 4),
        "instances": None if found.instances is None else _instances(found.instances, height, width, wishes),
    }
    if wishes.rle:
        classes = scaled(found.mask, height, width).astype(np.int32)
        texts = rle.encode_each(classes, max(OBJECTS))
        facts["rle"] = {kind.key: text for kind, text in zip(OBJECTS, texts, strict=True)}
    return json.dumps(facts).encode()


def mask_file(found: Segmentation, wishes: ShelfOptions) -> bytes:
    """Return a PNG of the picture's size."""
    classes = scaled(found.mask, *found.full.shape[:2])
    if wishes.mask == "grey":
        return png(classes)
    colours = np.dstack([palette()[None], np.full((1, len(palette()), 1), OPAQUE, np.uint8)])[0]
    return indexed_png(np.minimum(classes, len(ShelfClass) - 1), colours[: len(ShelfClass)])


def overlay_file(found: Segmentation, wishes: ShelfOptions) -> File:
    drawn = overlay(found.full, found.mask, wishes.opacity, wishes.outline)
    picture = np.asarray(cv2.cvtColor(drawn, cv2.COLOR_RGB2RGBA), np.uint8)
    return formats.encoded(picture, Encode(format=wishes.format, quality=wishes.quality, palette="never"))


def _instances(found: Instances, height: int, width: int, wishes: ShelfOptions) -> list[dict[str, Any]]:
    amount = len(found.scores)
    areas = np.bincount(found.mask.ravel(), minlength=amount + 1)[1 : amount + 1] * (height * width / found.mask.size)
    boxes = np.rint(found.boxes * [width, height, width, height]).astype(int)
    told: list[dict[str, Any]] = [
        {"class": _key(int(kind)), "score": round(float(score), 4), "box": box, "area": round(float(area))}
        for kind, score, box, area in zip(found.classes, found.scores, boxes.tolist(), areas, strict=True)
    ]
    if wishes.rle:
        for one, text in zip(told, rle.encode_each(_large(found.mask, height, width), amount), strict=True):
            one["rle"] = text
    return told


def _key(kind: int) -> str:
    return ShelfClass(kind).key if kind in ShelfClass._value2member_map_ else str(kind)


def _large(labels: NDArray[np.int32], height: int, width: int) -> NDArray[np.int32]:
    small = labels.astype(np.uint16)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)).astype(np.int32)
