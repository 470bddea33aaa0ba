"""What a live stream's client is shown of one frame: facts, and a picture where it asks for one."""

import time
from dataclasses import dataclass
from typing import Any

from gateway.segmentation.live_options import LiveOptions
from gateway.segmentation.pictures import MASK_TYPE, MEDIA_TYPES, Picture, encoded, mask_png
from gateway.segmentation.segmenter import Instances, Segmented


@dataclass(frozen=True, slots=True)
class Drawn:
    """`timings` of the stages `draw` and `encode` in seconds."""

    facts: dict[str, Any]
    timings: dict[str, float]
    picture: bytes | None = None
    media_type: str | None = None


def draw(picture: Picture, segmented: Segmented, options: LiveOptions) -> Drawn:
    """Overlays have the picture's size; masks and RLE that of the network, to be stretched over it."""
    started = time.monotonic()
    facts = _facts(picture, segmented)
    if options.output == "rle":
        facts |= _runs(segmented)
    if options.output in {"json", "rle"}:
        return Drawn(facts, {"draw": time.monotonic() - started})
    if options.output == "mask":
        begun = time.monotonic()
        png = mask_png(segmented.mask)
        return Drawn(facts, _timings(started, begun), png, MASK_TYPE)
    from imaging.overlay import overlay

    drawn = overlay(picture.pixels, segmented.mask, options.opacity)
    begun = time.monotonic()
    data = encoded(drawn, options.format, options.quality)
    return Drawn(facts, _timings(started, begun), data, MEDIA_TYPES[options.format])


def _timings(started: float, begun: float) -> dict[str, float]:
    return {"draw": begun - started, "encode": time.monotonic() - begun}


def _facts(picture: Picture, segmented: Segmented) -> dict[str, Any]:
    from imaging.shelf_counts import count

    counted = count(segmented.mask, segmented.instances)
    return {
        "width": picture.width,
        "height": picture.height,
        "confidence": round(segmented.confidence, 4),
        "flicker": None if segmented.flicker is None else round(segmented.flicker, 4),
        "shares": {name: round(share, 4) for name, share in counted.shares.items()},
        "counts": counted.counts,
        "coverage": None if counted.coverage is None else round(counted.coverage, 4),
    }


def _runs(segmented: Segmented) -> dict[str, Any]:
    """COCO's compressed RLE of every class that is seen, and of every instance where the network knows some."""
    from imaging.rle import encode, encode_each
    from imaging.shelf_classes import OBJECTS

    seen = [kind for kind in OBJECTS if segmented.shares[kind] > 0]
    found: dict[str, Any] = {"rle": {kind.key: encode(segmented.mask == kind) for kind in seen}}
    if segmented.instances is not None:
        masks = encode_each(segmented.instances.mask, len(segmented.instances.scores))
        found["instances"] = [_instance(segmented.instances, index) | {"rle": rle} for index, rle in enumerate(masks)]
    return found


def _instance(instances: Instances, index: int) -> dict[str, Any]:
    from imaging.shelf_classes import ShelfClass

    return {
        "class": ShelfClass(int(instances.classes[index])).key,
        "score": round(float(instances.scores[index]), 4),
        "box": [round(float(edge), 5) for edge in instances.boxes[index]],
    }
