"""The subject's own colours at its edge, where the old background shines through.

Blur-Fusion (Forte 2021, arXiv:2104.00317): weighted local means of foreground and background, then each pixel moved
to the foreground colour that explains it. The means are taken on a small copy of the subject, the pixels moved at full
size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from imaging import tiles

if TYPE_CHECKING:
    from imaging.arrays import Bytes, Floats

WORK_SIDE = 768
WIDE, NARROW = 24, 3  # radii of the two passes, in pixels of the small copy
TINY = 1e-3
OPAQUE = 255


def decontaminate(pixels: Bytes, alpha: Bytes) -> Bytes:
    """Return `pixels` UINT8 [h, w, 3] where `alpha` UINT8 [h, w] lies between 0 and 255 with the subject's colour."""
    partial = (alpha > 0) & (alpha < OPAQUE)
    if not partial.any():
        return pixels
    height, width = alpha.shape
    front, back = _means(*_small(pixels, alpha))
    result = pixels.copy()
    for tile in tiles.over(height, width):
        here = partial[tile.region]
        if here.any():
            moved = _move(
                pixels[tile.region],
                alpha[tile.region],
                tiles.enlarge(front, tile, height, width),
                tiles.enlarge(back, tile, height, width),
            )
            result[tile.region][here] = moved[here]
    return result


def _small(pixels: Bytes, alpha: Bytes) -> tuple[Floats, Floats]:
    height, width = alpha.shape
    scale = min(1.0, WORK_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    colours = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    share = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    return np.asarray(colours, np.float32), np.asarray(share, np.float32)[..., None] / 255


def _means(colours: Floats, share: Floats) -> tuple[Floats, Floats]:
    front, back = _blend(colours, colours, share, WIDE)
    front, back = _explain(colours, share, front, back)
    return _blend(front, back, share, NARROW)


def _blend(front: Floats, back: Floats, share: Floats, radius: int) -> tuple[Floats, Floats]:
    return _mean(front, share, radius), _mean(back, 1 - share, radius)


def _mean(colours: Floats, weight: Floats, radius: int) -> Floats:
    side = (2 * radius + 1, 2 * radius + 1)
    total = cv2.blur(weight, side, borderType=cv2.BORDER_REFLECT)[..., None]
    return cast("Floats", cv2.blur(colours * weight, side, borderType=cv2.BORDER_REFLECT) / (total + TINY))


def _explain(colours: Floats, share: Floats, front: Floats, back: Floats) -> tuple[Floats, Floats]:
    rest = colours - share * front - (1 - share) * back
    return np.clip(front + share * rest, 0, 255), np.clip(back + (1 - share) * rest, 0, 255)


def _move(colours: Bytes, alpha: Bytes, front: Floats, back: Floats) -> Bytes:
    share = alpha[..., None].astype(np.float32) / 255
    moved = front + share * (colours - back - share * (front - back))
    return np.clip(moved + 0.5, 0, 255).astype(np.uint8)
