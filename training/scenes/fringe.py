"""Soft edges: fur, hair, feathers along an outline."""

import cv2
import numpy as np

from training.scenes.canvas import Array, blurred, unit
from training.scenes.textures import noise


def furred(rng: np.random.Generator, mask: Array, length: float, fall: float = 0.35) -> Array:
    """The mask with hairs of about `length` pixels standing out of its outline; `fall` pulls them down."""
    contours, _ = cv2.findContours((mask > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours or length < 0.7:
        return mask
    hairs = np.zeros(mask.shape, np.uint8)
    tuft = noise(rng, (mask.shape[0], mask.shape[1]), rng.uniform(10, 40), 2)
    for contour in contours:
        points = contour[:, 0, :].astype(np.float32)
        if len(points) > 20:
            _comb(rng, hairs, points, tuft, length, fall)
    soft = blurred(mask, float(rng.uniform(0.3, 0.3 + length * 0.12)))
    return np.maximum(soft, unit(hairs))


def _comb(rng: np.random.Generator, canvas: np.ndarray, points: Array, tuft: Array, length: float, fall: float) -> None:
    tangent = np.roll(points, -4, 0) - np.roll(points, 4, 0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-6
    outward = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
    index = rng.integers(0, len(points), int(len(points) * rng.uniform(0.5, 1.2)))
    roots, grow = points[index], outward[index]
    local = tuft[roots[:, 1].astype(int), roots[:, 0].astype(int)]
    reach = length * rng.uniform(0.3, 1.2, len(index)) * (local * 1.6)
    lean = np.array([rng.normal(0, 0.3), fall]) + rng.normal(0, 0.35, (len(index), 2))
    tips = roots + (grow + lean) * reach[:, None]
    inside = roots - grow * 2
    lines = np.round(np.stack([inside, roots + (tips - roots) * 0.6, tips], axis=1) * 16).astype(np.int32)
    half = len(lines) // 2
    cv2.polylines(canvas, list(lines[:half]), False, int(rng.integers(120, 200)), 1, cv2.LINE_AA, 4)  # noqa: FBT003
    cv2.polylines(canvas, list(lines[half:]), False, 255, 1, cv2.LINE_AA, 4)  # noqa: FBT003
