"""Light on flat masks: a height is guessed from the distance to the outline, its normals are lit."""

from dataclasses import dataclass

import cv2
import numpy as np

from training.scenes.canvas import Array, Colour, blurred
from training.scenes.textures import noise


@dataclass(frozen=True)
class Light:
    """`towards` is the unit vector to the light (x right, y down, z to the viewer)."""

    towards: tuple[float, float, float]
    colour: Colour
    ambient: Colour
    sharpness: float  # 0 overcast .. 1 hard sun

    @staticmethod
    def drawn(rng: np.random.Generator) -> "Light":
        side, height, depth = rng.uniform(-1, 1), rng.uniform(0.2, 1.2), rng.uniform(0.2, 1.2)
        vector = np.array([side, -height, depth])
        vector /= np.linalg.norm(vector)
        warmth = rng.normal(0, 0.08)
        cast = np.array([1 + warmth, 1.0, 1 - warmth], np.float32)
        sharpness = float(rng.random())
        share = 0.35 + 0.45 * (1 - sharpness)
        return Light(
            (float(vector[0]), float(vector[1]), float(vector[2])),
            (cast * (1.35 - share)).astype(np.float32),
            ((2 - cast) * share).astype(np.float32),
            sharpness,
        )


def heights(mask: Array, bulge: float) -> Array:
    """A pillow over the mask: 0 at the outline, `bulge` pixels inside and beyond it is flat. Unit: `bulge`."""
    inside = (mask > 0.5).astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
    rise = np.clip(distance / bulge, 0, 1)
    return blurred(np.sqrt(np.clip(1 - (1 - rise) ** 2, 0, 1)).astype(np.float32), max(0.8, bulge * 0.12))


def normals(height: Array, strength: float) -> tuple[Array, Array, Array]:
    dx = cv2.Scharr(height, cv2.CV_32F, 1, 0) * (strength / 32)
    dy = cv2.Scharr(height, cv2.CV_32F, 0, 1) * (strength / 32)
    length = 1 / np.sqrt(dx * dx + dy * dy + 1)
    return -dx * length, -dy * length, length


@dataclass(frozen=True)
class Finish:
    """How a surface takes light: `bulge` in pixels, `bump` 0..1 roughness, `gloss` 0..1, `mirror` 0..1."""

    bulge: float
    bump: float = 0.0
    gloss: float = 0.0
    mirror: float = 0.0


def surroundings(rng: np.random.Generator, colours: Array) -> Array:
    """What a mirror sees from below to above, as a table (256, 3): bands of the given colours with a horizon."""
    bands = np.clip(
        np.interp(np.linspace(0, 1, 256), np.sort(rng.random(8)), rng.permutation(np.linspace(0, 1, 8))), 0, 1
    )
    index = (bands * (len(colours) - 1)).round().astype(int)
    table = colours[index].astype(np.float32)
    return np.asarray(cv2.GaussianBlur(table[None], (0, 0), rng.uniform(2, 12))[0], dtype=np.float32)


def lit(rng: np.random.Generator, albedo: Array, mask: Array, finish: Finish, light: Light) -> Array:
    """The surface under the light, (height, width, 3)."""
    height = heights(mask, finish.bulge)
    relief = height * np.float32(finish.bulge)
    if finish.bump > 0:
        rough = noise(rng, (mask.shape[0], mask.shape[1]), max(3.0, max(mask.shape) * rng.uniform(0.02, 0.24)), 4)
        relief = relief + rough * np.float32(finish.bump * rng.uniform(0.5, 6))
    normal = normals(relief.astype(np.float32), 1.0)
    colour = albedo * _diffuse(normal, height, light)
    if finish.mirror > 0:
        samples = albedo.reshape(-1, 3)[:: max(1, mask.size // 3)]
        table = surroundings(rng, np.concatenate([samples, _sky(rng)]))
        sight = np.take(table, np.clip((normal[1] * 0.5 + 0.5) * 255, 0, 255).astype(np.uint8), axis=0)
        colour = colour + (sight - colour) * np.float32(finish.mirror)
    if finish.gloss > 0:
        spark = _spark(normal, light, float(rng.uniform(12, 90))) * np.float32(finish.gloss)
        colour = colour + spark[..., None] * light.colour
    return np.asarray(colour, dtype=np.float32)


def _diffuse(normal: tuple[Array, Array, Array], height: Array, light: Light) -> Array:
    """Facing light, and sky from above dimmed near the outline, where things touch."""
    nx, ny, nz = normal
    lx, ly, lz = (np.float32(part) for part in light.towards)
    facing = np.maximum(nx * lx + ny * ly + nz * lz, 0)
    sky = (0.55 + 0.45 * height) * (0.75 - 0.25 * ny)
    shade = np.empty((*height.shape, 3), np.float32)
    for channel in range(3):
        shade[..., channel] = facing * light.colour[channel] + sky * light.ambient[channel]
    return shade


def _spark(normal: tuple[Array, Array, Array], light: Light, hardness: float) -> Array:
    half = np.array(light.towards) + np.array([0, 0, 1])
    half /= np.linalg.norm(half)
    hx, hy, hz = (np.float32(part) for part in half)
    near = np.clip(normal[0] * hx + normal[1] * hy + normal[2] * hz, 0, 1)
    return np.asarray(near ** np.float32(hardness), dtype=np.float32)


def _sky(rng: np.random.Generator) -> Array:
    bright = rng.uniform(0.5, 1.1)
    return np.array(
        [[bright, bright, bright], [0.02, 0.02, 0.025], [bright * 0.5, bright * 0.6, bright * 0.8], [0.15, 0.13, 0.1]],
        dtype=np.float32,
    )
