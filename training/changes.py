"""What a camera and a codec do to a picture UINT8 RGB [H, W, 3], by chance: light, colour, blur, noise, JPEG."""

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Picture: TypeAlias = NDArray[np.uint8]
Change: TypeAlias = Callable[[Picture, np.random.Generator], Picture]


def _clip(values: NDArray[np.floating]) -> Picture:
    return np.clip(values, 0, 255).astype(np.uint8)


def light(picture: Picture, rng: np.random.Generator) -> Picture:
    """Exposure, contrast and gamma, and the warmth of the lamps: red and blue a little apart, green between."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32)
    curve = (ramp ** np.exp(rng.uniform(-0.3, 0.3)) - 0.5) * np.exp(rng.uniform(-0.25, 0.15)) + 0.5
    warmth = rng.uniform(-0.08, 0.08)
    table = _clip((curve + rng.uniform(-0.08, 0.08))[:, None] * np.exp([warmth, 0, -warmth])[None] * 255)
    return np.asarray(cv2.LUT(picture, table[None]), np.uint8)


def saturation(picture: Picture, rng: np.random.Generator) -> Picture:
    grey = picture.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return _clip(grey[..., None] + (picture - grey[..., None]) * np.exp(rng.uniform(-0.35, 0.3)))


def soften(picture: Picture, rng: np.random.Generator) -> Picture:
    sigma = float(rng.uniform(0.3, 1.2)) * picture.shape[0] / 256
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def noise(picture: Picture, rng: np.random.Generator) -> Picture:
    return _clip(picture + rng.standard_normal(picture.shape, dtype=np.float32) * np.float32(rng.uniform(1, 8)))


def jpeg(picture: Picture, rng: np.random.Generator) -> Picture:
    quality = int(rng.integers(35, 95))
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
