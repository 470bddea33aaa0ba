"""Boards, muffin trays, cloths and papers: the flat things."""

from dataclasses import dataclass

import numpy as np

from training.scenes.canvas import Array, chance
from training.scenes.colours import from_hsv
from training.scenes.kitchen.mesh import Mesh, Outline, Pairs, Pose, Thing, loft, relief_sheet, turned
from training.scenes.kitchen.surface import Surface, plain, sloped, stuff
from training.scenes.textures import noise


def board(rng: np.random.Generator) -> tuple[Thing, Outline, float]:
    """A chopping board, its outline and its height; with a grip, a groove or a hole at times."""
    x, y = rng.uniform(17, 23), rng.uniform(11.5, 15.5)
    outline = Outline(x, y, rng.uniform(0.6, 3.5)) if chance(rng, 0.88) else Outline.round(rng.uniform(14, 17))
    tall = rng.uniform(1.2, 3)
    skin = stuff(rng, "timber", "timber", "timber", "timber", "plastic", "porcelain")
    reach, edge = outline.reach, 0.3
    profile: Pairs = [[-reach, 0], [0, 0], [0.1, tall - edge], [-edge, tall], [-reach, tall]]
    thing: Thing = [loft(outline, profile, skin)]
    if chance(rng, 0.35):
        groove = [[-1.1, tall + 0.02], [-1.6, tall + 0.03], [-2.1, tall + 0.02]]
        dark = Surface(skin.albedo * np.float32(0.6), skin.gloss, skin.rough)
        thing.append(loft(outline, groove, dark))
    if chance(rng, 0.3):
        grip = Outline(rng.uniform(4, 6), rng.uniform(2, 2.8), 1.6)
        low = [[-grip.reach, 0.05], [0, 0.05], [0, tall - edge], [-edge, tall - 0.05], [-grip.reach, tall - 0.05]]
        thing.append(loft(grip, low, skin).placed(Pose(outline.x + grip.x - 2)))
    return thing, outline, tall


@dataclass(frozen=True, eq=False)
class Muffins:
    """A tray with cups: `middles` (n, 2) in cm, each `radius` wide, the top at `tall`."""

    thing: Thing
    middles: Array
    radius: float
    tall: float
    outline: Outline


def muffin_tray(rng: np.random.Generator) -> Muffins:
    """Six or twelve round cups in a sheet."""
    across, down = (4, 3) if chance(rng, 0.55) else (3, 2)
    radius, gap = rng.uniform(3.1, 3.7), rng.uniform(0.9, 1.6)
    step, tall = 2 * radius + gap, rng.uniform(2.8, 3.6)
    places = np.stack(np.meshgrid(np.arange(across) - (across - 1) / 2, np.arange(down) - (down - 1) / 2), axis=2)
    middles = (places.reshape(-1, 2) * step).astype(np.float32)
    outline = Outline(across * step / 2 + 1, down * step / 2 + 1, 1.5)
    skin = stuff(rng, "iron", "iron", "aluminium", "steel", "enamel")
    sheet = _holed(outline, middles, radius, skin)
    cup = [(radius + 0.25, tall + 0.08), (radius, tall), (radius * 0.78, 0.5), (0.0, 0.4)]
    bowl = turned(cup, skin, 24)
    wall = loft(outline, [[-1, tall - 0.5], [0, tall - 0.5], [0.5, tall - 0.2], [0, tall + 0.05]], skin)
    thing = [sheet.placed(Pose(z=tall)), wall, *[bowl.placed(Pose(x, y)) for x, y in middles.tolist()]]
    return Muffins(thing, middles, radius, tall, outline)


