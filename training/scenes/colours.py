"""Palettes: few colours that belong together, as photos have them."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np

from training.scenes.canvas import Array, Colour, chance, linear


def from_hsv(hue: float, saturation: float, value: float) -> Colour:
    """Hue in turns (any real number), saturation and value 0..1, to linear RGB."""
    hsv = np.array([[[hue % 1.0 * 360, np.clip(saturation, 0, 1), np.clip(value, 0, 1)]]], dtype=np.float32)
    rgb = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0], dtype=np.float32)
    return linear(rgb)


def fur(rng: np.random.Generator) -> Colour:
    """Browns, tans, greys, blacks and whites: hues of 0.02 to 0.13 turns with little saturation."""
    return from_hsv(rng.uniform(0.02, 0.13), rng.uniform(0.0, 0.65), rng.uniform(0.08, 0.97))


def foliage(rng: np.random.Generator) -> Colour:
    return from_hsv(rng.normal(0.25, 0.05), rng.uniform(0.1, 0.72), rng.uniform(0.08, 0.75))


def dry(rng: np.random.Generator) -> Colour:
    """Straw, sand, soil."""
    return from_hsv(rng.normal(0.11, 0.03), rng.uniform(0.1, 0.65), rng.uniform(0.25, 0.9))


def grey(rng: np.random.Generator) -> Colour:
    return from_hsv(rng.random(), rng.uniform(0.0, 0.12), rng.uniform(0.05, 0.95))


def pale(rng: np.random.Generator) -> Colour:
    return from_hsv(rng.random(), rng.uniform(0.0, 0.08), rng.uniform(0.85, 1.0))


def dark(rng: np.random.Generator) -> Colour:
    return from_hsv(rng.random(), rng.uniform(0.0, 0.5), rng.uniform(0.02, 0.25))


def vivid(rng: np.random.Generator) -> Colour:
    return from_hsv(rng.random(), rng.uniform(0.6, 1.0), rng.uniform(0.35, 1.0))


def muted(rng: np.random.Generator) -> Colour:
    return from_hsv(rng.random(), rng.uniform(0.1, 0.5), rng.uniform(0.2, 0.9))


def wood(rng: np.random.Generator) -> Colour:
    return from_hsv(rng.normal(0.075, 0.02), rng.uniform(0.2, 0.75), rng.uniform(0.2, 0.9))


def food(rng: np.random.Generator) -> Colour:
    return from_hsv(rng.normal(0.08, 0.09), rng.uniform(0.3, 0.95), rng.uniform(0.3, 1.0))


MOODS: Mapping[str, Callable[[np.random.Generator], Colour]] = MappingProxyType(
    {
        "fur": fur,
        "foliage": foliage,
        "dry": dry,
        "grey": grey,
        "pale": pale,
        "dark": dark,
        "vivid": vivid,
        "muted": muted,
        "wood": wood,
        "food": food,
    }
)


def mood(rng: np.random.Generator) -> str:
    return str(rng.choice(list(MOODS)))


def palette(rng: np.random.Generator, name: str, count: int = 3, spread: float = 0.35) -> Array:
    """`count` linear colours (count, 3): one of the mood and relatives of it; `spread` is how far they stray."""
    first = MOODS[name](rng)
    factors = np.exp(rng.normal(0, spread, (count, 1)))
    casts = np.exp(rng.normal(0, spread * 0.18, (count, 3)))
    colours = np.clip(first * factors * casts, 0.002, 1.0)
    if chance(rng, 0.3):
        colours[rng.integers(count)] = MOODS[name](rng)
    return np.asarray(colours, dtype=np.float32)


def tinted(field: Array, colours: Array) -> Array:
    """Maps a field 0..1 through a palette, (height, width) to (height, width, 3)."""
    stops = np.linspace(0, 1, len(colours))
    ramp = np.linspace(0, 1, 256)
    table = np.stack([np.interp(ramp, stops, colours[:, c]) for c in range(3)], axis=1).astype(np.float32)
    return np.take(table, np.clip(field * 255, 0, 255).astype(np.uint8), axis=0)
