"""From the picture's size to the network's square."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from imaging.arrays import Bytes
    from imaging.decode import Picture

WHITE = 255


def square(pixels: Bytes, side: int) -> Bytes:
    """Return `pixels` UINT8 [h, w] or [h, w, 3] stretched to [side, side]: area averages down, bilinear up."""
    height, width = pixels.shape[:2]
    way = cv2.INTER_AREA if min(height, width) >= side else cv2.INTER_LINEAR
    if min(height, width) < side < max(height, width):  # one side shrinks, one grows: each its own way
        shrunk = (min(width, side), min(height, side))
        pixels = np.asarray(cv2.resize(pixels, shrunk, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=way), np.uint8)


def for_network(picture: Picture, side: int) -> Bytes:
    """Return the picture as a network sees it: UINT8 [side, side, 3], transparency on white."""
    if picture.coverage is None:
        return square(picture.pixels, side)
    return square(on_white(picture.pixels, picture.coverage), side)


def on_white(pixels: Bytes, coverage: Bytes) -> Bytes:
    share = coverage[..., None].astype(np.uint16)
    mixed = pixels * share + WHITE * (WHITE - share)
    return ((mixed + WHITE // 2) // WHITE).astype(np.uint8)
