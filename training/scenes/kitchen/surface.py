"""What things are made of: colour, relief, gloss, as small textures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt

from training.scenes.canvas import Array, chance
from training.scenes.colours import from_hsv
from training.scenes.textures import noise, planks


@dataclass(frozen=True, eq=False)
class Surface:
    """`albedo` (h, w, 3) linear; `slope` (h, w, 2) is the relief's rise per cm along the texture's axes; `alpha` (h, w)
    cuts holes at 0.5. `gloss` and `metal` 0..1; `rough` 0 mirrors, 1 scatters; `glass` lets what is behind through.
    """

    albedo: Array
    gloss: float = 0.0
    rough: float = 0.5
    metal: float = 0.0
    slope: Array | None = None
    alpha: Array | None = None
    glass: bool = False


def plain(colour: npt.ArrayLike, gloss: float = 0.0, rough: float = 0.5, metal: float = 0.0) -> Surface:
    return Surface(np.asarray(colour, np.float32).reshape(1, 1, 3), gloss, rough, metal)


def sloped(relief: Array, reach: tuple[float, float]) -> Array:
    """The rise per cm of a relief (cm) that covers `reach` (x, y) cm, (h, w, 2)."""
    height, width = relief.shape
    along = cv2.Sobel(relief, cv2.CV_32F, 1, 0) * np.float32(width / (8 * reach[0]))
    down = cv2.Sobel(relief, cv2.CV_32F, 0, 1) * np.float32(height / (8 * reach[1]))
    return np.stack([along, down], axis=2)


def steel(rng: np.random.Generator) -> Surface:
    shade = rng.uniform(0.42, 0.66)
    warmth = rng.normal(0, 0.012)
    rough = float(rng.uniform(0.15, 0.8))
    return plain(np.array([shade + warmth, shade, shade - warmth]), 0, rough, 1.0)


def iron(rng: np.random.Generator) -> Surface:
    """Cast iron or a dark coating."""
    shade = rng.uniform(0.008, 0.035)
    cast = 1 + rng.normal(0, 0.05, 3)
    return plain(shade * cast, float(rng.uniform(0.3, 1.0)), float(rng.uniform(0.35, 0.9)))


def speckled(rng: np.random.Generator) -> Surface:
    """A stone-like coating with light specks."""
    ground = rng.uniform(0.02, 0.2)
    specks = (rng.random((160, 160)) > 0.93) * rng.uniform(0.1, 0.35)
    field = (ground + cv2.GaussianBlur(specks, (0, 0), 0.6)).astype(np.float32)
    return Surface(field[..., None] * np.ones(3, np.float32), 0.7, float(rng.uniform(0.4, 0.8)))


def enamel(rng: np.random.Generator) -> Surface:
    hue = rng.choice([0.0, 0.02, 0.06, 0.1, 0.13, 0.33, 0.42, 0.5, 0.58, 0.6, 0.95])
    colour = from_hsv(float(hue + rng.normal(0, 0.015)), rng.uniform(0.25, 0.82), rng.uniform(0.3, 0.9))
    return plain(colour, 1.0, float(rng.uniform(0.05, 0.3)))


def porcelain(rng: np.random.Generator) -> Surface:
    shade = rng.uniform(0.62, 0.86)
    return plain(shade * (1 + rng.normal(0, 0.015, 3)), 1.0, float(rng.uniform(0.05, 0.4)))


def stoneware(rng: np.random.Generator) -> Surface:
    """Glazed or raw clay of a quiet colour, with grain."""
    colour = from_hsv(rng.choice([0.06, 0.09, 0.12, 0.35, 0.55, 0.6]), rng.uniform(0.05, 0.45), rng.uniform(0.3, 0.9))
    grain = 1 + (noise(rng, (128, 128), 30, 3) - 0.5) * rng.uniform(0.05, 0.4)
    return Surface((grain[..., None] * colour).astype(np.float32), float(rng.uniform(0.2, 1)), 0.4)


def copper(rng: np.random.Generator) -> Surface:
    colour = np.array([0.78, 0.38, 0.22]) * rng.uniform(0.75, 1.0)
    return plain(colour, 0, float(rng.uniform(0.1, 0.5)), 1.0)


def aluminium(rng: np.random.Generator) -> Surface:
    return plain(np.full(3, rng.uniform(0.45, 0.6)), 0, float(rng.uniform(0.6, 0.95)), 0.9)


def glass(rng: np.random.Generator) -> Surface:
    return Surface(np.full((1, 1, 3), rng.uniform(0.5, 0.8), np.float32), 1.0, 0.05, glass=True)


def timber(rng: np.random.Generator) -> Surface:
    """Wood from pale maple to walnut; bamboo's strips at times."""
    field = planks(rng, (192, 256))
    hue, value = rng.normal(0.075, 0.015), rng.uniform(0.28, 0.88)
    dark = from_hsv(hue, rng.uniform(0.4, 0.7), value * rng.uniform(0.55, 0.85))
    light = from_hsv(hue + 0.01, rng.uniform(0.25, 0.55), value)
    albedo = dark + (light - dark) * field[..., None]
    return Surface(albedo.astype(np.float32), float(rng.uniform(0, 0.35)), 0.6)


def plastic(rng: np.random.Generator) -> Surface:
    if chance(rng, 0.5):
        return plain(from_hsv(rng.random(), rng.uniform(0.2, 0.75), rng.uniform(0.25, 0.9)), 0.8, 0.4)
    return plain(np.full(3, rng.choice([0.015, 0.03, 0.3, 0.7])), 0.7, 0.5)


STUFFS: Mapping[str, Callable[[np.random.Generator], Surface]] = MappingProxyType(
    {
        "steel": steel,
        "iron": iron,
        "speckled": speckled,
        "enamel": enamel,
        "porcelain": porcelain,
        "stoneware": stoneware,
        "copper": copper,
        "aluminium": aluminium,
        "glass": glass,
        "timber": timber,
        "plastic": plastic,
    }
)


def stuff(rng: np.random.Generator, *names: str) -> Surface:
    """One of the named materials; named twice, it comes twice as often."""
    return STUFFS[str(rng.choice(list(names)))](rng)
