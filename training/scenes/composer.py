"""One scene: a ground, a subject under the same light, shadows, what stands before it, a camera."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np

from training.scenes import animals, brush, camera, objects, shadows, tableware, vehicles
from training.scenes.camera import Defects, Picture
from training.scenes.canvas import Array, Frame, Size, blurred, chance, over, smoothstep
from training.scenes.colours import palette
from training.scenes.indoor import INDOOR, Ground
from training.scenes.outdoor import OUTDOOR
from training.scenes.shading import Light
from training.scenes.subjects import RENDERED, Stage, Subject

Painter = Callable[[np.random.Generator, Stage], Subject]

THINGS: Mapping[str, Painter] = MappingProxyType(
    {
        "solid": objects.solid,
        "ring": objects.ring,
        "box": objects.box,
        "glass": objects.glass,
        "group": objects.group,
        "plant": objects.plant,
        "wire": objects.wire,
        "bottle": tableware.bottle,
        "dish": tableware.dish,
        "cup": tableware.cup,
        "board": tableware.board,
        "cutlery": tableware.cutlery,
        "vase": tableware.vase,
    }
)
BEINGS: Mapping[str, Painter] = MappingProxyType(
    {
        "animal standing": animals.standing,
        "animal lying": animals.lying,
        "animal frontal": animals.frontal,
        "bird": animals.bird,
        "person": animals.person,
        "car": vehicles.car,
        "car three-quarter": vehicles.front,
    }
)
SUBJECTS: Mapping[str, Painter] = MappingProxyType({**THINGS, **BEINGS})
GROUNDS: Mapping[str, Callable[[np.random.Generator, Size], Ground]] = MappingProxyType({**INDOOR, **OUTDOOR})
SHAPES = ((1, 1), (3, 4), (2, 3), (9, 16), (4, 3), (3, 2))  # height to width
SHAPE_ODDS = (0.25, 0.22, 0.25, 0.1, 0.1, 0.08)


@dataclass(frozen=True)
class Scene:
    """`picture` (height, width, 3) RGB before JPEG, `alpha` (height, width), both uint8; what was drawn beside them."""

    picture: Picture
    alpha: Picture
    subject: str
    material: str
    ground: str
    coverage: float
    occluded: bool
    defects: Defects


def canvas_size(rng: np.random.Generator, longer: int) -> Size:
    height, width = SHAPES[int(rng.choice(len(SHAPES), p=SHAPE_ODDS))]
    unit = longer / max(height, width)
    return max(8, round(height * unit)), max(8, round(width * unit))


def _kinds(rng: np.random.Generator) -> tuple[str, str]:
    """Subjects and grounds that go together, and any with any at times."""
    draw = rng.random()
    if draw < 0.5:
        beings = list(BEINGS)
        subject = str(rng.choice(beings, p=[0.2, 0.2, 0.18, 0.06, 0.06, 0.12, 0.18]))
        roads = ["road", "road", "meadow", "backdrop"]
        ground = str(
            rng.choice(roads if subject.startswith("car") else ["meadow", "meadow", "jungle", "backdrop", "road"])
        )
        return subject, ground
    if draw < 0.85:
        return str(rng.choice(list(THINGS))), str(rng.choice(list(INDOOR)))
    return str(rng.choice(list(SUBJECTS))), str(rng.choice(list(GROUNDS)))


def _frame(rng: np.random.Generator, size: Size, kind: str) -> Frame:
    """Mostly near the middle and whole; large ones leave the picture."""
    height, width = size
    upright = kind in BEINGS or kind in {"bottle", "cup", "vase", "plant", "glass", "box"}
    reach = float(np.clip(np.exp(rng.normal(-0.08, 0.3)), 0.3, 1.6))
    if kind.startswith("car"):
        reach = min(reach, 1.1)
    scale = reach * min(height, width) / 2 * (1.2 if width > height and kind in BEINGS else 1.0)
    loose_x = abs(width / 2 - scale * 0.6) * 0.8 + width * 0.03
    loose_y = height * 0.08
    x, y = width / 2 + rng.normal(0, 0.45) * loose_x, height * rng.uniform(0.5, 0.58) + rng.normal(0, 1) * loose_y
    angle = rng.normal(0, 0.05) if upright else rng.uniform(-np.pi, np.pi)
    return Frame(size, float(scale), (float(x), float(y)), float(angle), bool(chance(rng, 0.5)))


def _subject(rng: np.random.Generator, size: Size, light: Light, kind: str) -> Subject:
    """Draws until the subject covers between 5 and 85 % of the picture; gives the last try after four."""
    for _ in range(4):
        subject = SUBJECTS[kind](rng, Stage(_frame(rng, size, kind), light))
        if 0.05 < float(subject.alpha.mean()) < 0.85:
            break
    return subject


def _focused(rng: np.random.Generator, ground: Ground, foot: float) -> Array:
    """Depth of field: sharp at the subject's foot, softer away from it; all sharp at times."""
    height, width = ground.light.shape[:2]
    sigma = max(height, width) * float(np.exp(rng.uniform(-6.5, -3.6)))
    if chance(rng, 0.3) or sigma < 0.4:
        return ground.light
    soft = blurred(ground.light, sigma)
    if ground.horizon is None:
        return soft if chance(rng, 0.2) else ground.light
    rows = np.arange(height, dtype=np.float32)[:, None]
    span = max(foot - ground.horizon, height * 0.1)
    share = smoothstep(np.abs(rows - foot) / span, 0.15, 1.0)
    share = np.broadcast_to(np.where(rows < ground.horizon, 1.0, share), (height, width)).astype(np.float32)
    return over(soft, share, ground.light)


