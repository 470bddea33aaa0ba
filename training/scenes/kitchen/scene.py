"""One photo of a cooking step."""

from dataclasses import dataclass, replace

import numpy as np

from training.scenes.camera import Defects, Picture, developed
from training.scenes.canvas import Array, Size, blurred, chance, over, smoothstep
from training.scenes.kitchen.keywords import KEYWORDS
from training.scenes.kitchen.layout import Layout
from training.scenes.kitchen.mesh import Mesh
from training.scenes.kitchen.raster import View
from training.scenes.kitchen.recipe import Recipe
from training.scenes.kitchen.shade import picture, reduced
from training.scenes.textures import noise

FINE = 300  # pixels of the longer side from which less than two by two samples a pixel are enough


@dataclass(frozen=True, eq=False)
class KitchenScene:
    """`photo` (h, w, 3) and `mask` (h, w) of what it is about, uint8; `elevation` of the camera in degrees."""

    photo: Picture
    mask: Picture
    defects: Defects
    elevation: float
    ground: str


def _size(recipe: Recipe, longer: int) -> Size:
    if recipe.aspect >= 1:
        return round(longer / recipe.aspect), longer
    return longer, round(longer * recipe.aspect)


def scene(rng: np.random.Generator, recipe: Recipe, keyword: str, longer: int) -> KitchenScene:
    """A picture whose longer side is `longer` pixels."""
    kind = KEYWORDS[keyword]
    size = _size(recipe, longer)
    layout = Layout(rng, recipe)
    kind.lay(layout)
    tilt = float(np.clip(recipe.tilt + rng.normal(0, 0.1), *np.deg2rad(kind.tilt)))
    fine = 1.5 if longer >= FINE else 2.0
    sampled = round(size[0] * fine), round(size[1] * fine)
    view = _view(rng, layout.things, sampled, tilt, float(rng.uniform(*kind.fill)))
    shot = picture(view, layout.things, recipe.counter, recipe.light)
    light, mask = reduced(shot.light, size), reduced(shot.main, size)
    light = _focused(rng, light, reduced(shot.depth, size), mask)
    if chance(rng, kind.steam):
        light = _steamed(rng, light, mask)
    defects = _jittered(rng, recipe.defects)
    photo = developed(rng, light, defects)
    return KitchenScene(photo, (mask * 255 + 0.5).astype(np.uint8), defects, float(np.rad2deg(tilt)), recipe.ground)


def _view(rng: np.random.Generator, things: list[Mesh], size: Size, tilt: float, fill: float) -> View:
    """A camera that sees the main things across `fill` of the picture, not quite in its middle."""
    points = np.concatenate([mesh.points for mesh in things if mesh.main])
    way = (tilt, float(rng.normal(0, 0.15)), float(rng.normal(0, 0.03)))
    far = float(rng.uniform(1.25, 2.6))
    target, span = points.mean(axis=0), 60.0
    for _ in range(3):
        view = View.looking(size, target, way, span * far, span)
        pixels, _ = view.projected(points)
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        share = float(((high - low) / np.array([size[1], size[0]])).max())
        span *= share / fill
        shift = ((low + high) / 2 - view.middle) / view.focal * _distance(view, target)
        target = target + shift[0] * view.axes[0] + shift[1] * view.axes[1]
    slack = np.clip(1 - fill, 0.04, 0.5) * span * 0.28
    off = np.clip(rng.normal(0, 0.5, 2), -1, 1) * slack
    target = target + off[0] * view.axes[0] + off[1] * view.axes[1] * min(size) / max(size)
    return View.looking(size, np.asarray(target, np.float32), way, span * far, span)


def _distance(view: View, target: Array) -> float:
    return float((target - view.origin) @ view.axes[2])


def _focused(rng: np.random.Generator, light: Array, depth: Array, mask: Array) -> Array:
    """What is much nearer or farther than the main thing is out of focus, now and then."""
    if chance(rng, 0.55):
        return light
    longer = max(depth.shape)
    sharp = float(np.median(depth[mask > 0.5])) if (mask > 0.5).any() else float(np.median(depth))
    strength = longer * rng.uniform(0.004, 0.014)
    away = np.clip(np.abs(depth - sharp) / sharp - 0.12, 0, 1) * 4
    soft = over(blurred(light, strength), smoothstep(np.asarray(away, np.float32), 0, 1), light)
    return over(blurred(light, strength * 2.5), smoothstep(np.asarray(away, np.float32), 1, 2.2), soft)


def _steamed(rng: np.random.Generator, light: Array, mask: Array) -> Array:
    """Wisps over the hot thing."""
    size = mask.shape[0], mask.shape[1]
    wisps = smoothstep(noise(rng, size, rng.uniform(2, 5), 5), 0.45, 0.95)
    where = blurred(mask, max(size) * 0.06)
    bright = np.full(3, float(light.mean()) * 1.6 + 0.25, np.float32)
    return over(bright, np.asarray(wisps * where * np.float32(rng.uniform(0.25, 0.75)), np.float32), light)


def _jittered(rng: np.random.Generator, defects: Defects) -> Defects:
    """Pictures of one session differ a little in focus and exposure."""
    return replace(
        defects,
        blur=round(defects.blur * float(rng.uniform(0.3, 1.2)), 3),
        noise=round(defects.noise * 0.45, 4),
        exposure=round(float(np.clip((defects.exposure + 0.07) * np.exp(rng.normal(0, 0.08)), 0.3, 0.75)), 3),
        contrast=round(float(np.clip(defects.contrast, 0.82, 1.2)), 3),
        saturation=round(float(np.clip(defects.saturation, 0.65, 1.12)), 3),
        vignette=round(defects.vignette * 0.6, 3),
        quality=int(np.clip(defects.quality + rng.integers(-4, 5), 40, 96)),
    )
