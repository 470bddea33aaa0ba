"""Procedural textures as fields: float32 in 0..1, (height, width)."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np

from training.scenes.canvas import Array, Size, chance, grid, smoothstep, unit


def noise(rng: np.random.Generator, size: Size, cells: float, octaves: int = 4, stretch: float = 1.0) -> Array:
    """Fractal value noise: `cells` along the longer side in the lowest octave; `stretch` > 1 draws it out along x."""
    total = np.zeros(size, np.float32)
    weight, power = 1.0, 0.0
    longer = max(size)
    persistence = rng.uniform(0.4, 0.7)
    for _ in range(octaves):
        if cells > longer / 1.5:
            break
        shape = (int(cells * size[0] / longer) + 3, int(cells * size[1] / longer / stretch) + 3)
        coarse = rng.random(shape, dtype=np.float32)
        total += weight * cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
        power += weight
        cells, weight = cells * 2, weight * persistence
    return np.clip((total / max(power, 1e-6) - 0.5) * 1.6 + 0.5, 0, 1).astype(np.float32)


def grain(rng: np.random.Generator, size: Size) -> Array:
    return noise(rng, size, rng.uniform(40, 120), 3)


def clouds(rng: np.random.Generator, size: Size) -> Array:
    return noise(rng, size, rng.uniform(2, 8), 6)


def _turned(rng: np.random.Generator, size: Size) -> tuple[Array, Array]:
    y, x = grid(size)
    angle = rng.uniform(0, np.pi)
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return y * cosine - x * sine, y * sine + x * cosine


def stripes(rng: np.random.Generator, size: Size) -> Array:
    y, _ = _turned(rng, size)
    warp = noise(rng, size, rng.uniform(2, 6), 3) * rng.uniform(0, 0.35)
    wave = np.sin((y + warp) * rng.uniform(20, 160)) * 0.5 + 0.5
    middle, soft = rng.uniform(0.3, 0.7), rng.uniform(0.03, 0.4)
    return smoothstep(wave.astype(np.float32), middle - soft, middle + soft)


def spots(rng: np.random.Generator, size: Size) -> Array:
    field = noise(rng, size, rng.uniform(10, 45), 2)
    middle, soft = rng.uniform(0.4, 0.65), rng.uniform(0.02, 0.1)
    return smoothstep(field, middle - soft, middle + soft)


def cells(rng: np.random.Generator, size: Size) -> Array:
    """Voronoi cells, each of its own value, with darker seams at times."""
    count = int(rng.uniform(20, 400))
    seeds = np.full(size, 255, np.uint8)
    seeds[rng.integers(0, size[0], count), rng.integers(0, size[1], count)] = 0
    distance, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    values = rng.random(int(labels.max()) + 1, dtype=np.float32)
    spread = rng.uniform(0, 1)
    near = distance / (np.sqrt(size[0] * size[1] / count) + 1e-3)
    return np.asarray(np.clip(values[labels] * spread + (1 - spread) * near, 0, 1), dtype=np.float32)


def planks(rng: np.random.Generator, size: Size) -> Array:
    """Wood: drawn-out noise with rings, cut into boards at times."""
    streaks = noise(rng, size, rng.uniform(12, 40), 4, stretch=rng.uniform(6, 20))
    y, _ = grid(size)
    rings = np.sin((y * rng.uniform(2, 10) + noise(rng, size, 2, 2, 3) * 2) * rng.uniform(6, 30)) * 0.5 + 0.5
    mix = rng.uniform(0.2, 0.6)
    field = streaks * (1 - mix) + rings * mix
    if chance(rng, 0.6):
        boards = y * rng.uniform(3, 10)
        seam = np.abs(boards - np.round(boards)) < rng.uniform(0.01, 0.04)
        tone = rng.random(32, dtype=np.float32)[np.floor(boards + 0.5).astype(np.int32) % 32]
        field = np.where(seam, 0.0, field * 0.7 + tone * 0.3)
    field = field.astype(np.float32)
    return field if chance(rng, 0.6) else _rotated(rng, field)


def _rotated(rng: np.random.Generator, field: Array) -> Array:
    height, width = field.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(0, 180)), 1.5)
    return np.asarray(cv2.warpAffine(field, turn, (width, height), borderMode=cv2.BORDER_REFLECT), dtype=np.float32)


def marble(rng: np.random.Generator, size: Size) -> Array:
    y, x = _turned(rng, size)
    vein = np.abs(np.sin((y + x * 0.3 + noise(rng, size, rng.uniform(2, 5), 5) * 1.2) * rng.uniform(4, 12)))
    return np.asarray(np.clip(vein ** rng.uniform(0.2, 0.6), 0, 1), dtype=np.float32)


def checks(rng: np.random.Generator, size: Size) -> Array:
    y, x = _turned(rng, size)
    count = rng.uniform(4, 30)
    a, b = np.floor(y * count) % 2, np.floor(x * count) % 2
    return np.asarray((a + b) / 2 if chance(rng, 0.5) else np.abs(a - b), dtype=np.float32)


def weave(rng: np.random.Generator, size: Size) -> Array:
    y, x = _turned(rng, size)
    count = rng.uniform(150, 500)
    cloth = (np.sin(y * count) + np.sin(x * count)) * 0.15 + 0.35
    return np.asarray(np.clip(cloth + noise(rng, size, 5, 3) * 0.4, 0, 1), dtype=np.float32)


def bricks(rng: np.random.Generator, size: Size) -> Array:
    y, x = grid(size)
    rows = y * rng.uniform(6, 30)
    row = np.floor(rows)
    columns = x * rng.uniform(4, 16) + (row % 2) * 0.5
    tone = rng.random(997, dtype=np.float32)[((row * 131 + np.floor(columns) * 17) % 997).astype(np.int32)]
    gap = rng.uniform(0.03, 0.1)
    mortar = (np.abs(rows - np.round(rows)) < gap) | (np.abs(columns - np.round(columns)) < gap * 0.6)
    return np.asarray(np.where(mortar, rng.choice([0.0, 1.0]), tone * 0.5 + 0.25), dtype=np.float32)


def strokes(rng: np.random.Generator, size: Size) -> Array:
    """Writing: lines of letters in several sizes."""
    page = np.full(size, 30, np.uint8)
    letters = np.array(list("abcdefghkmnoprstuvxyzABDEGHKMNRST0123456789 "))
    for _ in range(int(rng.integers(3, 14))):
        text = "".join(rng.choice(letters, int(rng.integers(3, 14))))
        where = (int(rng.integers(-20, size[1])), int(rng.integers(0, size[0] + 20)))
        height = float(np.exp(rng.uniform(-0.9, 1.1)))
        font, weight = int(rng.integers(0, 8)), int(rng.integers(1, 4))
        cv2.putText(page, text, where, font, height, int(rng.integers(100, 256)), weight, cv2.LINE_AA)
    return unit(page)


def plain(rng: np.random.Generator, size: Size) -> Array:
    return noise(rng, size, rng.uniform(1, 3), 2) * np.float32(rng.uniform(0.02, 0.3)) + np.float32(0.4)


def ramp(rng: np.random.Generator, size: Size) -> Array:
    y, x = _turned(rng, size)
    field = y + x * np.float32(rng.uniform(-0.4, 0.4))
    low, high = float(field.min()), float(field.max())
    return np.asarray((field - low) / max(high - low, 1e-6), dtype=np.float32)


TEXTURES: Mapping[str, Callable[[np.random.Generator, Size], Array]] = MappingProxyType(
    {
        "plain": plain,
        "gradient": ramp,
        "grain": grain,
        "clouds": clouds,
        "stripes": stripes,
        "spots": spots,
        "cells": cells,
        "wood": planks,
        "marble": marble,
        "checks": checks,
        "weave": weave,
        "bricks": bricks,
        "writing": strokes,
    }
)


def texture(rng: np.random.Generator, size: Size, names: list[str] | None = None) -> Array:
    """One of the named textures (any, by default), with fine grain over it at times."""
    field = TEXTURES[str(rng.choice(names or list(TEXTURES)))](rng, size)
    if chance(rng, 0.5):
        strength = rng.uniform(0.05, 0.3)
        field = np.clip(field + (noise(rng, size, rng.uniform(20, 100), 3) - 0.5) * strength, 0, 1)
    return np.asarray(field, dtype=np.float32)
