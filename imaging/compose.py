"""Ground, shadow and subject laid over each other, in the light that they send out rather than in its sRGB levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import ImageColor

from imaging import light, tiles
from imaging.errors import ShapeError

if TYPE_CHECKING:
    from imaging.arrays import Bytes, Floats

SIDE = 64
OPAQUE = 255
LEAST = np.float32(1e-6)


@dataclass(frozen=True, slots=True)
class Shade:
    """A shadow's colour as light and alpha of 1, FP32 [4], and how much of it an opacity lays on, FP32 [256]."""

    colour: Floats
    shares: Floats


def composed(ground: Bytes, opacity: Bytes | None, colour: str, subject: Bytes) -> Bytes:
    """Return RGBA UINT8 [h, w, 4], straight, of `subject` over a shadow over `ground`, both RGBA, straight.

    `opacity` UINT8 [h, w] is the shadow's, None for no shadow, and `colour` its colour, whose alpha weakens it. Opaque
    pixels of the subject and pixels of the ground under nothing come out bit by bit as they were. Raises ShapeError.
    """
    height, width = shape = subject.shape[:2]
    if ground.shape[:2] != shape or (opacity is not None and opacity.shape != shape):
        raise ShapeError(f"the ground or the shadow is of another size than the subject's {width} x {height}")
    shade, result = _shade(colour), ground.copy()
    cover = np.asarray(cv2.extractChannel(subject, 3), np.uint8)
    for tile in tiles.over(height, width, SIDE):
        here = tile.region
        shadow = None if opacity is None or not opacity[here].any() else opacity[here]
        if cover[here].min() == OPAQUE:
            result[here] = subject[here]
        elif cover[here].any():
            result[here] = _blended(ground[here], shadow, shade, subject[here])
        elif shadow is not None:
            result[here] = _shaded(ground[here], shadow, shade)
    return result


def _shade(colour: str) -> Shade:
    *rgb, alpha = (*ImageColor.getrgb(colour), OPAQUE)[:4]
    shares = np.arange(OPAQUE + 1, dtype=np.float32) * np.float32(alpha / OPAQUE / OPAQUE)
    return Shade(np.append(light.of(np.array([rgb], np.uint8))[0], np.float32(1)), shares)


def _shaded(ground: Bytes, shadow: Bytes, shade: Shade) -> Bytes:
    """Return the ground under nothing but a shadow: of an even one every opacity makes one colour."""
    pixels = ground.view(np.uint32)
    if (pixels != pixels[0, 0]).any():
        return _blended(ground, shadow, shade, None)
    every = np.arange(OPAQUE + 1, dtype=np.uint8)[None]
    colours = _blended(np.repeat(ground[:1, :1], OPAQUE + 1, axis=1), every, shade, None)
    return np.take(colours.view(np.uint32), shadow).view(np.uint8).reshape(ground.shape)


def _blended(ground: Bytes, shadow: Bytes | None, shade: Shade, subject: Bytes | None) -> Bytes:
    seen = _light(ground)
    if shadow is not None:
        seen += (shade.colour - seen) * shade.shares[shadow][..., None]
    if subject is not None:
        colours = _light(subject)
        seen = colours + seen * (1 - colours[..., 3:])
    alpha = (seen[..., 3] * OPAQUE + np.float32(0.5)).astype(np.uint8)
    if alpha.min() < OPAQUE:
        seen[..., :3] /= np.maximum(seen[..., 3:], LEAST)
    result = np.empty_like(ground)
    result[..., :3], result[..., 3] = light.levels(seen[..., :3]), alpha
    return np.where(alpha[..., None] > 0, result, ground) if alpha.min() == 0 else result


def _light(pixels: Bytes) -> Floats:
    """Return FP32 [h, w, 4]: the light times alpha, and alpha from 0 to 1."""
    colours = light.of(np.ascontiguousarray(pixels[..., :3]))
    result = np.asarray(cv2.cvtColor(colours, cv2.COLOR_RGB2RGBA), np.float32)
    share = pixels[..., 3:].astype(np.float32) / np.float32(OPAQUE)
    if share.min() < 1:
        result *= share
    result[..., 3:] = share
    return result
