"""The light of a booth: a white tent with soft boxes, as tables of what a surface shows by where it faces.

Colours are linear-light RGB under the exact sRGB curve, so that a composite of the layers is the photo.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from training.scenes.canvas import Array, Colour, Size, blurred

SIDE = 96  # of the tables, over nx and ny from -1 to 1
STEPS = 4095


@dataclass(frozen=True)
class Normals:
    """Where a surface faces, each (h, w): x to the right, y down, z to the viewer; of unit length."""

    x: Array
    y: Array
    z: Array

    @staticmethod
    def of(x: Array, y: Array, z: Array) -> "Normals":
        """Brought to unit length."""
        scale = 1 / np.sqrt(x * x + y * y + z * z + np.float32(1e-6))
        return Normals(x * scale, y * scale, z * scale)

    @staticmethod
    def flat(size: Size, towards: tuple[float, float, float], bend: float = 0.06) -> "Normals":
        """A plane; `bend` tilts it from one end to the other, as perspective and true surfaces do."""
        y = np.linspace(-bend, bend, size[0], dtype=np.float32)[:, None] + np.float32(towards[1])
        x = np.linspace(-bend, bend, size[1], dtype=np.float32)[None, :] + np.float32(towards[0])
        z = np.full(size, max(towards[2], 0.05), np.float32)
        return Normals.of(np.broadcast_to(x, size), np.broadcast_to(y, size), z)

    def bumped(self, field: Array, strength: float) -> "Normals":
        """Roughened by the slopes of a height field, in pixels."""
        dx = cv2.Sobel(field, cv2.CV_32F, 1, 0, ksize=3) * np.float32(strength / 8)
        dy = cv2.Sobel(field, cv2.CV_32F, 0, 1, ksize=3) * np.float32(strength / 8)
        return Normals.of(self.x - dx, self.y - dy, self.z)


@dataclass(frozen=True)
class Stuff:
    """What a surface is made of: diffuse colour, reflection seen from the front, roughness 0..1, its tint (metals)."""

    albedo: tuple[float, float, float]
    reflection: float = 0.04
    roughness: float = 0.4
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @staticmethod
    def grey(level: float, reflection: float = 0.04, roughness: float = 0.4) -> "Stuff":
        return Stuff((level, level, level), reflection, roughness)

    @staticmethod
    def metal(colour: tuple[float, float, float], roughness: float) -> "Stuff":
        return Stuff((0.02, 0.02, 0.02), 0.85, roughness, colour)

    @property
    def colour(self) -> Colour:
        return np.array(self.albedo, np.float32)


@dataclass(frozen=True)
class Booth:
    """The soft boxes' strength at the left, the right, above and behind the camera, and how far round they reach."""

    left: float
    right: float
    top: float
    front: float
    reach: float

    @staticmethod
    def drawn(rng: np.random.Generator) -> "Booth":
        left = float(rng.uniform(0.7, 1.6))
        return Booth(
            left, float(rng.uniform(1.7, 2.5) - left), *map(float, rng.uniform([0.8, 0.05, 0.3], [1.7, 0.5, 0.75]))
        )

    @cached_property
    def diffuse(self) -> Array:
        """How bright white paper is, about 1 where it faces the viewer and the light above."""
        x, y, z = _sphere()
        sides = np.maximum(-x, 0) * self.left + np.maximum(x, 0) * self.right
        light = 0.46 + 0.26 * np.maximum(-y, 0) * self.top - 0.2 * np.maximum(y, 0) + 0.22 * sides + 0.36 * z
        return np.asarray(light, np.float32)

    @cached_property
    def _mirror(self) -> Array:
        """What a perfect mirror shows by its normal: the tent, brighter boxes, the dark gap with the camera."""
        nx, ny, nz = _sphere()
        x, up, z = 2 * nz * nx, -2 * nz * ny, 2 * nz * nz - 1
        tent = np.where(z > 0, 0.32 + 0.3 * np.abs(up), 0.85)
        soft = 0.08
        left, right = _ramp(-x, self.reach, soft), _ramp(x, self.reach, soft)
        upright = 1 - _ramp(np.abs(up), 0.75, 0.1)
        box = np.maximum(left * upright * self.left, right * upright * self.right)
        above = _ramp(up, self.reach, soft) * self.top
        gap = _ramp(z, 0.8, 0.1) * (1 - self.front)
        return np.asarray((np.maximum(tent, np.maximum(box, above))) * (1 - 0.85 * gap), np.float32)

    def shine(self, stuff: Stuff) -> Array:
        """What the surface reflects of its surroundings, by normal (SIDE, SIDE)."""
        _, _, z = _sphere()
        fresnel = stuff.reflection + (1 - stuff.reflection) * (1 - z) ** 5 * (1 - 0.75 * stuff.roughness)
        seen = blurred(self._mirror, 0.6 + stuff.roughness * SIDE * 0.22)
        return np.asarray(seen * fresnel, np.float32)

    def lit(self, stuff: Stuff, normals: Normals, albedo: Array | None = None, dimmed: Array | None = None) -> Array:
        """The surface as seen, (h, w, 3); `albedo` (h, w, 3) instead of the stuff's one, `dimmed` (h, w) in corners."""
        x = (normals.x * np.float32(0.5) + np.float32(0.5)) * np.float32(SIDE - 1)
        y = (normals.y * np.float32(0.5) + np.float32(0.5)) * np.float32(SIDE - 1)
        direct = cv2.remap(self.diffuse, x, y, cv2.INTER_LINEAR)
        shine = cv2.remap(self.shine(stuff), x, y, cv2.INTER_LINEAR)
        if dimmed is not None:
            direct, shine = direct * dimmed, shine * dimmed
        colour = stuff.colour if albedo is None else albedo
        return np.asarray(colour * direct[..., None] + shine[..., None] * np.array(stuff.tint, np.float32), np.float32)


def _sphere() -> tuple[Array, Array, Array]:
    axis = np.linspace(-1, 1, SIDE, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    far = np.sqrt(x * x + y * y)
    scale = np.where(far > 1, 1 / np.maximum(far, 1), 1).astype(np.float32)
    x, y = x * scale, y * scale
    return x, y, np.sqrt(np.clip(1 - x * x - y * y, 0, 1))


def _ramp(field: Array, edge: float, soft: float) -> Array:
    t = np.clip((field - edge + soft) / (2 * soft), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def linear(picture: np.ndarray) -> Array:
    """UINT8 sRGB to linear light."""
    value = np.arange(256, dtype=np.float64) / 255
    table = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.take(table.astype(np.float32), picture)


def encoded(light: Array) -> Array:
    """Linear light to sRGB levels 0..255, not rounded, through a table that is finer where dark."""
    root = np.linspace(0, 1, STEPS + 1)
    value = root * root
    table = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055) * 255
    place = np.sqrt(np.clip(light, 0, 1)) * np.float32(STEPS) + np.float32(0.5)
    return np.take(table.astype(np.float32), place.astype(np.uint16))


def level(value: float) -> float:
    """An sRGB level 0..255, fractions too, in linear light."""
    share = value / 255
    return float(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4)
