"""Countertops: wood, stone, steel, cloth, tiles, coloured paper."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np

from training.scenes.canvas import Array, Size, chance, smoothstep
from training.scenes.colours import from_hsv
from training.scenes.kitchen.shade import Counter
from training.scenes.kitchen.surface import Surface, sloped
from training.scenes.textures import marble as veins
from training.scenes.textures import noise

REACH = 120.0  # cm that a texture covers
SIDE = 768  # its pixels
SHAPE: Size = (SIDE, SIDE)


def _mixed(first: Array, second: Array, share: Array) -> Array:
    return np.asarray(first + (second - first) * share[..., None], np.float32)


def _place() -> tuple[Array, Array]:
    """Columns and rows in cm."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) * np.float32(REACH / SIDE)
    return x, y


def wood(rng: np.random.Generator) -> Surface:
    """Planks, oiled, bleached, dark or painted."""
    style = rng.choice(["oiled", "oiled", "bleached", "dark", "painted"])
    saturation, value = {"oiled": (0.55, 0.62), "bleached": (0.22, 0.82), "dark": (0.5, 0.26), "painted": (0.12, 0.8)}[
        str(style)
    ]
    hue = rng.normal(0.075, 0.012) if style != "painted" else rng.random()
    dark = from_hsv(hue, saturation * 1.1, value * rng.uniform(0.6, 0.85))
    light = from_hsv(hue + 0.01, saturation * rng.uniform(0.7, 1), value * rng.uniform(0.95, 1.15))
    _, y = _place()
    board = y / rng.uniform(7, 16)
    row = np.floor(board).astype(int) % 64
    streaks = noise(rng, SHAPE, rng.uniform(25, 50), 4, stretch=rng.uniform(8, 16))
    tone = rng.random(64).astype(np.float32)[row]
    field = np.clip(streaks * 0.75 + (tone - 0.5) * rng.uniform(0.1, 0.7) + 0.15, 0, 1)
    gap = np.abs(board - np.round(board)) < rng.uniform(0.004, 0.02)
    albedo = _mixed(dark, light, field.astype(np.float32))
    if chance(rng, 0.75):
        albedo[gap] *= rng.uniform(0.2, 0.6)
    gloss = float(rng.uniform(0, 0.6))
    return Surface(albedo, gloss, float(rng.uniform(0.4, 0.8)), slope=sloped(field * np.float32(0.04), (REACH, REACH)))


def marble(rng: np.random.Generator) -> Surface:
    pale = chance(rng, 0.75)
    ground = from_hsv(rng.random(), rng.uniform(0, 0.05), rng.uniform(0.85, 0.96) if pale else rng.uniform(0.08, 0.2))
    ink = from_hsv(rng.uniform(0.05, 0.7), rng.uniform(0, 0.12), rng.uniform(0.4, 0.72))
    lines = np.clip(1 - veins(rng, SHAPE) * rng.uniform(1.0, 1.5), 0, 1)
    soft = noise(rng, SHAPE, rng.uniform(4, 9), 5)
    share = np.clip(lines * rng.uniform(0.3, 0.9) + smoothstep(soft, 0.5, 0.9) * rng.uniform(0, 0.4), 0, 1)
    return Surface(_mixed(ground, ink, share), float(rng.uniform(0.4, 1)), float(rng.uniform(0.05, 0.35)))


def granite(rng: np.random.Generator) -> Surface:
    """Speckled stone or terrazzo."""
    value = rng.uniform(0.12, 0.8)
    ground = from_hsv(rng.random(), rng.uniform(0, 0.12), value)
    ink = from_hsv(rng.random(), rng.uniform(0, 0.25), np.clip(value + rng.choice([-0.13, 0.13]), 0.05, 0.95))
    specks = smoothstep(noise(rng, SHAPE, rng.uniform(220, 380), 2), 0.5, 0.7)
    return Surface(_mixed(ground, ink, specks * rng.uniform(0.3, 0.9)), float(rng.uniform(0.2, 1)), 0.2)


def concrete(rng: np.random.Generator) -> Surface:
    ground = from_hsv(rng.uniform(0, 0.7), rng.uniform(0, 0.08), rng.uniform(0.15, 0.78))
    field = 0.75 + 0.5 * noise(rng, SHAPE, rng.uniform(3, 9), 6)
    relief = noise(rng, SHAPE, 60, 3) * np.float32(rng.uniform(0, 0.12))
    slope = sloped(relief.astype(np.float32), (REACH, REACH))
    return Surface((ground * field[..., None]).astype(np.float32), float(rng.uniform(0, 0.4)), 0.7, slope=slope)


