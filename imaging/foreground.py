"""The subject's own colours at its edge, where the old background shines through.

Blur-Fusion (Forte 2021, arXiv:2104.00317): weighted local means of foreground and background, then each pixel moved
to the foreground colour that explains it, from wide means to narrow ones. The means are taken on a small copy of the
subject, the pixels moved at full size.

One thing differs. What the means leave unexplained of a pixel goes to its foreground by the share of alpha alone where
the subject is opaque nearby: a larger part, though exact for an exact matte, draws the old ground as a rim wherever the
matte reaches a pixel or two too far, as those of photos do. A strand away from everything opaque, though, has all but
vanished from the small copy; there the pixel itself is believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging import tiles
from imaging.resize import shrunk

if TYPE_CHECKING:
    from imaging.arrays import Bytes, Floats

WORK_SIDE = 384  # longer side of the small copy
RADII = (48, 12, 3)  # of the passes, in pixels of the small copy
LEAST_TRUST = 0.1  # in the means, where nothing is opaque: what is unexplained then counts at most 1.6 times
TINY = 1e-4
OPAQUE = 255


def decontaminate(pixels: Bytes, alpha: Bytes) -> Bytes:
    """Return UINT8 [h, w, 3]: `pixels`, but the subject's own colours where `alpha` UINT8 [h, w] is partial.

    What stands where alpha is 0 means nothing.
    """
    result = pixels.copy()
    if not alpha.size:
        return result
    partial = np.asarray(cv2.inRange(alpha, np.array([1]), np.array([OPAQUE - 1])), np.uint8)
    if not partial.any():
        return result
    height, width = alpha.shape
    colours, share = _small(pixels, alpha)
    front, back = _means(colours, share)
    front = np.dstack([front, _trust(share)])
    for tile in tiles.over(height, width):
        if partial[tile.region].any():
            here = tile.region
            near = (tiles.enlarge(means, tile, height, width) for means in (front, back))
            result[here] = _move(pixels[here], alpha[here], *near)
    return result


def _small(pixels: Bytes, alpha: Bytes) -> tuple[Floats, Floats]:
    height, width = alpha.shape
    scale = min(1.0, WORK_SIDE / max(height, width))
    small_height, small_width = max(1, round(height * scale)), max(1, round(width * scale))
    colours, share = (shrunk(plane, small_height, small_width).astype(np.float32) for plane in (pixels, alpha))
    return colours, share[..., None] / np.float32(OPAQUE)


def _means(colours: Floats, share: Floats) -> tuple[Floats, Floats]:
    """Return the local means of foreground and background, [h, w, 3] each."""
    front, back = colours, colours
    for number, radius in enumerate(RADII):
        if number:
            front, back = _explain(colours, share, front, back)
        front, back = _mean(front, share, radius), _mean(back, 1 - share, radius)
    return front, back


def _mean(colours: Floats, weight: Floats, radius: int) -> Floats:
    side = (2 * radius + 1, 2 * radius + 1)
    summed = cv2.blur(np.dstack([colours * weight, weight]), side, borderType=cv2.BORDER_REFLECT)
    return np.asarray(summed[..., :3] / (summed[..., 3:] + TINY), np.float32)


def _explain(colours: Floats, share: Floats, front: Floats, back: Floats) -> tuple[Floats, Floats]:
    rest = colours - share * front - (1 - share) * back
    return np.clip(front + share * rest, 0, 255), np.clip(back + (1 - share) * rest, 0, 255)


def _trust(share: Floats) -> Floats:
    """Return [h, w]: how opaque the subject gets nearby, and so how much the mean of its colours is worth."""
    side = 2 * RADII[-1] + 1
    return np.maximum(cv2.dilate(share, np.ones((side, side), np.uint8)), np.float32(LEAST_TRUST), dtype=np.float32)


def _move(colours: Bytes, alpha: Bytes, front: Floats, back: Floats) -> Bytes:
    """Return the foreground of a tile; `front` [h, w, 4] holds the means and the trust in them."""
    share = alpha[..., None].astype(np.float32) * np.float32(1 / OPAQUE)
    mean, trust = front[..., :3], front[..., 3:]
    gain = share / (share * share + trust * (1 - share * share))
    moved = mean + gain * (colours - back - share * (mean - back))
    return np.asarray(np.clip(moved + np.float32(0.5), 0, 255), np.uint8)
