"""One booth photo with all that is true of it: subject, alpha, ground, shadow."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt

from training.scenes.booth import cameras, floor, lenses, soft, supports, whites
from training.scenes.booth.floor import Throw
from training.scenes.booth.light import Booth, encoded, linear
from training.scenes.booth.sheet import Sheet
from training.scenes.canvas import Array, Frame, chance

Picture = npt.NDArray[np.uint8]
Painter = Callable[[Sheet, Frame], str]

SINGLE: Mapping[str, Painter] = MappingProxyType(
    {
        "camera": cameras.camera,
        "lens": lenses.lens,
        "tripod": supports.tripod,
        "flash": cameras.flash,
        "strap": soft.strap,
        "glass": whites.glass,
        "bag": soft.bag,
        "white": whites.white,
        "chrome": supports.chrome,
        "dark": supports.dark,
    }
)
GROUP, CUT = "group", "cut"
CATEGORIES = (*SINGLE, GROUP, CUT)
FLAT = frozenset({"strap"})
WHITE_LEVELS = (2.0, 10.0)  # of 255, between a subject and its ground, for it to count as white on white
SOLID = 250 / 255


@dataclass(frozen=True)
class Taken:
    """What the camera adds: noise in levels, its blur in pixels, the JPEG's quality."""

    noise: float
    blur: float
    quality: int

    @staticmethod
    def drawn(rng: np.random.Generator, side: int) -> "Taken":
        noise, blur = rng.uniform(0.3, 2.2), rng.uniform(0.3, 0.75) * side / 1024
        return Taken(round(float(noise), 2), round(float(blur), 2), int(rng.integers(72, 97)))


@dataclass(frozen=True)
class BoothScene:
    """UINT8 pictures: `photo`, `foreground` (black where alpha is 0) and `ground` [s, s, 3]; `alpha`, `shadow` [s, s].

    In linear light the photo, but for its noise and its codec, is foreground * alpha + ground * (1 - shadow) *
    (1 - alpha). Reflections belong to the ground. `apart` is how many levels subject and ground differ.
    """

    photo: Picture
    alpha: Picture
    foreground: Picture
    ground: Picture
    shadow: Picture
    category: str
    material: str
    apart: float
    cut: tuple[str, ...]
    throw: Throw
    taken: Taken

    @property
    def white_on_white(self) -> bool:
        return self.apart <= WHITE_LEVELS[1]


def scene(rng: np.random.Generator, side: int, category: str) -> BoothScene:
    """A square scene of `side` pixels with a product of this category."""
    sheet = Sheet((side, side), Booth.drawn(rng), rng)
    ground = floor.sweep(rng, sheet.size)
    material = _drawn(sheet, category)
    taken = Taken.drawn(rng, side)
    throw = Throw.drawn(rng, flat=category in FLAT or not sheet.feet)
    shadow = floor.shade(sheet, throw)
    shine = 0.0 if throw.flat or chance(rng, 0.5) else float(rng.uniform(0.02, 0.12))
    alpha = np.asarray(cv2.GaussianBlur(sheet.alpha, (0, 0), taken.blur), np.float32)
    light = np.asarray(cv2.GaussianBlur(sheet.light, (0, 0), taken.blur), np.float32)
    if shine:
        mirrored, share = floor.reflection(sheet, shine)
        ground = ground * (1 - share[..., None]) + mirrored
    if category == "white":
        light = _whitened(rng, light, alpha, ground)
    return _finished(rng, (light, alpha, ground, shadow), (category, material), throw, taken)


def _drawn(sheet: Sheet, category: str) -> str:
    """Draws the subject, again where nothing of it is there; one that shall be cut until it is."""
    for _ in range(8):
        sheet.cleared()
        material = _group(sheet) if category == GROUP else _single(sheet, category)
        seen = float(sheet.alpha.mean()) > 0.01
        edge = max(
            float(line.max()) for line in (sheet.alpha[0], sheet.alpha[-1], sheet.alpha[:, 0], sheet.alpha[:, -1])
        )
        if seen and (category != CUT or edge > 0.9):
            break
    return material


def _single(sheet: Sheet, category: str) -> str:
    rng = sheet.rng
    side = sheet.size[0]
    kind = str(rng.choice(list(SINGLE))) if category == CUT else category
    reach = float(rng.uniform(0.34, 0.46)) * side
    centre = np.array([0.5, 0.5]) + rng.normal(0, 0.025, 2)
    if category == CUT:
        reach *= float(rng.uniform(1.1, 1.5))
        turn = rng.uniform(0, 2 * np.pi)
        centre += np.array([np.cos(turn), np.sin(turn) * 0.7]) * rng.uniform(0.22, 0.36)
    place = (float(centre[0] * side), float(centre[1] * side))
    return SINGLE[kind](sheet, Frame(sheet.size, reach, place, float(rng.normal(0, 0.012)), chance(rng, 0.5)))


