"""A template over a picture: bars, words and logos, each blended into the part of the picture that it touches.

Blended in sRGB as design programs do it, not in linear light: a bar of black at 55 % looks as it did where it was
drawn, and the edges of letters keep their weight, dark on light as light on dark.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from imaging import template_fields, template_words
from imaging.template_layout import Place, placed
from imaging.template_schema import Bar, Picture
from imaging.typesetting import coverage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imaging.arrays import Bytes
    from imaging.template_fields import Values
    from imaging.template_file import Template
    from imaging.typesetting import Setting

BAND = 256  # rows that are blended at a time
SHARES = {"left": 0.0, "top": 0.0, "center": 0.5, "right": 1.0, "bottom": 1.0}


@dataclass(frozen=True, slots=True)
class Layer:
    """What is laid over the picture at (top, left): RGBA [h, w, 4] with straight alpha, or one colour (RGBA, 0 to 255)
    through coverage [h, w]. `opacity` 0 to 1 beside their own.
    """

    top: int
    left: int
    pixels: Bytes
    colour: tuple[int, ...] | None
    opacity: float

    def band(self, start: int, end: int) -> Bytes:
        part = self.pixels[start:end]
        if self.colour is None:
            rgba = part.copy()
            alpha, factor = part[..., 3], self.opacity
        else:
            rgba = np.empty((*part.shape, 4), np.uint8)
            rgba[..., :3] = self.colour[:3]
            alpha, factor = part, self.opacity * self.colour[3] / 255
        levels = np.rint(np.arange(256) * factor).astype(np.uint8)
        rgba[..., 3] = levels[alpha]
        return rgba


def drawn(picture: Bytes, template: Template, fields: Mapping[str, str]) -> Bytes:
    """Return the picture, UINT8 RGBA [h, w, 4] with straight alpha, with the template over it. Raises ImageError."""
    values = template_fields.values(template.sheet.fields, fields)
    result = picture.copy()
    for block in template_words.blocks(placed(template.sheet, values, *picture.shape[:2])):
        for layer in _layers(block, template, values):
            _lay(result, layer)
    return result


def _layers(block: Sequence[Place], template: Template, values: Values) -> Iterator[Layer]:
    place, element = block[0], block[0].element
    opacity = values.share(element.opacity)
    if isinstance(element, Bar):
        radius = min(place.pixels(element.radius, min(place.height, place.width)), place.height / 2, place.width / 2)
        shape = rounded(place.height, place.width, radius)
        yield Layer(place.box.top, place.box.left, shape, values.paint(element.color), opacity)
    elif isinstance(element, Picture):
        yield scaled(place, element, template.images[element.file], opacity)
    else:
        for part, setting in zip(block, template_words.settings(block, template, values), strict=True):
            yield from _words(part, setting, values)


def _words(place: Place, setting: Setting, values: Values) -> Iterator[Layer]:
    element, box = template_words.text(place), place.seen
    opacity, stroke = values.share(element.opacity), place.pixels(element.stroke)
    top, left = box.top + setting.ink.top, box.left + setting.ink.left
    if stroke:
        yield Layer(top, left, coverage(setting, stroke), values.paint(element.stroke_color), opacity)
    yield Layer(top, left, coverage(setting), values.paint(element.color), opacity)


def scaled(place: Place, element: Picture, image: Image.Image, opacity: float) -> Layer:
    """Return the picture in its box: all of it inside, or as much as covers it."""
    ratios = place.height / image.height, place.width / image.width
    scale = min(ratios) if element.scale == "fit" else max(ratios)
    height, width = max(round(image.height * scale), 1), max(round(image.width * scale), 1)
    down = (place.height - height) * SHARES[element.vertical]
    right = (place.width - width) * SHARES[element.horizontal]
    if element.scale == "fit":
        pixels = np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))
        return Layer(place.box.top + round(down), place.box.left + round(right), pixels, None, opacity)
    seen = (-right / scale, -down / scale, (place.width - right) / scale, (place.height - down) / scale)
    inside = (max(seen[0], 0), max(seen[1], 0), min(seen[2], image.width), min(seen[3], image.height))
    pixels = np.asarray(image.resize((place.width, place.height), Image.Resampling.LANCZOS, inside))
    return Layer(place.box.top, place.box.left, pixels, None, opacity)


def rounded(height: int, width: int, radius: float) -> Bytes:
    """Return UINT8 [height, width]: how much of each pixel a rectangle with rounded corners covers."""
    shape = np.full((height, width), 255, np.uint8)
    side = math.ceil(radius)
    if side == 0:
        return shape
    inward = radius - np.arange(side, dtype=np.float32) - 0.5
    distance = np.hypot(*np.meshgrid(inward.clip(0), inward.clip(0)))
    corner = np.rint((radius + 0.5 - distance).clip(0, 1) * 255).astype(np.uint8)
    across, down = min(side, width), min(side, height)
    for rows, columns in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        part = shape[::rows, ::columns][:down, :across]
        np.minimum(part, corner[:down, :across], out=part)
    return shape


def _lay(canvas: Bytes, layer: Layer) -> None:
    """Blend a layer into the canvas, in place; what lies off the canvas is left out."""
    height, width = layer.pixels.shape[:2]
    top, bottom = max(layer.top, 0), min(layer.top + height, canvas.shape[0])
    left, right = max(layer.left, 0), min(layer.left + width, canvas.shape[1])
    if left >= right:
        return
    for start in range(top, bottom, BAND):
        end = min(start + BAND, bottom)
        below = canvas[start:end, left:right]
        above = layer.band(start - layer.top, end - layer.top)[:, left - layer.left : right - layer.left]
        below[...] = np.asarray(Image.alpha_composite(_image(below), _image(above)))


def _image(pixels: Bytes) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels))
