"""Grounds of kitchens and studios: sweeps, tables against walls, boards, tiles, cloth, clutter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from training.scenes.canvas import Array, Size, blurred, chance, filled, grid, over, smoothstep
from training.scenes.colours import mood, palette, tinted
from training.scenes.outlines import OUTLINES
from training.scenes.textures import noise, texture


@dataclass(frozen=True)
class Ground:
    """What lies behind: light (height, width, 3); `horizon` is the floor's far end in pixels, None seen from above."""

    light: Array
    kind: str
    horizon: float | None
    outdoor: bool = False


def _lamp(rng: np.random.Generator, size: Size) -> Array:
    """Uneven light over the whole ground, (height, width, 1)."""
    y, x = grid(size)
    cy, cx = rng.uniform(-0.2, 1.0, 2)
    far = np.sqrt((y - cy) ** 2 + (x - cx) ** 2)
    return np.asarray((1.15 - far * rng.uniform(0.0, 0.9)).clip(0.15, 1.3)[..., None], dtype=np.float32)


def plain(rng: np.random.Generator, size: Size) -> Ground:
    name = str(rng.choice(["pale", "grey", "muted", "vivid", "dark"]))
    colour = palette(rng, name, 1)[0]
    light = np.broadcast_to(colour, (*size, 3)) * (_lamp(rng, size) if chance(rng, 0.8) else 1.0)
    return Ground(np.asarray(light, dtype=np.float32), "plain", None if chance(rng, 0.5) else size[0] * 0.4)


def gradient(rng: np.random.Generator, size: Size) -> Ground:
    field = texture(rng, size, ["gradient"])
    return Ground(tinted(field, palette(rng, mood(rng), 2, 0.7)) * _lamp(rng, size), "gradient", size[0] * 0.4)


def sweep(rng: np.random.Generator, size: Size) -> Ground:
    """A studio's paper: floor and wall of one colour with a soft bend between them."""
    colours = palette(rng, str(rng.choice(["pale", "grey", "muted", "dark"])), 1)
    horizon = size[0] * rng.uniform(0.35, 0.75)
    y = np.broadcast_to(np.arange(size[0], dtype=np.float32)[:, None], size)
    soft = size[0] * rng.uniform(0.03, 0.3)
    floor = smoothstep(y, horizon - soft, horizon + soft)
    wall_tone, floor_tone = rng.uniform(0.5, 1.1, 2)
    tone = wall_tone + (floor_tone - wall_tone) * floor
    return Ground((colours[0] * tone[..., None] * _lamp(rng, size)).astype(np.float32), "studio sweep", float(horizon))


def _surface(rng: np.random.Generator, size: Size, names: list[str], moods: list[str]) -> Array:
    colours = palette(rng, str(rng.choice(moods)), 3, rng.uniform(0.1, 0.6))
    return tinted(texture(rng, size, names), colours)


SURFACES: Mapping[str, tuple[list[str], list[str]]] = MappingProxyType(
    {
        "wooden": (["wood"], ["wood", "wood", "grey"]),
        "tiled": (["bricks", "checks"], ["pale", "grey", "muted"]),
        "marble": (["marble", "clouds"], ["pale", "grey", "dark"]),
        "cloth": (["weave", "checks", "stripes", "weave"], ["muted", "pale", "vivid", "grey"]),
    }
)


def _from_above(name: str) -> Callable[[np.random.Generator, Size], Ground]:
    def made(rng: np.random.Generator, size: Size) -> Ground:
        return Ground(_surface(rng, size, *SURFACES[name]) * _lamp(rng, size), name, None)

    return made


def table(rng: np.random.Generator, size: Size) -> Ground:
    """A table top before a wall, perhaps with shelves of things out of focus."""
    horizon = size[0] * rng.uniform(0.15, 0.65)
    top = _surface(rng, size, *SURFACES[str(rng.choice(list(SURFACES)))])
    if chance(rng, 0.6):
        wall = clutter(rng, size).light
    else:
        wall = _surface(rng, size, ["plain", "bricks", "wood", "clouds", "gradient"], ["pale", "grey", "muted", "dark"])
    y = np.broadcast_to(np.arange(size[0], dtype=np.float32)[:, None], size)
    floor = smoothstep(y, float(horizon) - 1, float(horizon) + 1)
    return Ground(over(top, floor, wall) * _lamp(rng, size), "table", float(horizon))


def clutter(rng: np.random.Generator, size: Size) -> Ground:
    """Many patches of other materials behind, a little or far out of focus: what is sharp is the subject."""
    light = _surface(rng, size, ["plain", "wood", "clouds", "bricks"], ["muted", "grey", "wood", "dark"])
    longer = max(size)
    sheets = [
        _surface(rng, size, ["plain", "gradient", "writing", "stripes", "cells", "wood"], [mood(rng)]) for _ in range(3)
    ]
    for _ in range(int(rng.integers(4, 16))):
        outline = OUTLINES[str(rng.choice(list(OUTLINES)))](rng) * longer * rng.uniform(0.04, 0.2)
        centre = rng.uniform([0, 0], [size[1], size[0]])
        mask = filled(size, (outline + centre).astype(np.float32))
        shade = rng.uniform(0.3, 1.3) * (0.6 + 0.4 * blurred(mask, longer * 0.02))
        light = over(sheets[int(rng.integers(3))] * shade[..., None], mask, light)
    light = blurred(light, float(np.exp(rng.uniform(0.5, 2.5))) * longer / 384)
    return Ground(light * _lamp(rng, size), "clutter", float(size[0] * rng.uniform(0.2, 0.6)))


def bokeh(rng: np.random.Generator, size: Size) -> Ground:
    """Lights far out of focus."""
    longer = max(size)
    light = tinted(noise(rng, size, rng.uniform(1, 4), 2), palette(rng, mood(rng), 3, 0.8)) * 0.6
    radius = rng.uniform(0.01, 0.06) * longer
    for _ in range(int(rng.integers(8, 50))):
        turn = np.linspace(0, 6.28, 24)
        disc = np.stack([np.cos(turn), np.sin(turn)], axis=1) * radius * rng.uniform(0.5, 1.3)
        mask = filled(size, (disc + rng.uniform([0, 0], [size[1], size[0]])).astype(np.float32))
        light = light + mask[..., None] * palette(rng, str(rng.choice(["vivid", "pale", "food"])), 1)[0] * rng.uniform(
            0.1, 0.7
        )
    return Ground(blurred(light.astype(np.float32), longer * 0.006), "bokeh", float(size[0] * 0.55))


INDOOR: Mapping[str, Callable[[np.random.Generator, Size], Ground]] = MappingProxyType(
    {
        "plain": plain,
        "gradient": gradient,
        "studio sweep": sweep,
        "wooden": _from_above("wooden"),
        "tiled": _from_above("tiled"),
        "marble": _from_above("marble"),
        "cloth": _from_above("cloth"),
        "table": table,
        "clutter": clutter,
        "bokeh": bokeh,
    }
)
