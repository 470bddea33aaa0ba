"""Pieces of food as seen from above: what they are shaped like and coloured."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from training.scenes.canvas import Array, Colour
from training.scenes.colours import from_hsv
from training.scenes.outlines import smooth

Hsv = tuple[float, float, float]


@dataclass(frozen=True)
class Morsel:
    """`size` and `height` are ranges in cm (half the longer side; thickness), `dome` 0 flat to 1 round. `rim` and
    `core` are the colours of the outermost `edge` and the inner half, as shares of the half width.
    """

    shape: str
    size: tuple[float, float]
    height: tuple[float, float]
    dome: float
    colour: Hsv
    rim: Hsv | None = None
    core: Hsv | None = None
    edge: float = 0.2
    spread: float = 0.08
    mottled: float = 0.15
    gloss: float = 0.5


MORSELS: Mapping[str, Morsel] = MappingProxyType(
    {
        "carrot discs": Morsel("disc", (0.8, 1.4), (0.4, 0.7), 0.2, (0.065, 0.88, 0.93), core=(0.085, 0.8, 0.98)),
        "carrot sticks": Morsel("stick", (1.6, 2.8), (0.5, 0.7), 0.3, (0.067, 0.88, 0.93)),
        "cucumber": Morsel("disc", (1.2, 1.9), (0.3, 0.5), 0.1, (0.24, 0.32, 0.86), (0.3, 0.75, 0.32),
            (0.22, 0.2, 0.9), 0.12),
        "zucchini": Morsel("disc", (1.3, 2.0), (0.4, 0.7), 0.1, (0.18, 0.3, 0.92), (0.29, 0.7, 0.38), edge=0.1),
        "tomato slices": Morsel("disc", (1.8, 3.0), (0.4, 0.7), 0.1, (0.02, 0.72, 0.85), (0.01, 0.9, 0.72),
            (0.06, 0.65, 0.85), 0.12, mottled=0.4),
        "tomato dice": Morsel("dice", (0.5, 0.9), (0.5, 0.8), 0.5, (0.01, 0.86, 0.82), core=(0.03, 0.75, 0.88)),
        "cherry tomatoes": Morsel("disc", (1.1, 1.6), (1.6, 2.2), 1.0, (0.01, 0.92, 0.8), spread=0.05, gloss=1),
        "pepper strips": Morsel("strip", (1.8, 3.0), (0.3, 0.5), 0.5, (0.0, 0.92, 0.78)),
        "yellow pepper": Morsel("dice", (0.7, 1.1), (0.3, 0.5), 0.4, (0.125, 0.9, 0.95)),
        "green pepper": Morsel("strip", (1.6, 2.8), (0.3, 0.5), 0.5, (0.28, 0.75, 0.5)),
        "onion rings": Morsel("ring", (1.2, 2.4), (0.3, 0.4), 0.5, (0.14, 0.08, 0.93), mottled=0.05),
        "red onion": Morsel("ring", (1.0, 2.0), (0.3, 0.4), 0.5, (0.88, 0.45, 0.6), core=(0.9, 0.12, 0.9)),
        "onion dice": Morsel("dice", (0.3, 0.5), (0.3, 0.4), 0.4, (0.15, 0.1, 0.95)),
        "potato dice": Morsel("dice", (0.8, 1.3), (0.8, 1.2), 0.3, (0.135, 0.45, 0.93)),
        "potato wedges": Morsel("wedge", (2.2, 3.4), (1.2, 1.7), 0.7, (0.12, 0.6, 0.9), (0.085, 0.68, 0.6), edge=0.3),
        "fries": Morsel("stick", (2.6, 4.0), (0.7, 0.9), 0.3, (0.12, 0.62, 0.94), (0.1, 0.72, 0.8), edge=0.5),
        "baby potatoes": Morsel("disc", (1.5, 2.2), (1.8, 2.4), 1.0, (0.11, 0.5, 0.82), mottled=0.3),
        "mushrooms": Morsel("mushroom", (1.3, 2.0), (0.4, 0.7), 0.3, (0.1, 0.16, 0.9), (0.08, 0.42, 0.62), edge=0.15),
        "broccoli": Morsel("floret", (1.5, 2.4), (1.4, 2.0), 0.8, (0.28, 0.72, 0.42), mottled=0.9, gloss=0.15),
        "cauliflower": Morsel("floret", (1.5, 2.4), (1.3, 1.9), 0.8, (0.13, 0.14, 0.93), mottled=0.45, gloss=0.15),
        "peas": Morsel("disc", (0.35, 0.45), (0.6, 0.8), 1.0, (0.25, 0.72, 0.66), spread=0.06),
        "corn": Morsel("disc", (0.35, 0.5), (0.4, 0.6), 0.9, (0.135, 0.85, 0.96)),
        "chickpeas": Morsel("disc", (0.5, 0.65), (0.8, 1.0), 1.0, (0.105, 0.48, 0.85)),
        "kidney beans": Morsel("oval", (0.6, 0.9), (0.6, 0.8), 1.0, (0.98, 0.75, 0.36), gloss=1),
        "olives": Morsel("ring", (0.5, 0.7), (0.6, 0.8), 0.8, (0.75, 0.25, 0.13), spread=0.2, gloss=1),
        "green beans": Morsel("stick", (3.0, 4.5), (0.6, 0.7), 0.9, (0.27, 0.72, 0.5)),
        "asparagus": Morsel("stick", (4.5, 6.5), (0.9, 1.2), 0.9, (0.24, 0.6, 0.58), mottled=0.3),
        "spring onion": Morsel("ring", (0.35, 0.55), (0.3, 0.4), 0.5, (0.24, 0.5, 0.76), spread=0.2),
        "basil": Morsel("leaf", (1.2, 2.2), (0.2, 0.3), 0.5, (0.29, 0.78, 0.45), spread=0.15),
        "spinach": Morsel("leaf", (2.0, 3.6), (0.3, 0.5), 0.5, (0.3, 0.72, 0.38), spread=0.2),
        "lettuce": Morsel("frill", (2.6, 4.4), (0.6, 1.2), 0.4, (0.235, 0.62, 0.72), core=(0.19, 0.35, 0.88),
            spread=0.15, mottled=0.4),
        "parsley": Morsel("frill", (0.25, 0.6), (0.15, 0.2), 0.3, (0.3, 0.78, 0.4), spread=0.2),
        "chicken dice": Morsel("blob", (0.9, 1.6), (0.8, 1.2), 0.7, (0.085, 0.4, 0.86), (0.075, 0.6, 0.62),
            edge=0.4, mottled=0.35),
        "beef dice": Morsel("blob", (1.0, 1.8), (0.9, 1.4), 0.7, (0.045, 0.6, 0.4), (0.05, 0.6, 0.27), edge=0.4,
            mottled=0.45),
        "raw beef": Morsel("blob", (1.0, 1.7), (0.9, 1.3), 0.6, (0.985, 0.68, 0.6), mottled=0.35),
        "raw chicken": Morsel("blob", (1.2, 2.2), (0.8, 1.2), 0.6, (0.03, 0.3, 0.9), mottled=0.2),
        "bacon": Morsel("strip", (1.0, 2.2), (0.2, 0.3), 0.3, (0.01, 0.55, 0.7), core=(0.05, 0.25, 0.88), mottled=0.5),
        "steak": Morsel("blob", (4.2, 6.2), (1.6, 2.2), 0.5, (0.045, 0.55, 0.4), (0.05, 0.6, 0.28), edge=0.3,
            mottled=0.6),
        "chicken breast": Morsel("drop", (4.5, 6.5), (1.6, 2.2), 0.7, (0.095, 0.48, 0.84), (0.07, 0.66, 0.58),
            edge=0.4, mottled=0.5),
        "chicken thigh": Morsel("drop", (4.2, 5.8), (2.4, 3.4), 0.9, (0.085, 0.66, 0.72), (0.06, 0.75, 0.5),
            edge=0.5, mottled=0.55, gloss=0.9),
        "salmon": Morsel("fillet", (5.0, 6.5), (1.6, 2.2), 0.5, (0.045, 0.58, 0.94), (0.07, 0.4, 0.86), edge=0.25,
            mottled=0.35),
        "white fish": Morsel("fillet", (5.0, 6.5), (1.5, 2.0), 0.5, (0.11, 0.15, 0.93), (0.1, 0.4, 0.78), edge=0.3,
            mottled=0.3),
        "patty": Morsel("disc", (3.6, 4.8), (1.4, 1.9), 0.4, (0.05, 0.6, 0.36), (0.055, 0.62, 0.27), edge=0.2,
            mottled=0.9),
        "meatballs": Morsel("disc", (1.5, 2.1), (2.4, 3.2), 1.0, (0.055, 0.6, 0.42), mottled=0.7),
        "sausages": Morsel("stick", (4.5, 6.0), (2.2, 2.8), 1.0, (0.045, 0.66, 0.52), mottled=0.35, gloss=1),
        "shrimps": Morsel("curl", (1.4, 2.1), (0.9, 1.2), 0.9, (0.045, 0.5, 0.95), core=(0.04, 0.25, 0.96),
            spread=0.05),
        "tofu": Morsel("dice", (0.9, 1.3), (1.0, 1.4), 0.15, (0.12, 0.25, 0.93), (0.1, 0.5, 0.75), edge=0.25),
        "feta": Morsel("dice", (0.6, 1.0), (0.7, 1.0), 0.2, (0.14, 0.05, 0.97), mottled=0.1),
        "mozzarella": Morsel("disc", (1.8, 2.6), (0.7, 1.0), 0.5, (0.13, 0.05, 0.97), spread=0.03, mottled=0.06),
        "cookies": Morsel("disc", (2.6, 3.8), (0.9, 1.3), 0.5, (0.095, 0.58, 0.82), (0.085, 0.66, 0.68), edge=0.3,
            mottled=0.4, gloss=0.1),
        "chocolate cookies": Morsel("disc", (2.6, 3.8), (0.9, 1.3), 0.5, (0.055, 0.62, 0.3), mottled=0.6, gloss=0.15),
        "rolls": Morsel("disc", (3.0, 4.2), (3.0, 4.0), 1.0, (0.09, 0.62, 0.82), (0.11, 0.42, 0.92), edge=0.3,
            mottled=0.25, gloss=0.5),
        "dough balls": Morsel("disc", (2.6, 3.8), (2.4, 3.2), 1.0, (0.12, 0.2, 0.95), spread=0.03, mottled=0.06,
            gloss=0.1),
        "croissants": Morsel("curl", (4.2, 5.4), (2.6, 3.4), 1.0, (0.085, 0.68, 0.74), mottled=0.5),
        "pizza": Morsel("disc", (11.0, 13.5), (0.8, 1.1), 0.2, (0.05, 0.75, 0.78), (0.1, 0.52, 0.86),
            (0.12, 0.5, 0.92), 0.14, mottled=0.9, gloss=0.3),
        "pancake": Morsel("disc", (6.0, 8.5), (0.7, 1.0), 0.25, (0.095, 0.58, 0.8), (0.115, 0.45, 0.93), edge=0.12,
            mottled=0.5, gloss=0.1),
        "lemon slices": Morsel("disc", (1.8, 2.5), (0.3, 0.5), 0.1, (0.15, 0.55, 0.97), (0.14, 0.85, 0.95),
            edge=0.13, mottled=0.15),
        "garlic": Morsel("drop", (0.7, 1.1), (0.7, 1.0), 0.9, (0.12, 0.12, 0.95), spread=0.04, mottled=0.06),
        "chocolate chunks": Morsel("dice", (0.5, 1.0), (0.5, 0.8), 0.1, (0.05, 0.62, 0.2)),
        "walnuts": Morsel("blob", (0.8, 1.3), (0.7, 1.0), 0.8, (0.08, 0.5, 0.62), mottled=0.9),
        "apple slices": Morsel("wedge", (2.0, 3.0), (0.6, 0.9), 0.4, (0.15, 0.25, 0.96), (0.0, 0.75, 0.7), edge=0.12),
        "strawberries": Morsel("drop", (1.3, 2.0), (1.4, 2.0), 0.9, (0.985, 0.88, 0.82), mottled=0.35, gloss=1),
        "blueberries": Morsel("disc", (0.6, 0.9), (1.0, 1.3), 1.0, (0.64, 0.55, 0.34), spread=0.12),
        "penne": Morsel("stick", (1.9, 2.4), (0.8, 1.0), 0.8, (0.12, 0.48, 0.93)),
        "farfalle": Morsel("bow", (1.7, 2.2), (0.6, 0.9), 0.4, (0.125, 0.48, 0.94)),
        "gnocchi": Morsel("oval", (1.1, 1.5), (1.1, 1.4), 0.9, (0.125, 0.32, 0.95)),
        "dumplings": Morsel("drop", (2.4, 3.2), (1.5, 2.0), 0.8, (0.12, 0.16, 0.93), mottled=0.15),
    }
)  # fmt: skip


def shade(rng: np.random.Generator, hsv: Hsv, spread: float) -> Colour:
    """A linear colour near `hsv`."""
    hue, saturation, value = hsv
    strength, light = np.exp(rng.normal(0, spread, 2))
    return from_hsv(hue + rng.normal(0, spread * 0.12), saturation * strength, value * light)


def _around(count: int) -> Array:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def _wobbly(rng: np.random.Generator, corners: int, amount: float, squash: float) -> Array:
    points = _around(corners) * (1 + rng.normal(0, amount, (corners, 1))) * np.array([1, squash])
    return smooth(points.astype(np.float32), 4)


_FIXED: Mapping[str, tuple[tuple[float, float], ...]] = MappingProxyType(
    {
        "wedge": ((-1, 0.05), (-0.5, -0.34), (0.2, -0.42), (1, -0.05), (0.4, 0.26), (-0.4, 0.3)),
        "leaf": ((-1, 0), (-0.55, -0.32), (0, -0.42), (0.6, -0.25), (1, 0), (0.6, 0.25), (0, 0.42), (-0.55, 0.32)),
        "drop": ((-1, 0), (-0.6, -0.32), (0, -0.58), (0.6, -0.58), (0.95, 0), (0.6, 0.55), (0, 0.52), (-0.6, 0.3)),
        "fillet": ((-1, -0.3), (-0.2, -0.42), (0.8, -0.4), (1, -0.2), (1, 0.25), (0.8, 0.42), (-0.2, 0.42), (-1, 0.2)),
        "curl": ((-1, 0.5), (-0.8, -0.3), (0, -0.75), (0.8, -0.3), (1, 0.5), (0.55, 0.3), (0, -0.1), (-0.55, 0.25)),
        "mushroom": ((-1, -0.1), (-0.6, -0.75), (0.6, -0.75), (1, -0.1), (0.3, 0), (0.32, 0.9),
            (-0.32, 0.9), (-0.3, 0)),
        "bow": (
            (-1, -0.7), (-0.3, -0.3), (0, -0.2), (0.3, -0.3), (1, -0.7), (1, 0.7), (0.3, 0.3), (0, 0.2),
            (-0.3, 0.3), (-1, 0.7),
        ),
        "strip": ((-1, 0.1), (-0.5, -0.12), (0.3, -0.25), (1, -0.12), (1, 0.1), (0.3, 0), (-0.5, 0.12), (-0.95, 0.32)),
    }
)  # fmt: skip
_WOBBLES: Mapping[str, tuple[int, float, float]] = MappingProxyType(
    {
        "disc": (9, 0.025, 0.97),
        "ring": (9, 0.03, 0.92),
        "oval": (8, 0.04, 0.62),
        "blob": (7, 0.13, 0.75),
        "floret": (11, 0.13, 0.9),
        "frill": (13, 0.2, 0.75),
    }
)


def outline(rng: np.random.Generator, shape: str) -> Array:
    """An outline (n, 2) within about -1..1."""
    if shape in _WOBBLES:
        return _wobbly(rng, *_WOBBLES[shape])
    if shape == "dice":
        corners = np.array([[-0.8, -0.7], [0.8, -0.7], [0.8, 0.7], [-0.8, 0.7]]) * (1 + rng.normal(0, 0.12, (4, 2)))
        return corners.astype(np.float32)
    if shape == "stick":
        half = rng.uniform(0.11, 0.17)
        return np.array([[-1, -half], [1, -half * 0.9], [1.02, half * 0.9], [-1, half]], np.float32)
    points = np.array(_FIXED[shape], np.float32) + rng.normal(0, 0.04, (len(_FIXED[shape]), 2))
    return smooth(points.astype(np.float32), 4)
