"""A picture with a known subject for the benchmark of the steps: textured, noisy, furry at the edge."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

HAIRS = 1500
SHIFT = 4  # fractional bits of OpenCV's drawing coordinates


@dataclass(frozen=True, slots=True)
class Scene:
    """A JPEG (quality 90, camera noise) and the exact alpha of its subject, UINT8 [h, w]."""

    jpeg: bytes
    alpha: NDArray[np.uint8]


def make(size: int, seed: int = 0) -> Scene:
    rng = np.random.default_rng(seed)
    alpha = _subject(size, rng)
    share = alpha[..., None].astype(np.float32) / 255
    picture = _texture(size, rng, (60, 170)) * (1 - share) + _texture(size, rng, (90, 230)) * share
    picture += rng.normal(0, 3, (size, size, 1)).astype(np.float32)
    out = io.BytesIO()
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
    return Scene(out.getvalue(), alpha)


def _subject(size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A rounded body over a third of the picture, with hairs around it."""
    alpha = np.zeros((size, size), np.uint8)
    middle, radii = size // 2, np.array([0.31, 0.34]) * size
    cv2.ellipse(alpha, (middle, middle), tuple(int(r) for r in radii), 0, 0, 360, 255, -1, cv2.LINE_AA)
    for angle in rng.uniform(0, 2 * np.pi, HAIRS):
        way = np.array([np.cos(angle), np.sin(angle)])
        ends = middle + radii * way, middle + (radii + rng.uniform(0, 0.04) * size) * (way + rng.normal(0, 0.02, 2))
        points = [tuple(int(v * 2**SHIFT) for v in end) for end in ends]
        cv2.line(alpha, points[0], points[1], 255, max(1, size // 2000), cv2.LINE_AA, SHIFT)
    return alpha


def _texture(size: int, rng: np.random.Generator, levels: tuple[int, int]) -> NDArray[np.float32]:
    """Colours that vary from the size of the picture down to a few pixels."""
    total = np.zeros((size, size, 3), np.float32)
    for cells, strength in ((3, 1.0), (24, 0.5), (size // 8, 0.25)):
        grid = rng.uniform(-1, 1, (cells, cells, 3)).astype(np.float32)
        total += strength * cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
    low, high = levels
    return (low + high) / 2 + total * ((high - low) / 4)
