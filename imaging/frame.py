"""From the whole picture to the square that an embedder looks at, by the rule of the embedder's own processor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from imaging.resize import on_white

if TYPE_CHECKING:
    from imaging.arrays import Bytes
    from imaging.decode import Picture

FINE = 4  # source pixels per target pixel from which on a reduced JPEG cannot be told from a whole one


@dataclass(frozen=True, slots=True)
class Frame:
    """The shorter side is brought to `shorter`, or both sides to `side` where it is None; then the middle is taken.

    `rule` is Pillow's resampling filter, which averages on the way down.
    """

    shorter: int | None
    side: int
    rule: Image.Resampling = Image.Resampling.BICUBIC

    @property
    def smallest(self) -> int:
        """The least side in pixels that a reduced decoding must keep."""
        return FINE * (self.shorter or self.side)


# The rules of CLIP's, DINOv2's, DINOv3's, BLIP's and RT-DETR's processors (openai/CLIP clip.py; facebookresearch/dinov2
# data/transforms.py; the preprocessor_config.json of facebook/dinov3-*, Salesforce/blip-* and PekingU/rtdetr_*).
FRAMES = {
    "clip_224": Frame(224, 224),
    "clip_336": Frame(336, 336),
    "dino_v2_224": Frame(256, 224),
    "dino_v3_224": Frame(None, 224, Image.Resampling.BILINEAR),
    "blip_384": Frame(None, 384),
    "rt_detr_640": Frame(None, 640, Image.Resampling.BILINEAR),
}


def framed(picture: Picture, frame: Frame) -> Bytes:
    """Return UINT8 [side, side, 3], transparency on white."""
    return square(picture.pixels if picture.coverage is None else on_white(picture.pixels, picture.coverage), frame)


def square(pixels: Bytes, frame: Frame) -> Bytes:
    """Return the framed part of `pixels` UINT8 [h, w, 3]. Only that part is computed, whatever the picture's shape."""
    height, width = pixels.shape[:2]
    new_height, new_width = _resized(height, width, frame)
    top, left = (new_height - frame.side) // 2, (new_width - frame.side) // 2
    down, across = height / new_height, width / new_width
    box = (left * across, top * down, (left + frame.side) * across, (top + frame.side) * down)
    inside = (max(0.0, box[0]), max(0.0, box[1]), min(float(width), box[2]), min(float(height), box[3]))
    return np.asarray(Image.fromarray(pixels).resize((frame.side, frame.side), frame.rule, box=inside))


def _resized(height: int, width: int, frame: Frame) -> tuple[int, int]:
    """Return the size of the whole picture at which the middle is taken; the longer side is rounded down."""
    if frame.shorter is None:
        return frame.side, frame.side
    if width <= height:
        return int(frame.shorter * height / width), frame.shorter
    return frame.shorter, int(frame.shorter * width / height)
