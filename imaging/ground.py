"""What lies behind the subject: a colour, a gradient or a picture."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import ImageColor

from imaging import compose, decode, dither, oklab, resize, tiles
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
    found = _decoded(wishes)
    full_height, full_width = found.pixels.shape[:2]
    ratios = width / full_width, height / full_height
    scale = min(ratios) if wishes.scale == "fit" else max(ratios)
    across = _span(full_width, width, scale)
    down = _span(full_height, height, scale)
    part, here = (down[0], across[0]), (down[1], across[1])
    sigma = wishes.blur * max(height, width)
    if found.coverage is None:
        _lay(_soft(found.pixels[part], ground[here], sigma), ground[here])
    else:
        own = _see_through(found.pixels[part], found.coverage[part], ground[here], sigma)
        ground[here] = compose.composed(ground[here], None, "#000000FF", own)
    return ground


def _decoded(wishes: Picture) -> decode.Picture:
    try:
        data = base64.b64decode(wishes.data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise GroundError("ground.picture.data is no base64: send the bytes of an image file in it") from error
    return decode.decode(data, PIXEL_LIMIT)


def _span(length: int, room: int, scale: float) -> tuple[slice, slice]:
    """Return the middle pixels of a picture that are shown along one axis, and those of the canvas that show them."""
    shown, filled = min(length, max(1, round(room / scale))), min(room, max(1, round(length * scale)))
    first, start = (length - shown) // 2, (room - filled) // 2
    return slice(first, first + shown), slice(start, start + filled)


def _lay(colours: Bytes, ground: Bytes) -> None:
    ground[..., 3] = OPAQUE
    cv2.mixChannels([colours], [ground], [0, 0, 1, 1, 2, 2])


def _see_through(pixels: Bytes, coverage: Bytes, canvas: Bytes, sigma: float) -> Bytes:
    """Return RGBA of the canvas' shape; the colours weigh by alpha, so that none comes out of what is not seen."""
    weighted = np.asarray(cv2.multiply(pixels, cv2.cvtColor(coverage, cv2.COLOR_GRAY2RGB), scale=1 / OPAQUE), np.uint8)
    colours, cover = _soft(weighted, canvas, sigma), _soft(coverage, canvas, sigma)
    straight = cv2.divide(colours, cv2.cvtColor(cover, cv2.COLOR_GRAY2RGB), scale=OPAQUE)
    return np.dstack([straight, cover]).astype(np.uint8)


def _soft(pixels: Bytes, canvas: Bytes, sigma: float) -> Bytes:
    """Return `pixels` UINT8 [h, w] or [h, w, 3] at the size of `canvas`, and blurred there; widely by a small copy."""
    height, width = canvas.shape[:2]
    if sigma <= FINE_BLUR:
        whole = resize.resized(pixels, height, width)
        return np.asarray(cv2.GaussianBlur(whole, (0, 0), sigma), np.uint8) if sigma > 0 else whole
    factor = sigma / SMALL_BLUR
    small = resize.resized(pixels, max(1, round(height / factor)), max(1, round(width / factor)))
    soft = cv2.GaussianBlur(small.astype(np.float32), (0, 0), SMALL_BLUR, borderType=cv2.BORDER_REPLICATE)
    result = np.empty((height, width, *pixels.shape[2:]), np.uint8)
    for tile in tiles.over(height, width, dither.SIDE):
        result[tile.region] = dither.rounded(tiles.enlarge(np.asarray(soft, np.float32), tile, height, width))
    return result