def _holed(outline: Outline, middles: Array, radius: float, skin: Surface) -> Mesh:
    scale = 8.0
    size = round(outline.y * 2 * scale), round(outline.x * 2 * scale)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32) / scale
    dx = np.abs(x - outline.x) - (outline.x - outline.corner)
    dy = np.abs(y - outline.y) - (outline.y - outline.corner)
    round_ = outline.corner - np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    open_ = np.clip(round_ * scale + 0.5, 0, 1).astype(np.float32)
    for mx, my in middles.tolist():
        far = np.hypot(x - mx - outline.x, outline.y - y - my)
        open_ = np.minimum(open_, np.clip((far - radius) * scale + 0.5, 0, 1))
    albedo = np.broadcast_to(skin.albedo.mean(axis=(0, 1)), (*size, 3)).astype(np.float32)
    surface = Surface(albedo, skin.gloss, skin.rough, skin.metal, alpha=open_)
    return relief_sheet(np.zeros(size, np.float32), (outline.x * 2, outline.y * 2), surface, 8)


def paper_case(radius: float, tall: float, skin: Surface) -> Thing:
    """A muffin's paper case, a little higher than its cup."""
    inner = [(radius + 0.1, tall + 0.7), (radius * 0.8, 0.7), (0.0, 0.7)]
    outer = [(radius, tall - 0.2), (radius + 0.25, tall + 0.7)]
    return [turned(outer, skin, 24), turned(inner, skin, 24)]


def paper(rng: np.random.Generator, outline: Outline) -> Mesh:
    """Baking parchment, white or brown, with creases."""
    size = round(outline.y * 12), round(outline.x * 12)
    crease = np.abs(noise(rng, size, 7, 3) - 0.5)
    relief = (np.clip(crease * 2, 0, 1) * rng.uniform(0.15, 0.6)).astype(np.float32)
    colour = from_hsv(
        0.1, rng.uniform(0.02, 0.12) if chance(rng, 0.7) else rng.uniform(0.3, 0.45), rng.uniform(0.75, 0.97)
    )
    reach = outline.x * 2, outline.y * 2
    surface = Surface((colour * np.ones((*size, 1))).astype(np.float32), 0.15, 0.7, slope=sloped(relief, reach))
    return relief_sheet(relief, reach, surface, 16)


def cloth(rng: np.random.Generator) -> Mesh:
    """A kitchen towel, plain, striped or checked. It lies flat, so that things can stand on it: folds are shading."""
    reach = rng.uniform(16, 26), rng.uniform(22, 34)
    size = round(reach[1] * 6), round(reach[0] * 6)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32) / 6
    ground = from_hsv(rng.random(), rng.uniform(0, 0.35), rng.uniform(0.55, 0.97))
    line = from_hsv(rng.random(), rng.uniform(0.2, 0.9), rng.uniform(0.15, 0.8))
    share = np.zeros(size, np.float32)
    if chance(rng, 0.65):
        step, width = rng.uniform(1.0, 5.0), rng.uniform(0.15, 0.5)
        share = (x % step < step * width).astype(np.float32)
        if chance(rng, 0.5):
            share = (share + (y % step < step * width)) / 2
    albedo = ground + (line - ground) * share[..., None]
    weave = 1 + (noise(rng, size, 90, 1) - 0.5) * 0.2
    folds = noise(rng, size, rng.uniform(2, 4), 2, stretch=rng.uniform(0.7, 2)) * rng.uniform(0.8, 2.2)
    slope = sloped(folds.astype(np.float32), reach)
    surface = Surface((albedo * weave[..., None]).astype(np.float32), slope=slope)
    return relief_sheet(folds * np.float32(0.05) + np.float32(0.03), reach, surface, 12)


def hob(rng: np.random.Generator, radii: list[float]) -> Thing:
    """A glass hob under cookware, rings drawn on it."""
    top = plain(np.full(3, rng.uniform(0.004, 0.02)), 1.0, 0.04)
    outline = Outline(rng.uniform(28, 38), rng.uniform(24, 27), 1.0)
    tall = 0.4
    slab = loft(outline, [[-outline.reach, 0], [0, 0], [0.05, tall * 0.7], [-0.2, tall], [-outline.reach, tall]], top)
    ink = plain(np.full(3, rng.uniform(0.12, 0.4)), 0.5, 0.2)
    rings = [loft(Outline.round(r), [[0.12, tall + 0.02], [0, tall + 0.03], [-0.12, tall + 0.02]], ink) for r in radii]
    return [slab, *rings]
