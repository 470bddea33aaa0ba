"""White things on the white ground of a booth, with exact alpha: shaded, with a soft shadow, a few levels apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHAPES = ("mug", "ball", "box", "bottle")
FINE = 4  # times as large are the outlines drawn
NOISE = 1.2  # levels in a picture of 2048 pixels a side, less in a smaller one, as if it had been reduced


@dataclass(frozen=True)
class Scene:
    """RGB UINT8 [s, s, 3], alpha UINT8 [s, s]."""

    picture: NDArray[np.uint8]
    alpha: NDArray[np.uint8]


def make(shape: str, side: int = 512, apart: float = 5.0, seed: int = 0, shadow: float = 14.0) -> Scene:
    """A subject `apart` levels from its ground on average; `shadow` is the depth of its shadow in levels."""
    rng = np.random.default_rng(seed)
    alpha = _outline(shape, side)
    y, x = np.meshgrid(*2 * [(np.arange(side) + 0.5) / side], indexing="ij")
    ground = rng.uniform(240, 252) - rng.uniform(2, 8) * ((x - 0.5) ** 2 + (y - 0.45) ** 2)
    cast = np.exp(-(((x - 0.53) / 0.2) ** 2) - ((y - 0.79) / 0.035) ** 2)
    tilt = rng.uniform(-1, 1, 2)
    shading = 0.35 * apart * ((x - 0.5) * tilt[0] + (y - 0.5) * tilt[1]) * 4
    subject = ground - apart + shading + 0.8 * apart * _relief(alpha)
    share = alpha / 255
    light = (ground - shadow * cast) * (1 - share) + subject * share
    noisy = light[..., None] + rng.normal(0, NOISE * side / 2048, (side, side, 3))
    picture = np.clip(cv2.GaussianBlur(noisy, (0, 0), 0.6) + 0.5, 0, 255).astype(np.uint8)
    return Scene(picture, alpha)


def _outline(shape: str, side: int) -> NDArray[np.uint8]:
    large = np.zeros((side * FINE, side * FINE), np.uint8)
    unit = side * FINE / 100

    def oval(x: float, y: float, radii: tuple[float, float], thickness: float = 0) -> None:
        centre, axes = (round(x * unit), round(y * unit)), (round(radii[0] * unit), round(radii[1] * unit))
        cv2.ellipse(large, centre, axes, 0, 0, 360, 255, round(thickness * unit) or -1)

    def block(*corners: tuple[float, float]) -> None:
        cv2.fillPoly(large, [np.round(np.array(corners) * unit).astype(np.int32)], 255)

    if shape == "mug":
        oval(66, 54, (15, 16), 5)
        block((32, 32), (66, 32), (66, 80), (32, 80))
        oval(49, 32, (17, 4))
        oval(49, 80, (17, 4))
    elif shape == "ball":
        oval(50, 56, (25, 25))
    elif shape == "box":
        block((26, 40), (62, 34), (78, 42), (76, 74), (44, 82), (28, 72))
    else:
        block((38, 38), (62, 38), (62, 81), (38, 81))
        block((45, 18), (55, 18), (55, 40), (45, 40))
        oval(50, 40, (12, 8))
    return np.asarray(cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _relief(alpha: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much lighter a place is than the subject's middle: rounded off towards its edge."""
    depth = cv2.distanceTransform((alpha > 127).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(np.sqrt(np.clip(depth / max(float(depth.max()), 1), 0, 1)) - 0.6, np.float32)