def _occluder(rng: np.random.Generator, size: Size, foot: float) -> tuple[Array, Array]:
    """Blades or leaves before the subject, near its foot: (light, mask)."""
    height, width = size
    count = int(rng.integers(20, 260))
    colours = palette(rng, str(rng.choice(["foliage", "foliage", "dry"])), 6, 0.5)
    drawn = np.zeros((height, width, 3), np.uint8)
    depth = rng.uniform(0.0, 0.12) * height
    roots = np.stack([rng.uniform(0, width, count), rng.uniform(foot, foot + depth + 2, count)], axis=1).astype(
        np.float32
    )
    if chance(rng, 0.5):
        roots[:, 0] = rng.normal(rng.uniform(0, width), width * 0.2, count)
    lengths = (height * rng.uniform(0.02, 0.14) * rng.uniform(0.4, 1.4, count)).astype(np.float32)
    state = rng.bit_generator.state
    brush.blades(rng, drawn, roots, lengths, colours)
    rng.bit_generator.state = state
    stencil = np.zeros((height, width, 3), np.uint8)
    brush.blades(rng, stencil, roots, lengths, np.ones_like(colours))
    mask = np.asarray(stencil[..., 0].astype(np.float32) / np.float32(255), dtype=np.float32)
    sigma = float(rng.choice([0.0, 0.0, 0.8, 2.0])) * max(size) / 384
    light: Array = brush.light(drawn) / np.maximum(mask, np.float32(0.05))[..., None] ** 2
    return blurred(np.asarray(np.clip(light, 0, 1), dtype=np.float32), sigma), blurred(mask, sigma)


@dataclass(frozen=True)
class Choice:
    """A kind of ground and what paints a subject for it."""

    ground: str
    paint: Callable[[np.random.Generator, Size, Light], Subject]


Source = Callable[[np.random.Generator], Choice]


def drawn(rng: np.random.Generator) -> Choice:
    """Our own painters as the source of subjects."""
    kind, ground = _kinds(rng)
    return Choice(ground, partial(_subject, kind=kind))


def scene(rng: np.random.Generator, longer: int, source: Source = drawn) -> Scene:
    """A scene whose longer side has `longer` pixels, its subject from `source`."""
    size = canvas_size(rng, longer)
    light = Light.drawn(rng)
    choice = source(rng)
    ground = GROUNDS[choice.ground](rng, size)
    subject = choice.paint(rng, size, light)
    alpha = subject.alpha
    if subject.material != RENDERED:
        alpha = blurred(alpha, float(rng.choice([0.0, 0.5, 0.9])))
    back = _shaded(rng, _focused(rng, ground, subject.foot), alpha, ground, subject.foot, light)
    view = over(_blended(rng, subject, back), alpha, back)
    occluded = ground.outdoor and chance(rng, 0.35)
    if occluded:
        blades, mask = _occluder(rng, size, subject.foot)
        view, alpha = over(blades, mask, view), (alpha * (1 - mask)).astype(np.float32)
    return taken(
        rng, view, Subject(subject.light, alpha, subject.kind, subject.material, subject.foot), ground.kind, occluded
    )


def taken(rng: np.random.Generator, view: Array, subject: Subject, ground: str, occluded: bool = False) -> Scene:  # noqa: FBT001, FBT002
    """The picture that a camera makes of light (height, width, 3) with this subject in it."""
    defects = Defects.drawn(rng, max(view.shape))
    picture = camera.developed(rng, view, defects)
    alpha = blurred(subject.alpha, defects.blur)
    mask = np.clip(alpha * 255 + 0.5, 0, 255).astype(np.uint8)
    return Scene(picture, mask, subject.kind, subject.material, ground, float(alpha.mean()), occluded, defects)


def _shaded(rng: np.random.Generator, back: Array, alpha: Array, ground: Ground, foot: float, light: Light) -> Array:
    shade = shadows.lying(rng, alpha, light) if ground.horizon is None else shadows.standing(rng, alpha, foot, light)
    tint = np.array([0.02, 0.02, 0.03], np.float32) + back.mean(axis=(0, 1)) * 0.15
    return over((back * tint).astype(np.float32), shade, back)


def _blended(rng: np.random.Generator, subject: Subject, back: Array) -> Array:
    """The subject in its surroundings' light: exposure matched loosely, colour spilled, haze, its own blur at times."""
    around = back.mean(axis=(0, 1))
    lightness = float(around.mean())
    match = np.float32((lightness / 0.25) ** rng.uniform(0.0, 0.5))
    spill = 1 + (around / (lightness + 1e-4) - 1) * np.float32(rng.uniform(0, 0.4))
    front = subject.light * np.clip(match, 0.35, 1.7) * spill
    if chance(rng, 0.25):
        front = blurred(front.astype(np.float32), float(rng.uniform(0.4, 1.2)))
    return np.asarray(np.clip(front, 0, 2), dtype=np.float32)
