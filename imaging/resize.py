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
STRIP = 64  # rows


def square(pixels: Bytes, side: int) -> Bytes:
    """Return `pixels` UINT8 [h, w] or [h, w, 3] stretched to [side, side]: area averages down, bilinear up."""
    return resized(pixels, side, side)


def resized(pixels: Bytes, height: int, width: int) -> Bytes:
    """Return `pixels` UINT8 as [height, width(, 3)]: area averages down, bilinear up, each side its own way."""
    full_height, full_width = pixels.shape[:2]
    if full_height > height or full_width > width:
        pixels = shrunk(pixels, min(full_height, height), min(full_width, width))
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


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
    """Return what a picture looks like on white, made in strips that stay in the processor's cache."""
    result = np.empty_like(pixels)
    for top in range(0, len(pixels), STRIP):
        strip = slice(top, top + STRIP)
        share = cv2.cvtColor(coverage[strip], cv2.COLOR_GRAY2RGB)
        darker = cv2.multiply(cv2.bitwise_not(pixels[strip]), share, scale=1 / WHITE)
        cv2.bitwise_not(darker, dst=result[strip])
    return result
