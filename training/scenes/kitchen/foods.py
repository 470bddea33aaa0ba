"""What vessels hold: liquids, doughs, grains, noodles and pieces, put together in a patch."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from training.scenes.canvas import Array, Colour, blurred, chance, smoothstep
from training.scenes.kitchen.morsels import MORSELS, Hsv, shade
from training.scenes.kitchen.patch import At, Patch
from training.scenes.textures import noise


@dataclass(frozen=True)
class Base:
    """What lies under the pieces: two colours through noise of so many `cells`, waves of `rise` cm, grain, bubbles."""

    colour: Hsv
    other: Hsv
    cells: float = 5.0
    rise: float = 0.1
    gloss: float = 0.9
    bubbles: float = 0.0
    grain: float = 0.0


BASES: Mapping[str, Base] = MappingProxyType(
    {
        "tomato sauce": Base((0.015, 0.9, 0.72), (0.04, 0.88, 0.85), 9, 0.25, bubbles=0.3, grain=0.3),
        "cream": Base((0.13, 0.12, 0.95), (0.12, 0.22, 0.9), 4, 0.15, bubbles=0.15),
        "curry": Base((0.095, 0.82, 0.86), (0.075, 0.85, 0.72), 7, 0.2, bubbles=0.3, grain=0.2),
        "broth": Base((0.11, 0.62, 0.7), (0.1, 0.7, 0.55), 3, 0.04, 1.0, bubbles=0.5),
        "gravy": Base((0.06, 0.72, 0.3), (0.07, 0.7, 0.42), 6, 0.12, 1.0, bubbles=0.3),
        "pesto": Base((0.26, 0.75, 0.42), (0.23, 0.7, 0.58), 22, 0.2, 0.7, grain=0.9),
        "milk": Base((0.13, 0.04, 0.97), (0.13, 0.07, 0.94), 2, 0.03, 0.9, bubbles=0.3),
        "water": Base((0.5, 0.06, 0.72), (0.45, 0.1, 0.6), 3, 0.06, 1.0, bubbles=0.8),
        "chocolate": Base((0.055, 0.68, 0.26), (0.06, 0.62, 0.36), 4, 0.2, 1.0),
        "batter": Base((0.125, 0.34, 0.95), (0.12, 0.42, 0.9), 3, 0.25, 0.6),
        "pumpkin soup": Base((0.085, 0.85, 0.9), (0.1, 0.75, 0.95), 4, 0.1, 0.8),
        "pea soup": Base((0.24, 0.6, 0.6), (0.22, 0.5, 0.7), 5, 0.1, 0.7, grain=0.2),
        "beetroot soup": Base((0.94, 0.85, 0.5), (0.96, 0.75, 0.65), 4, 0.08, 0.9),
        "mash": Base((0.135, 0.32, 0.95), (0.13, 0.42, 0.88), 9, 0.7, 0.3, grain=0.15),
        "risotto": Base((0.125, 0.28, 0.93), (0.12, 0.4, 0.86), 12, 0.35, 0.6, grain=0.5),
        "mince": Base((0.055, 0.55, 0.42), (0.05, 0.6, 0.28), 30, 0.7, 0.5, grain=1.0),
        "raw mince": Base((0.985, 0.62, 0.72), (0.0, 0.45, 0.85), 34, 0.7, 0.6, grain=0.7),
        "gratin": Base((0.12, 0.55, 0.93), (0.075, 0.75, 0.58), 10, 0.45, 0.6, bubbles=0.3, grain=0.3),
        "lasagne": Base((0.05, 0.78, 0.7), (0.12, 0.5, 0.92), 7, 0.4, 0.7, bubbles=0.2, grain=0.3),
        "flour": Base((0.12, 0.04, 0.97), (0.12, 0.07, 0.93), 9, 0.9, 0.0),
        "crumble": Base((0.1, 0.52, 0.85), (0.09, 0.6, 0.68), 34, 0.7, 0.1, grain=1.0),
        "whipped cream": Base((0.13, 0.06, 0.98), (0.13, 0.1, 0.94), 6, 1.0, 0.4),
        "oil": Base((0.14, 0.6, 0.5), (0.13, 0.5, 0.6), 3, 0.05, 1.0),
        "yoghurt": Base((0.13, 0.04, 0.97), (0.14, 0.08, 0.94), 4, 0.4, 0.6),
        "spinach mass": Base((0.3, 0.75, 0.28), (0.27, 0.65, 0.42), 16, 0.5, 0.6, grain=0.9),
        "cake batter": Base((0.1, 0.48, 0.88), (0.09, 0.58, 0.78), 4, 0.35, 0.3),
        "baked cake": Base((0.08, 0.65, 0.66), (0.095, 0.6, 0.82), 6, 0.5, 0.2, grain=0.5),
    }
)
GRAINS: Mapping[str, Hsv] = MappingProxyType(
    {
        "rice": (0.13, 0.07, 0.96),
        "saffron rice": (0.125, 0.68, 0.93),
        "couscous": (0.12, 0.42, 0.9),
        "quinoa": (0.1, 0.3, 0.75),
        "lentils": (0.075, 0.5, 0.38),
        "red lentils": (0.05, 0.72, 0.88),
        "bulgur": (0.085, 0.5, 0.68),
    }
)


def poured(patch: Patch, name: str, mask: Array) -> float:
    """Fills the mask with a base and returns its gloss."""
    rng, base = patch.rng, BASES[name]
    field = noise(rng, patch.size, base.cells * max(patch.reach) / 24 + 1, 4)
    first, second = shade(rng, base.colour, 0.06), shade(rng, base.other, 0.08)
    albedo = first + (second - first) * smoothstep(field, 0.35, 0.75)[..., None]
    relief = (field * base.rise).astype(np.float32)
    if base.grain:
        fine = noise(rng, patch.size, 3.2 * max(patch.reach), 2)
        albedo = albedo * (1 + (fine[..., None] - 0.5) * base.grain)
        relief = relief + fine * np.float32(0.3 * base.grain)
    patch.fill(mask, np.clip(albedo, 0.003, 1).astype(np.float32), np.asarray(relief, np.float32))
    if base.bubbles and chance(rng, 0.6):
        _bubbles(patch, mask, base.bubbles)
    return base.gloss


def _bubbles(patch: Patch, mask: Array, amount: float) -> None:
    rng = patch.rng
    rows, columns = np.nonzero(mask > 0.9)
    if not len(rows):
        return
    for pick in rng.integers(0, len(rows), int(rng.uniform(10, 90) * amount)).tolist():
        size = rng.uniform(0.12, 0.5)
        at = columns[pick] / patch.scale - patch.reach[0] / 2, patch.reach[1] / 2 - rows[pick] / patch.scale
        disc = patch.round(size, *at) - patch.round(size * 0.75, *at)
        patch.albedo += (0.75 - patch.albedo) * (disc * np.float32(0.3))[..., None]
        patch.relief += patch.round(size, *at) * np.float32(0.12)


def dough(patch: Patch, radius: float, at: At) -> None:
    """One ball, smooth, floured at times."""
    rng = patch.rng
    colour = shade(rng, (0.12, rng.uniform(0.12, 0.35), 0.94), 0.03)
    y, x = np.mgrid[: patch.size[0], : patch.size[1]].astype(np.float32)
    across, down = (
        (x + 0.5) / patch.scale - patch.reach[0] / 2 - at.x,
        patch.reach[1] / 2 - (y + 0.5) / patch.scale - at.y,
    )
    wave = 1 + 0.06 * (noise(rng, patch.size, 4, 2) - 0.5)
    far = np.sqrt(across**2 + down**2) / (radius * wave)
    mask = np.clip((1 - far) * radius * patch.scale + 0.5, 0, 1).astype(np.float32)
    dome = np.sqrt(np.clip(1 - far**2, 0, 1)) * radius * rng.uniform(0.3, 0.55)
    fold = (noise(rng, patch.size, 8, 3) - 0.5) * rng.uniform(0.1, 0.5)
    albedo = colour * (1 + 0.06 * (noise(rng, patch.size, 30, 2) - 0.5))[..., None]
    patch.fill(mask, albedo.astype(np.float32), (dome + fold * mask).astype(np.float32))


def grains(patch: Patch, name: str, mask: Array) -> None:
    """A bed of grains."""
    rng, hsv = patch.rng, GRAINS[name]
    colour = shade(rng, hsv, 0.05)
    fine = noise(rng, patch.size, 4.5 * max(patch.reach), 1)
    coarse = noise(rng, patch.size, 0.5 * max(patch.reach) + 2, 3)
    albedo = colour * (0.55 + 0.6 * smoothstep(fine, 0.2, 0.7))[..., None] * (0.85 + 0.3 * coarse)[..., None]
    patch.fill(mask, np.clip(albedo, 0, 1).astype(np.float32), (fine * 0.28 + coarse * 0.5).astype(np.float32))


def egg(patch: Patch, at: At) -> None:
    """Fried: a white with a brown rim at times, a yolk."""
    rng = patch.rng
    wave = noise(rng, patch.size, max(patch.reach) / 3, 3)
    y, x = np.mgrid[: patch.size[0], : patch.size[1]].astype(np.float32)
    far = np.hypot(
        (x + 0.5) / patch.scale - patch.reach[0] / 2 - at.x, patch.reach[1] / 2 - (y + 0.5) / patch.scale - at.y
    )
    edge = rng.uniform(4.0, 5.4) * at.size * (0.75 + 0.5 * wave)
    mask = np.clip((edge - far) * patch.scale, 0, 1).astype(np.float32)
    brown = np.clip(1 - (edge - far) / 0.7, 0, 1) * rng.uniform(0, 0.7)
    white = np.array([0.88, 0.86, 0.8], np.float32)
    albedo = white + (np.array([0.45, 0.24, 0.08], np.float32) - white) * brown[..., None]
    patch.fill(mask, albedo.astype(np.float32), (np.clip(edge - far, 0, 1) * 0.35 + wave * 0.15).astype(np.float32))
    yolk = patch.round(1.7 * at.size, at.x + rng.normal(0, 0.4), at.y + rng.normal(0, 0.4))
    dome = np.clip(blurred(yolk, 0.7 * patch.scale) * 2 - 0.6, 0, 1)
    colour = shade(rng, (0.115, 0.9, 0.97), 0.03)
    patch.fill(yolk, np.broadcast_to(colour, patch.albedo.shape), (0.5 + dome * 0.9).astype(np.float32))


def heap(patch: Patch, names: list[str], within: Array, load: float) -> None:
    """Pieces of several kinds mixed over the mask; `load` 1 covers it about once."""
    rng = patch.rng
    area = float((within > 0.5).sum()) / patch.scale**2
    share = rng.dirichlet(np.full(len(names), 2.5))
    calls: list[str] = []
    for name, part in zip(names, share.tolist(), strict=True):
        kind = MORSELS[name]
        flat = {"stick": 0.28, "strip": 0.3, "leaf": 0.6, "ring": 1.2}.get(kind.shape, 0.75)
        one = (2 * float(np.mean(kind.size))) ** 2 * flat
        calls += [name] * int(np.clip(area * load * part / one, 1, 170))
    for name in rng.permutation(np.array(calls)).tolist():
        patch.strew(name, 1, within)


def pepper(patch: Patch, within: Array) -> None:
    """Specks of spice."""
    rng = patch.rng
    specks = (rng.random(patch.size) > 0.988).astype(np.float32) * within
    colour: Colour = shade(rng, (rng.choice([0.05, 0.08, 0.3]), 0.5, 0.25), 0.2)
    patch.albedo += (colour - patch.albedo) * blurred(specks, 0.6)[..., None] * np.float32(1.2)
