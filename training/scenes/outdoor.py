"""Grounds under the sky: savanna, meadow, jungle, road, street."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np

from training.scenes import brush
from training.scenes.canvas import Array, Size, blurred, chance, filled, grid, over, smoothstep
from training.scenes.colours import from_hsv, palette, tinted
from training.scenes.indoor import Ground
from training.scenes.outlines import blob, ribbon
from training.scenes.textures import noise


def sky(rng: np.random.Generator, size: Size) -> Array:
    y, _ = grid(size)
    if chance(rng, 0.35):
        top, low = (
            from_hsv(0.6, rng.uniform(0, 0.1), rng.uniform(0.6, 0.95)),
            from_hsv(0.6, 0.02, rng.uniform(0.8, 1.0)),
        )
    else:
        top = from_hsv(rng.normal(0.57, 0.03), rng.uniform(0.3, 0.9), rng.uniform(0.5, 1.0))
        low = from_hsv(rng.choice([0.55, 0.1, 0.05]), rng.uniform(0.0, 0.4), rng.uniform(0.8, 1.0))
    fade = np.clip(y * rng.uniform(1, 2.5), 0, 1)[..., None]
    light = top + (low - top) * fade
    if chance(rng, 0.6):
        edge = rng.uniform(0.4, 0.6)
        cloud = smoothstep(
            noise(rng, size, rng.uniform(2, 6), 5, rng.uniform(1, 3)), edge, edge + rng.uniform(0.1, 0.5)
        )
        light = over(
            np.full(3, rng.uniform(0.6, 1.0), np.float32), cloud * rng.uniform(0.3, 1), light.astype(np.float32)
        )
    return np.asarray(light, dtype=np.float32)


def _below(rng: np.random.Generator, size: Size, row: float, rough: float, cells: float) -> Array:
    """Mask of all below a ridge around `row`, rough by so many pixels."""
    width = size[1]
    ridge = noise(rng, (8, width), cells, 6)[4] - 0.5
    y = np.arange(size[0], dtype=np.float32)[:, None]
    return np.asarray(np.clip(y - (row - ridge[None] * 2 * rough) + 0.5, 0, 1), dtype=np.float32)


def hills(rng: np.random.Generator, light: Array, horizon: float) -> Array:
    size = (light.shape[0], light.shape[1])
    for layer in range(int(rng.integers(0, 4))):
        haze = 1 - layer / 4
        colour = palette(rng, str(rng.choice(["foliage", "dry", "grey"])), 1)[0] * 0.5
        colour = colour + (np.array([0.35, 0.45, 0.6], np.float32) - colour) * np.float32(haze * rng.uniform(0.3, 0.9))
        mask = _below(rng, size, horizon - size[0] * 0.12 * haze, size[0] * rng.uniform(0.02, 0.2), rng.uniform(2, 8))
        light = over((colour * (0.7 + 0.6 * noise(rng, size, 20, 3))[..., None]).astype(np.float32), mask, light)
    return light


def trees(rng: np.random.Generator, light: Array, horizon: float, tall: float) -> Array:
    """A row of trees and bushes standing about the horizon, `tall` pixels high."""
    height, width = light.shape[:2]
    size = (height, width)
    crowns = np.zeros(size, np.float32)
    trunks: list[Array] = []
    dense = rng.uniform(0.3, 1.5)
    for _ in range(max(1, int(dense * width / max(tall, 12)))):
        x, top = rng.uniform(0, width), horizon - tall * rng.uniform(0.4, 1.2)
        wide = tall * rng.uniform(0.15, 0.6)
        thin = max(1.0, tall * rng.uniform(0.01, 0.04))
        trunks.append(
            np.array(
                [[x - thin, horizon + 3], [x - thin * 0.6, top], [x + thin * 0.6, top], [x + thin, horizon + 3]],
                np.float32,
            )
        )
        turn = np.linspace(0, 6.28, 20)
        flat = rng.uniform(0.25, 0.9) * (horizon - top)
        crown = np.stack([np.cos(turn) * wide + x, np.sin(turn) * flat * 0.6 + top + flat * 0.4], axis=1)
        crowns = np.maximum(crowns, filled(size, crown.astype(np.float32)))
    light = over(palette(rng, str(rng.choice(["dark", "wood", "pale"])), 1)[0] * 0.5, filled(size, *trunks), light)
    ragged = smoothstep(
        blurred(crowns, tall * 0.06) + (noise(rng, size, rng.uniform(20, 60), 4) - 0.5) * rng.uniform(0.4, 1.2),
        0.4,
        0.65,
    )
    tone = noise(rng, size, rng.uniform(30, 110), 3) * 0.7 + noise(rng, size, 8, 2) * 0.3
    colours = palette(rng, str(rng.choice(["foliage", "foliage", "foliage", "dry"])), 3, 0.7) * rng.uniform(0.3, 1.0)
    return over(tinted(tone, colours.astype(np.float32)), ragged, light)


def trunks(rng: np.random.Generator, light: Array, horizon: float) -> Array:
    """Bare stems from the ground to beyond the picture, barked, at several distances."""
    size = (light.shape[0], light.shape[1])
    bark = tinted(
        noise(rng, size, rng.uniform(15, 50), 4, rng.uniform(0.2, 4)),
        palette(rng, str(rng.choice(["wood", "grey", "dark"])), 3, 0.7),
    )
    stems = []
    for _ in range(int(rng.integers(2, 14))):
        x, thin = rng.uniform(0, size[1]), size[1] * float(np.exp(rng.uniform(-5.5, -3.2)))
        lean = rng.normal(0, size[1] * 0.04)
        path = np.array(
            [[x, horizon + rng.uniform(0, 0.06) * size[0]], [x + lean * 0.4, horizon * 0.5], [x + lean, -10]]
        )
        stems.append(ribbon(path, np.array([thin * 1.2, thin, thin * 0.7])))
    return over(bark * np.float32(rng.uniform(0.4, 1.0)), filled(size, *stems), light)


def lumps(rng: np.random.Generator, light: Array, horizon: float) -> Array:
    """Stones, mounds and bushes scattered on the floor, larger towards the viewer."""
    size = (light.shape[0], light.shape[1])
    skins = [
        tinted(noise(rng, size, rng.uniform(20, 90), 4), palette(rng, str(m), 3, 0.6))
        for m in rng.choice(["grey", "foliage", "dry"], 2)
    ]
    for near in np.sort(rng.random(int(rng.integers(1, 9))) ** 2):
        wide = size[1] * (0.015 + 0.09 * near) * rng.uniform(0.5, 1.5)
        middle = np.array([rng.uniform(0, size[1]), horizon + near * (size[0] - horizon) * 0.8])
        outline = blob(rng) * np.array([wide, wide * rng.uniform(0.5, 1.0)]) + middle
        outline[:, 1] = np.minimum(outline[:, 1], middle[1] + wide * 0.25)
        mask = blurred(filled(size, outline.astype(np.float32)), 0.6)
        ragged = np.clip(mask * 1.5 - noise(rng, size, 60, 3) * (1 - blurred(mask, wide * 0.15)), 0, 1).astype(
            np.float32
        )
        light = over(skins[int(rng.integers(2))] * np.float32(rng.uniform(0.4, 1.1)), ragged, light)
    return light


def perspective(rng: np.random.Generator, size: Size, horizon: float, fine: float) -> Array:
    """A texture on a floor that runs to the horizon; meaningless above it."""
    tile = noise(rng, (256, 256), rng.uniform(4, 16), 5)
    y = np.arange(size[0], dtype=np.float32)[:, None] - np.float32(horizon)
    depth = fine * size[0] / np.maximum(y, 1.0)
    x = (np.arange(size[1], dtype=np.float32)[None] - size[1] / 2) * depth / size[0] * 4
    rows = np.broadcast_to(depth * 120, size).astype(np.float32)
    shift = rng.uniform(0, 256)
    return np.asarray(
        cv2.remap(tile, (x * 30 + shift).astype(np.float32), rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP),
        dtype=np.float32,
    )


def _floor(rng: np.random.Generator, light: Array, horizon: float, moods: list[str]) -> Array:
    size = (light.shape[0], light.shape[1])
    field = (
        perspective(rng, size, horizon, rng.uniform(0.3, 1.2)) * 0.6 + noise(rng, size, rng.uniform(2, 6), 3, 2.5) * 0.4
    )
    texture = tinted(field, palette(rng, str(rng.choice(moods)), 3, rng.uniform(0.2, 0.7)))
    speckle = noise(rng, size, rng.uniform(80, 160), 2)
    mask = _below(rng, size, horizon, size[0] * rng.uniform(0, 0.02), 4)
    return over(texture * (0.7 + 0.6 * speckle[..., None]), mask, light)


def grass(rng: np.random.Generator, light: Array, horizon: float, moods: list[str], count: int) -> Array:
    """Blades that grow longer towards the viewer."""
    height, width = light.shape[:2]
    drawn = brush.sheet(light)
    near = np.sort(rng.random(count).astype(np.float32) ** rng.uniform(0.5, 1.2))
    roots = np.stack([rng.uniform(0, width, count), horizon + near * (height * 1.08 - horizon)], axis=1).astype(
        np.float32
    )
    lengths = (near * height * rng.uniform(0.02, 0.13) * rng.uniform(0.5, 1.5, count) + 1.5).astype(np.float32)
    bands = np.concatenate([palette(rng, str(rng.choice(moods)), 6, 0.5) for _ in range(5)])
    brush.blades(rng, drawn, roots, lengths, bands)
    return brush.light(drawn)


def meadow(rng: np.random.Generator, size: Size) -> Ground:
    """Savanna or meadow: sky, hills, trees, a plain of grass."""
    horizon = float(size[0] * rng.uniform(0.15, 0.65))
    light = hills(rng, sky(rng, size), horizon)
    if chance(rng, 0.7):
        light = trees(rng, light, horizon, size[0] * rng.uniform(0.04, 0.35))
    moods = ["foliage", "dry"] if chance(rng, 0.7) else ["dry", "grey"]
    light = _floor(rng, light, horizon, moods)
    if chance(rng, 0.4):
        light = lumps(rng, light, horizon)
    if chance(rng, 0.8):
        light = grass(rng, light, horizon, moods, int(rng.integers(150, 1400)))
    return Ground(light, "meadow", horizon, outdoor=True)


def jungle(rng: np.random.Generator, size: Size) -> Ground:
    """Leaves on leaves, mostly dark, with a floor of soil."""
    longer = max(size)
    horizon = float(size[0] * rng.uniform(0.45, 0.85))
    gloom = rng.uniform(0.1, 0.8)
    base = tinted(noise(rng, size, rng.uniform(6, 30), 4), palette(rng, "foliage", 3, 0.8) * np.float32(gloom))
    if chance(rng, 0.4):
        base = trunks(rng, base, horizon)
    base = _floor(rng, base, horizon, ["dry", "dark", "foliage"]) * np.float32(0.3 + 0.7 * gloom)
    drawn = brush.sheet(base)
    for layer in (0.5, 1.0):
        count = int(rng.integers(60, 420))
        colours = palette(rng, "foliage", 8, 0.7) * np.float32(gloom * (0.4 + layer))
        sizes = (longer * np.exp(rng.uniform(-4.8, -2.6)) * layer * rng.uniform(0.5, 1.6, count)).astype(np.float32)
        places = brush.scattered(rng, count, (0, 0), (size[1], horizon if chance(rng, 0.6) else size[0]))
        brush.leaves(rng, drawn, places, sizes, colours)
    for _ in range(int(rng.integers(0, 6))):
        _frond(rng, drawn, size, palette(rng, "foliage", 3, 0.6) * np.float32(gloom))
    return Ground(brush.light(drawn), "jungle", horizon, outdoor=True)


def _frond(rng: np.random.Generator, drawn: brush.Sheet, size: Size, colours: Array) -> None:
    """A palm leaf: many narrow strokes from a midrib."""
    count = int(rng.integers(12, 40))
    start, angle, reach = (
        rng.uniform([0, 0], [size[1], size[0]]),
        rng.uniform(0, 6.3),
        max(size) * rng.uniform(0.1, 0.45),
    )
    share = np.linspace(0, 1, count, dtype=np.float32)[:, None]
    spine = start + np.array([np.cos(angle), np.sin(angle)]) * reach * share + np.array([0, reach * 0.4]) * share**2
    side = np.where(np.arange(count) % 2 == 0, 1.0, -1.0) * 0.9
    tips = spine + np.stack([np.cos(angle + side), np.sin(angle + side)], axis=1) * reach * 0.4 * (1.05 - share)
    lines = np.round(np.stack([spine, tips], axis=1) * 16).astype(np.int32)
    for colour, part in zip(colours, np.array_split(lines, len(colours)), strict=True):
        shade = (np.sqrt(np.clip(colour, 0, 1)) * 255).tolist()
        cv2.polylines(drawn, list(part), False, shade, max(1, round(reach * 0.025)), cv2.LINE_AA, 4)  # noqa: FBT003


def buildings(rng: np.random.Generator, light: Array, horizon: float) -> Array:
    """House fronts with rows of windows along the horizon."""
    height, width = light.shape[:2]
    drawn = brush.sheet(light)
    for _ in range(int(rng.integers(1, 6))):
        x, wide = int(rng.uniform(-0.2, 1) * width), int(width * rng.uniform(0.15, 0.6))
        top, low = int(horizon - height * rng.uniform(0.1, 0.6)), int(horizon + 3)
        wall, pane = (
            np.sqrt(palette(rng, str(m), 1)[0]) * 255
            for m in (rng.choice(["grey", "dry", "wood", "pale", "dark"]), rng.choice(["dark", "pale", "grey"]))
        )
        cv2.rectangle(drawn, (x, top), (x + wide, low), wall.tolist(), -1)
        if chance(rng, 0.5):
            roof = np.array(
                [[x - 4, top], [x + wide // 2, top - int(wide * rng.uniform(0.1, 0.5))], [x + wide + 4, top]], np.int32
            )
            cv2.fillConvexPoly(drawn, roof, (wall * rng.uniform(0.4, 1.2)).clip(0, 255).tolist(), cv2.LINE_AA)
        pitch_x, pitch_y = max(8, int(wide / rng.integers(2, 9))), max(8, int((low - top) / rng.integers(2, 7)))
        for wx in range(x + pitch_x // 4, x + wide - pitch_x // 2, pitch_x):
            for wy in range(top + pitch_y // 4, low - pitch_y // 2, pitch_y):
                cv2.rectangle(drawn, (wx, wy), (wx + pitch_x // 2, wy + pitch_y // 2), pane.tolist(), -1)
    grainy = 0.75 + 0.5 * noise(rng, (height, width), 50, 3)
    return np.asarray(brush.light(drawn) * grainy[..., None], dtype=np.float32)


def road(rng: np.random.Generator, size: Size) -> Ground:
    """Asphalt or gravel with verge, trees or houses behind, lines on it at times."""
    horizon = float(size[0] * rng.uniform(0.25, 0.65))
    light = hills(rng, sky(rng, size), horizon)
    if chance(rng, 0.45):
        light = buildings(rng, light, horizon)
    for _ in range(int(rng.integers(0, 3))):
        light = trees(rng, light, horizon, size[0] * rng.uniform(0.08, 0.6))
    if chance(rng, 0.3):
        light = trunks(rng, light, horizon)
    verge = horizon + size[0] * rng.uniform(0, 0.1)
    light = _floor(rng, light, horizon, ["foliage", "dry"])
    light = grass(rng, light, horizon, ["foliage", "dry"], int(rng.integers(50, 500)))
    light = _floor(rng, light, verge, ["grey", "grey", "dry"])
    if chance(rng, 0.4):
        x = rng.uniform(0, size[1])
        mark = np.array(
            [[x, verge], [x + 2, verge], [x * 3 - size[1] + 25, size[0]], [x * 3 - size[1], size[0]]], np.float32
        )
        light = over(np.full(3, rng.uniform(0.3, 0.9), np.float32), filled(size, mark) * 0.8, light)
    return Ground(light, "road", verge, outdoor=True)


def backdrop(rng: np.random.Generator, size: Size) -> Ground:
    """Only sky or only leaves, out of focus."""
    light = sky(rng, size) if chance(rng, 0.3) else jungle(rng, size).light
    return Ground(blurred(light, max(size) * rng.uniform(0.005, 0.03)), "backdrop", float(size[0] * 0.8), outdoor=True)


OUTDOOR: Mapping[str, Callable[[np.random.Generator, Size], Ground]] = MappingProxyType(
    {"meadow": meadow, "jungle": jungle, "road": road, "backdrop": backdrop}
)
