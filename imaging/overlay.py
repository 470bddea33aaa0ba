"""A shelf's classes drawn over its picture."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imaging.errors import ShapeError
from imaging.shelf_classes import ShelfClass, palette

if TYPE_CHECKING:
    from imaging.arrays import Bytes

EDGE = np.ones((3, 3), np.uint8)


def overlay(frame: Bytes, mask: Bytes, opacity: float, outline: bool = False) -> Bytes:  # noqa: FBT001, FBT002 - as the option
    """Return RGB UINT8 [h, w, 3] with the colours of `mask` [any, any] over it; the background stays bit for bit.

    `opacity` 0..1; `outline` draws where one class meets another in the full colour, a pixel wide on either side.
    Raises ShapeError for arrays that are no picture and no mask, ValueError for an opacity out of range.
    """
    if frame.ndim != 3 or frame.shape[2] != 3 or not frame.size or mask.ndim != 2 or not mask.size:  # noqa: PLR2004
        raise ShapeError(f"a picture [h, w, 3] and a mask [h, w] expected, not {frame.shape} and {mask.shape}")
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity must be from 0 to 1, not {opacity}")
    classes = scaled(mask, frame.shape[0], frame.shape[1])
    colours = cv2.applyColorMap(classes, _table())
    drawn = cv2.addWeighted(frame, 1 - opacity, colours, opacity, 0)
    if outline:
        edge = cv2.morphologyEx(classes, cv2.MORPH_GRADIENT, EDGE)
        cv2.copyTo(colours, edge, drawn)
    ground = (classes == ShelfClass.BACKGROUND).view(np.uint8)
    return np.asarray(cv2.copyTo(frame, ground, drawn), np.uint8)


def scaled(mask: Bytes, height: int, width: int) -> Bytes:
    """Return a class mask at another size: of every pixel the class that lies under its middle."""
    if mask.shape == (height, width):
        return mask
    return np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


@lru_cache(maxsize=1)
def _table() -> Bytes:
    return palette()[:, None]