def steel(rng: np.random.Generator) -> Surface:
    """A worktop of brushed steel."""
    streaks = noise(rng, SHAPE, 120, 2, stretch=14)
    field = rng.uniform(0.4, 0.6) * (0.94 + 0.12 * streaks)
    albedo = np.asarray(field[..., None] * np.ones(3, np.float32), np.float32)
    return Surface(albedo, 0, float(rng.uniform(0.7, 1)), 0.75)


def paper(rng: np.random.Generator) -> Surface:
    """A studio's coloured ground."""
    if chance(rng, 0.35):
        colour = np.full(3, rng.uniform(0.5, 0.9), np.float32)
    else:
        colour = from_hsv(rng.random(), rng.beta(1.3, 2.6) * 0.45, rng.uniform(0.35, 0.95))
    field = 0.97 + 0.06 * noise(rng, SHAPE, 3, 3)
    return Surface((colour * field[..., None]).astype(np.float32), float(rng.uniform(0, 0.25)), 0.8)


def linen(rng: np.random.Generator) -> Surface:
    """A tablecloth: plain, checked or striped, with creases."""
    x, y = _place()
    ground = from_hsv(rng.random(), rng.uniform(0, 0.4), rng.uniform(0.5, 0.97))
    line = from_hsv(rng.random(), rng.uniform(0.1, 0.6), rng.uniform(0.25, 0.85))
    step, style = rng.uniform(1.5, 8), rng.random()
    across, down = (x % step < step / 2).astype(np.float32), (y % step < step / 2).astype(np.float32)
    share = (across + down) / 2 if style < 0.3 else across * rng.uniform(0.3, 1) if style < 0.5 else across * 0
    weave = 0.88 + 0.12 * np.sin(x * 22) * np.sin(y * 22) + 0.1 * noise(rng, SHAPE, 150, 1)
    folds = noise(rng, SHAPE, rng.uniform(3, 7), 3, stretch=rng.uniform(0.6, 2)) * rng.uniform(0.2, 1.4)
    slope = sloped(folds.astype(np.float32), (REACH, REACH))
    shares = np.asarray(share, np.float32)
    return Surface((_mixed(ground, line, shares) * weave[..., None]).astype(np.float32), slope=slope)


def tiles(rng: np.random.Generator) -> Surface:
    x, y = _place()
    step = rng.uniform(5, 16)
    tone = rng.random(997).astype(np.float32)[((x // step) * 31 + (y // step) * 131).astype(int) % 997]
    colour = from_hsv(rng.random(), rng.beta(1, 3) * 0.45, rng.uniform(0.35, 0.95))
    albedo = colour * (1 - rng.uniform(0.02, 0.3) * tone[..., None])
    near = np.minimum(np.minimum(x % step, step - x % step), np.minimum(y % step, step - y % step))
    joint = np.clip(1.2 - near / 0.16, 0, 1)
    albedo = _mixed(albedo.astype(np.float32), np.full(3, rng.uniform(0.1, 0.6), np.float32), joint)
    relief = (-0.1 * cv2.GaussianBlur(joint, (0, 0), 1)).astype(np.float32)
    return Surface(albedo, float(rng.uniform(0.3, 1)), 0.15, slope=sloped(relief, (REACH, REACH)))


COUNTERS: Mapping[str, Callable[[np.random.Generator], Surface]] = MappingProxyType(
    {
        "wood": wood,
        "marble": marble,
        "granite": granite,
        "concrete": concrete,
        "steel": steel,
        "paper": paper,
        "linen": linen,
        "tiles": tiles,
    }
)
_OFTEN = (
    "wood",
    "wood",
    "wood",
    "marble",
    "marble",
    "granite",
    "concrete",
    "steel",
    "paper",
    "paper",
    "linen",
    "tiles",
)


def counter(rng: np.random.Generator) -> tuple[str, Counter]:
    """A countertop's name and itself, turned anyhow."""
    name = str(rng.choice(list(_OFTEN)))
    angle = rng.choice([0, np.pi / 2]) + rng.normal(0, 0.15) if chance(rng, 0.8) else rng.uniform(0, 6.3)
    c, s = np.cos(angle), np.sin(angle)
    return name, Counter(COUNTERS[name](rng), REACH, np.array([[c, -s], [s, c]], np.float32))
