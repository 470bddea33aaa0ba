"""From the picture's size to the network's square."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from imaging.arrays import Bytes
    from imaging.decode import Picture

WHITE = 255
FAR = 4


def square(pixels: Bytes, side: int) -> Bytes:
    """Return `pixels` UINT8 [h, w] or [h, w, 3] stretched to [side, side]: area averages down, bilinear up."""
    height, width = pixels.shape[:2]
    if max(height, width) > side:  # where one side shrinks and one grows, each goes its own way
        pixels = shrunk(pixels, min(height, side), min(width, side))
    if pixels.shape[:2] == (side, side):
        return pixels
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)


def shrunk(pixels: Bytes, height: int, width: int) -> Bytes:
    """Return `pixels` UINT8 averaged down to [height, width(, 3)], which must not be larger.

    Far down goes by way of half the size, for which OpenCV has a path that more than halves the time of the whole.
    """
    full_height, full_width = pixels.shape[:2]
    even = full_height % 2 == 0 and full_width % 2 == 0
    if even and full_height >= FAR * height and full_width >= FAR * width:
        pixels = np.asarray(cv2.resize(pixels, (full_width // 2, full_height // 2), interpolation=cv2.INTER_AREA))
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def for_network(picture: Picture, side: int) -> Bytes:
    """Return the picture as a network sees it: UINT8 [side, side, 3], transparency on white."""
    if picture.coverage is None:
        return square(picture.pixels, side)
    return square(on_white(picture.pixels, picture.coverage), side)


def on_white(pixels: Bytes, coverage: Bytes) -> Bytes:
    share = coverage[..., None].astype(np.uint16)
    mixed = pixels * share + WHITE * (WHITE - share)
    return ((mixed + WHITE // 2) // WHITE).astype(np.uint8)
