"""What all scene modules share: array types, the frame that places a subject, and linear light.

All colours are linear-light RGB, float32, 0..1, (height, width, 3); masks and fields are float32,
0..1, (height, width).
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Size = tuple[int, int]  # (height, width) in pixels
Colour = npt.NDArray[np.float32]  # (3,)

SUBPIXEL_BITS = 4


def linear(srgb: Array) -> Array:
    """Gamma 2.0 instead of the exact sRGB curve: a square and a square root keep generation fast."""
    return srgb * srgb


def encoded(light: Array) -> Array:
    return np.asarray(np.sqrt(np.clip(light, 0.0, 1.0)), dtype=np.float32)


@dataclass(frozen=True)
class Frame:
    """Places unit coordinates (x right, y down, the subject roughly within -1..1) on the picture."""

    size: Size
    scale: float
    centre: tuple[float, float]  # (x, y) in pixels
    angle: float = 0.0  # radians
    mirrored: bool = False

    def pixels(self, points: npt.ArrayLike) -> Array:
        """(n, 2) unit coordinates to (n, 2) pixel coordinates."""
        xy = np.array(points, dtype=np.float32).reshape(-1, 2)
        if self.mirrored:
            xy[:, 0] *= -1
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        turned = np.stack([xy[:, 0] * cosine - xy[:, 1] * sine, xy[:, 0] * sine + xy[:, 1] * cosine], axis=1)
        return np.asarray((turned * self.scale + np.array(self.centre)), dtype=np.float32)

    def moved(self, dx: float, dy: float, scale: float = 1.0, angle: float = 0.0) -> "Frame":
        """A frame inside this one, (dx, dy) in units of this one."""
        x, y = self.pixels([[dx, dy]])[0]
        return Frame(self.size, self.scale * scale, (float(x), float(y)), self.angle + angle, self.mirrored)


def filled(size: Size, *polygons: Array) -> Array:
    """The union of polygons in pixel coordinates as an anti-aliased mask."""
    mask = np.zeros(size, np.uint8)
    for polygon in polygons:
        points = np.round(np.clip(polygon, -4000, 4000) * (1 << SUBPIXEL_BITS)).astype(np.int32)
        cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, SUBPIXEL_BITS)
    return unit(mask)


def unit(mask: npt.NDArray[np.uint8]) -> Array:
    return mask.astype(np.float32) * np.float32(1 / 255)


def blurred(picture: Array, sigma: float) -> Array:
    """Gaussian blur; wide ones run on a reduced copy, which nobody can tell apart and which is many times faster."""
    if sigma < 0.3:
        return picture
    height, width = picture.shape[:2]
    factor = max(1, int(sigma / 3))
    if factor == 1:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), dtype=np.float32)
    small = cv2.resize(picture, (max(2, width // factor), max(2, height // factor)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def over(front: Array, alpha: Array, back: Array) -> Array:
    """`front` (or one colour) laid over `back` through `alpha`."""
    mixed = np.subtract(front, back, dtype=np.float32)
    mixed *= alpha[..., None]
    mixed += back
    return mixed


def grid(size: Size) -> tuple[Array, Array]:
    """Pixel coordinates divided by the longer side: (y, x), each (height, width)."""
    longer = max(size)
    y = np.arange(size[0], dtype=np.float32)[:, None] / longer
    x = np.arange(size[1], dtype=np.float32)[None, :] / longer
    return np.broadcast_to(y, size), np.broadcast_to(x, size)


def smoothstep(field: Array, low: float, high: float) -> Array:
    t = np.clip((field - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def chance(rng: np.random.Generator, probability: float) -> bool:
    return bool(rng.random() < probability)