def _group(sheet: Sheet) -> str:
    """Two to four things, those further back first; nearer ones stand before them."""
    rng = sheet.rng
    side = sheet.size[0]
    count = int(rng.integers(2, 5))
    kinds = [str(kind) for kind in rng.choice([name for name in SINGLE if name != "strap"], count)]
    depths = np.sort(rng.uniform(0.42, 0.6, count))
    places = (rng.permutation(count) + 0.5) / count
    for kind, depth, place in zip(kinds, depths, places, strict=True):
        reach = float(rng.uniform(0.62, 0.95)) * side / (count + 0.6) * 1.15
        x = 0.14 + 0.72 * float(place) + float(rng.normal(0, 0.02))
        frame = Frame(sheet.size, reach, (x * side, float(depth + 0.08) * side - reach * 0.4), 0.0, chance(rng, 0.5))
        SINGLE[kind](sheet, frame)
    return "mixed"


def _whitened(rng: np.random.Generator, light: Array, alpha: Array, ground: Array) -> Array:
    """The subject brought so near to the ground that they differ by 2 to 10 levels; its shading is kept, flatter."""
    straight = light / np.maximum(alpha, 1e-3)[..., None]
    seen, behind = encoded(straight), encoded(ground)
    core = alpha > SOLID
    if not core.any():
        return light
    aim = float(rng.uniform(3.0, 9.0))
    flatter = float(rng.uniform(0.12, 0.3))
    towards = -1.0 if chance(rng, 0.75) or float(behind.mean()) > 244 else 1.0
    middle = np.median(seen[core], axis=0)
    moved = behind + np.float32(towards * aim) + (seen - middle) * np.float32(flatter)
    dark = np.clip((np.float32(170) - seen.max(axis=2)) / 60, 0, 1)[..., None]
    near = np.clip(moved * (1 - dark) + seen * dark, 0, 255)
    return np.asarray(_decoded(near) * alpha[..., None], np.float32)


def _decoded(levels: Array) -> Array:
    value = levels / np.float32(255)
    return np.asarray(np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4), np.float32)


def _finished(
    rng: np.random.Generator,
    layers: tuple[Array, Array, Array, Array],
    names: tuple[str, str],
    throw: Throw,
    taken: Taken,
) -> BoothScene:
    """The layers as stored, and the photo of these very layers."""
    light, alpha, ground, shadow = layers
    shown = alpha > 0.5 / 255
    straight = np.where(shown[..., None], light / np.maximum(alpha, 1e-3)[..., None], 0).astype(np.float32)
    foreground, bare = _rounded(encoded(straight)), _rounded(encoded(ground))
    mask, dark = _rounded(alpha * 255), _rounded(shadow * 255)
    share = (mask.astype(np.float32) / 255)[..., None]
    floor_ = linear(bare) * (1 - dark.astype(np.float32) / 255)[..., None]
    view = encoded(np.asarray(linear(foreground) * share + floor_ * (1 - share), np.float32))
    grain = rng.standard_normal((*mask.shape, 1), dtype=np.float32) * np.float32(0.7)
    grain = grain + rng.standard_normal(view.shape, dtype=np.float32) * np.float32(0.5)
    photo = _rounded(np.asarray(view + grain * np.float32(taken.noise), np.float32))
    apart = _apart(foreground, bare, mask)
    return BoothScene(photo, mask, foreground, bare, dark, *names, apart, _cut(mask), throw, taken)


def _rounded(levels: Array) -> Picture:
    return np.clip(levels + np.float32(0.5), 0, 255).astype(np.uint8)


def _apart(foreground: Picture, ground: Picture, mask: Picture) -> float:
    """The median difference in levels over the solid part of the subject."""
    core = mask >= SOLID * 255
    if not core.any():
        return 255.0
    return round(float(np.median(np.abs(foreground[core].astype(np.float32) - ground[core]).mean(axis=1))), 2)


def _cut(mask: Picture) -> tuple[str, ...]:
    """The sides at which the frame cuts the subject."""
    edges = {"left": mask[:, 0], "top": mask[0], "right": mask[:, -1], "bottom": mask[-1]}
    return tuple(side for side, line in edges.items() if line.max() > 127)
