"""The subject's colours carried on beneath the transparent pixels around it.

Formats that keep colours and alpha apart and lose detail mix neighbours: black there would come back as a dark rim.
Filled by pull and push (Gortler et al. 1996, "The Lumigraph"): means of ever larger surroundings, each standing in
where the finer one knows too little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from imaging.arrays import Bytes, Floats

SHRINK = 4
STRIP = 16  # rows, a multiple of SHRINK
OPAQUE = 255
CERTAIN = np.float32(4)  # one known pixel of four is enough, so that the nearest colour wins
TINY = 1e-9


def extended(picture: Bytes) -> Bytes:
    """Return straight RGBA UINT8 [h, w, 4]: `picture`, but with its neighbours' colours where alpha is 0.

    Alpha stays as it is. A picture without a visible pixel comes back black.
    """
    height, width = picture.shape[:2]
    fill = np.rint(_filled(_small(picture))).astype(np.uint8)
    fill[..., 3] = 0
    result = np.asarray(cv2.resize(fill, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.asarray(cv2.copyTo(picture, np.ascontiguousarray(picture[..., 3]), result), np.uint8)


def _small(picture: Bytes) -> Floats:
    """Return [h / 4, w / 4, 4] FP32: colours premultiplied by alpha, and alpha from 0 to 1, averaged."""
    width = max(1, picture.shape[1] // SHRINK)
    strips = []
    for top in range(0, len(picture), STRIP):
        strip = picture[top : top + STRIP]
        share = cv2.cvtColor(cv2.extractChannel(strip, 3), cv2.COLOR_GRAY2RGBA)  # whose own alpha is opaque
        premultiplied = cv2.multiply(strip, share, scale=1 / OPAQUE, dtype=cv2.CV_32F)
        height = max(1, len(strip) // SHRINK)
        strips.append(cv2.resize(premultiplied, (width, height), interpolation=cv2.INTER_AREA))
    small = np.concatenate(strips, dtype=np.float32)
    small[..., 3] *= np.float32(1 / OPAQUE)
    return small


def _filled(level: Floats) -> Floats:
    """Return straight colours [h, w, 4] everywhere, of premultiplied ones; the last channel means nothing."""
    height, width = level.shape[:2]
    share = level[..., 3:]
    if max(height, width) == 1:
        return np.asarray(level / np.maximum(share, np.float32(TINY)), np.float32)
    smaller = ((width + 1) // 2, (height + 1) // 2)
    half = np.asarray(cv2.resize(level, smaller, interpolation=cv2.INTER_AREA), np.float32)
    half *= np.minimum(CERTAIN, 1 / np.maximum(half[..., 3:], np.float32(TINY)))
    around = cv2.resize(_filled(half), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(level + (1 - share) * around, np.float32)
