"""What lies behind the subject: a colour, a gradient or a picture."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageColor

from imaging import compose, dither, light, oklab, tiles
from imaging.decode import decode
from imaging.errors import ImageError
from imaging.product_options import PIXEL_LIMIT

if TYPE_CHECKING:
    from imaging.arrays import Bytes
    from imaging.product_options import Gradient, Ground, Picture

STEPS = 2048  # along a gradient, which has at most 255 levels a channel
SHADES = 64  # of the noise between two steps
FINE_BLUR = 4.0  # sigma in pixels up to which the picture is blurred at its own size
SMALL_BLUR = 2  # sigma at the reduced size of a wider blur
OPAQUE = 255


class GroundError(ImageError):
    """The ground's picture cannot be used."""


def laid(height: int, width: int, wishes: Ground) -> Bytes:
    """Return RGBA UINT8 [height, width, 4], straight. Raises ImageError for a picture that cannot be read.

    Where a picture that is scaled to fit leaves room, and under its own translucent pixels, lies the colour.
    """
    if wishes.picture is not None:
        return _with_picture(_even(height, width, wishes.color), wishes.picture)
    if wishes.gradient is not None:
        return _gradient(height, width, wishes.gradient)
    return _even(height, width, wishes.color)


def _rgba(colour: str) -> list[int]:
    return list((*ImageColor.getrgb(colour), OPAQUE)[:4])


def _even(height: int, width: int, colour: str | None) -> Bytes:
    pixel = np.array([0] * 4 if colour is None else _rgba(colour), np.uint8).view(np.uint32)
    return np.full((height, width), pixel[0]).view(np.uint8).reshape(height, width, 4)


def _gradient(height: int, width: int, wishes: Gradient) -> Bytes:
    """Return the gradient, from corner to corner along its angle, even to the eye and free of bands."""
    across, up = np.sin(np.radians(wishes.angle)), np.cos(np.radians(wishes.angle))
    reach = abs(across) * width + abs(up) * height
    columns = ((np.arange(width) + 0.5 - width / 2) * across / reach).astype(np.float32)
    rows = (0.5 - (np.arange(height) + 0.5 - height / 2) * up / reach).astype(np.float32)
    table, result = _shaded(wishes), np.empty((height, width, 4), np.uint8)
    shades = (dither.pattern() * SHADES).astype(np.int32) * STEPS
    for tile in tiles.over(height, width, dither.SIDE):
        down, along = tile.region
        steps = np.add.outer(rows[down], columns[along]) * np.float32(STEPS)
        index = np.clip(steps.astype(np.int32), 0, STEPS - 1) + shades[: len(steps), : steps.shape[1]]
        result[tile.region] = np.take(table, index, mode="clip").view(np.uint8).reshape(*index.shape, 4)
    return result


def _shaded(wishes: Gradient) -> np.ndarray:
    """Return UINT32 [SHADES * STEPS]: the bytes of every step, rounded at as many thresholds as there are shades."""
    course = oklab.course(_rgba(wishes.start), _rgba(wishes.end), STEPS)
    thresholds = (np.arange(SHADES, dtype=np.float32) + np.float32(0.5)) / SHADES
    return (course + thresholds[:, None, None]).astype(np.uint8).view(np.uint32).ravel()


def _with_picture(ground: Bytes, wishes: Picture) -> Bytes:
    height, width = ground.shape[:2]
    try:
        data = base64.b64decode(wishes.data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise GroundError("ground.picture.data is no base64: send the bytes of an image file in it") from error
    found = decode(data, PIXEL_LIMIT)
    full_height, full_width = found.pixels.shape[:2]
    ratios = width / full_width, height / full_height
    scale = min(ratios) if wishes.scale == "fit" else max(ratios)
    inner = min(height, max(1, round(full_height * scale))), min(width, max(1, round(full_width * scale)))
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    here = slice(top, top + inner[0]), slice(left, left + inner[1])
    colours = _blurred(_scaled(found.pixels, *inner), wishes.blur * max(height, width))
    if found.coverage is None:
        ground[here] = cv2.cvtColor(colours, cv2.COLOR_RGB2RGBA)
    else:
        cover = _blurred(_scaled(found.coverage, *inner), wishes.blur * max(height, width))
        ground[here] = compose.composed(ground[here], None, "#000000FF", np.dstack([colours, cover]))
    return ground


def _scaled(pixels: Bytes, height: int, width: int) -> Bytes:
    """Return the middle part of `pixels` of the shape of [height, width], resampled to it."""
    full_height, full_width = pixels.shape[:2]
    if (full_height, full_width) == (height, width):
        return pixels
    part_height = min(full_height, full_width * height / width)
    part_width = min(full_width, full_height * width / height)
    left, top = (full_width - part_width) / 2, (full_height - part_height) / 2
    box = (left, top, left + part_width, top + part_height)
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC, box=box, reducing_gap=2.0)
    return np.asarray(image)


def _blurred(pixels: Bytes, sigma: float) -> Bytes:
    """Return `pixels` UINT8 [h, w] or [h, w, 3] blurred; a wide blur is one of light, made small and enlarged."""
    if sigma <= FINE_BLUR:
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8) if sigma > 0 else pixels
    height, width = pixels.shape[:2]
    factor = sigma / SMALL_BLUR
    size = max(1, round(width / factor)), max(1, round(height / factor))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    soft = cv2.GaussianBlur(light.of(small), (0, 0), SMALL_BLUR, borderType=cv2.BORDER_REPLICATE)
    levels = light.exact_levels(np.asarray(soft, np.float32))
    result = np.empty_like(pixels)
    for tile in tiles.over(height, width, dither.SIDE):
        result[tile.region] = dither.rounded(tiles.enlarge(levels, tile, height, width))
    return result
