"""Closed outlines in unit coordinates: (n, 2) float32, x right, y down."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from training.scenes.canvas import Array, chance

TURN = np.linspace(0, 2 * np.pi, 97)[:-1]


def _points(x: np.ndarray, y: np.ndarray) -> Array:
    return np.stack([x, y], axis=1).astype(np.float32)


def ellipse(rx: float, ry: float, x: float = 0.0, y: float = 0.0, angle: float = 0.0) -> Array:
    px, py = np.cos(TURN) * rx, np.sin(TURN) * ry
    cosine, sine = np.cos(angle), np.sin(angle)
    return _points(px * cosine - py * sine + x, px * sine + py * cosine + y)


def smooth(points: np.ndarray, steps: int = 8, *, closed: bool = True) -> Array:
    """Catmull-Rom spline through control points (n, 2)."""
    p = np.asarray(points, dtype=np.float32)
    if not closed:
        p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    before, here, after, beyond = np.roll(p, 1, 0), p, np.roll(p, -1, 0), np.roll(p, -2, 0)
    if not closed:
        before, here, after, beyond = p[:-3], p[1:-2], p[2:-1], p[3:]
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[None, :, None]
    a, b, c, d = before[:, None], here[:, None], after[:, None], beyond[:, None]
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    flat = curve.reshape(-1, 2)
    return np.asarray(flat if closed else np.concatenate([flat, p[-2:-1]]), dtype=np.float32)


def ribbon(points: np.ndarray, widths: np.ndarray) -> Array:
    """A limb: a line (n, 2) given a half-width at each point, rounded at its ends."""
    line = smooth(points, 6, closed=False)
    half = np.interp(np.linspace(0, 1, len(line)), np.linspace(0, 1, len(widths)), widths)
    tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-6
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    cap = np.linspace(0, np.pi, 7)[1:-1, None]
    end = line[-1] + half[-1] * (np.cos(cap) * normal[-1] + np.sin(cap) * tangent[-1])
    start = line[0] + half[0] * (-np.cos(cap) * normal[0] - np.sin(cap) * tangent[0])
    left, right = line + normal * half[:, None], line - normal * half[:, None]
    return np.asarray(np.concatenate([left, end, right[::-1], start]), dtype=np.float32)


def blob(rng: np.random.Generator) -> Array:
    """Radius by a few low Fourier harmonics."""
    radius = np.ones_like(TURN)
    for harmonic in range(2, int(rng.integers(4, 10))):
        radius += rng.normal(0, 0.45 / harmonic**1.3) * np.cos(harmonic * TURN + rng.uniform(0, 6.3))
    radius = np.clip(radius, 0.25, 2)
    return _points(np.cos(TURN) * radius * 0.7, np.sin(TURN) * radius * 0.7 * rng.uniform(0.45, 1.0))


def superellipse(rng: np.random.Generator) -> Array:
    power = float(np.exp(rng.uniform(-0.7, 2.0)))
    x = np.sign(np.cos(TURN)) * np.abs(np.cos(TURN)) ** (1 / power)
    y = np.sign(np.sin(TURN)) * np.abs(np.sin(TURN)) ** (1 / power)
    return _points(x * 0.8, y * 0.8 * rng.uniform(0.35, 1.0))


def polygon(rng: np.random.Generator) -> Array:
    corners = int(rng.integers(3, 10))
    angles = np.sort(rng.uniform(0, 2 * np.pi / corners, corners) * 0.7 + np.arange(corners) * 2 * np.pi / corners)
    radius = rng.uniform(0.5, 1.0, corners)
    return _points(np.cos(angles) * radius, np.sin(angles) * radius)


def star(rng: np.random.Generator) -> Array:
    tips = int(rng.integers(4, 14))
    angles = np.arange(2 * tips) * np.pi / tips
    radius = np.where(np.arange(2 * tips) % 2 == 0, 0.95, rng.uniform(0.35, 0.8))
    star_points = _points(np.cos(angles) * radius, np.sin(angles) * radius)
    return smooth(star_points) if chance(rng, 0.5) else star_points


def spline(rng: np.random.Generator) -> Array:
    corners = int(rng.integers(5, 16))
    angles = np.arange(corners) * 2 * np.pi / corners
    radius = rng.uniform(0.3, 1.0, corners)
    return smooth(_points(np.cos(angles) * radius, np.sin(angles) * radius))


def lathe(rng: np.random.Generator) -> Array:
    """The side view of something turned: vases, bottles, pawns."""
    count = int(rng.integers(4, 9))
    radii = rng.uniform(0.12, 0.6, count)
    y = np.linspace(-0.95, 0.95, count)
    right = smooth(_points(radii, y), 8, closed=False)
    left = right[::-1] * np.array([-1, 1], np.float32)
    return np.asarray(np.concatenate([right, left]), dtype=np.float32)


OUTLINES: Mapping[str, Callable[[np.random.Generator], Array]] = MappingProxyType(
    {
        "blob": blob,
        "superellipse": superellipse,
        "polygon": polygon,
        "star": star,
        "spline": spline,
        "lathe": lathe,
    }
)
