"""Shadows on the ground: they darken it and never enter alpha."""

import cv2
import numpy as np

from training.scenes.canvas import Array, blurred
from training.scenes.shading import Light


def standing(rng: np.random.Generator, alpha: Array, foot: float, light: Light) -> Array:
    """Shade 0..1 of something that stands at row `foot`: a soft contact and a cast one, sheared away from the light."""
    height, width = alpha.shape
    squash = rng.uniform(0.05, 0.5)
    shear = -light.towards[0] * rng.uniform(0.3, 1.6)
    matrix = np.array([[1, -shear * 1.0, shear * foot], [0, squash, foot * (1 - squash)]], np.float32)
    cast = cv2.warpAffine(alpha, matrix, (width, height))
    cast = blurred(np.asarray(cast, np.float32), max(width, height) * rng.uniform(0.004, 0.03))
    flat = np.array([[1, 0, 0], [0, 0.12, foot * 0.88 + height * 0.012]], np.float32)
    contact = blurred(
        np.asarray(cv2.warpAffine(alpha, flat, (width, height)), np.float32),
        max(width, height) * rng.uniform(0.004, 0.02),
    )
    strength = rng.uniform(0.15, 0.9) * (0.3 + 0.7 * light.sharpness)
    return np.asarray(np.clip(np.maximum(cast * strength, contact * rng.uniform(0.2, 0.95)), 0, 1), dtype=np.float32)


def lying(rng: np.random.Generator, alpha: Array, light: Light) -> Array:
    """Shade of something seen from above: shifted away from the light, soft."""
    height, width = alpha.shape
    longer = max(height, width)
    throw = longer * rng.uniform(0.005, 0.06)
    shift = np.array([[1, 0, -light.towards[0] * throw], [0, 1, -light.towards[1] * throw]], np.float32)
    cast = blurred(np.asarray(cv2.warpAffine(alpha, shift, (width, height)), np.float32), throw * rng.uniform(0.2, 0.8))
    halo = blurred(alpha, longer * rng.uniform(0.005, 0.02))
    return np.asarray(
        np.clip(np.maximum(cast * rng.uniform(0.2, 0.85), halo * rng.uniform(0.0, 0.6)), 0, 1), dtype=np.float32
    )
