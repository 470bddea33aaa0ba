"""The composer's moods as Blender colours, without OpenCV, which Blender's environment need not have."""

import colorsys
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

# mood: mean and spread of hue (turns), range of saturation, range of value
MOODS: Mapping[str, tuple[float, float, float, float, float, float]] = MappingProxyType(
    {
        "fur": (0.075, 0.025, 0.0, 0.65, 0.08, 0.95),
        "foliage": (0.25, 0.05, 0.2, 0.85, 0.08, 0.7),
        "dry": (0.11, 0.03, 0.1, 0.6, 0.25, 0.9),
        "grey": (0.5, 0.5, 0.0, 0.1, 0.05, 0.95),
        "pale": (0.5, 0.5, 0.0, 0.07, 0.85, 1.0),
        "dark": (0.5, 0.5, 0.0, 0.4, 0.02, 0.25),
        "vivid": (0.5, 0.5, 0.6, 1.0, 0.35, 1.0),
        "muted": (0.5, 0.5, 0.1, 0.5, 0.2, 0.9),
        "wood": (0.075, 0.02, 0.2, 0.7, 0.2, 0.9),
        "food": (0.08, 0.08, 0.3, 0.95, 0.3, 1.0),
    }
)


def chance(rng: np.random.Generator, probability: float) -> bool:
    return bool(rng.random() < probability)


def shade(rng: np.random.Generator, mood: str) -> tuple[float, float, float, float]:
    """A linear RGBA colour of the mood."""
    hue, spread, grey, rich, low, high = MOODS[mood]
    red, green, blue = colorsys.hsv_to_rgb(
        rng.normal(hue, spread) % 1.0, rng.uniform(grey, rich), rng.uniform(low, high)
    )
    return red**2.2, green**2.2, blue**2.2, 1.0
