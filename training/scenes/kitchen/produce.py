"""Whole ingredients: vegetables, fruit, eggs, cheese, butter, herbs, meat."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from training.scenes.canvas import chance
from training.scenes.kitchen.mesh import Mesh, Outline, Pose, Thing, bent, loft, tube, turned
from training.scenes.kitchen.morsels import MORSELS, Hsv, shade
from training.scenes.kitchen.patch import At, Patch
from training.scenes.kitchen.surface import Surface
from training.scenes.textures import noise


def _skin(rng: np.random.Generator, hsv: Hsv, mottle: float = 0.2, gloss: float = 0.6, rough: float = 0.3) -> Surface:
    field = 1 + (noise(rng, (64, 64), 7, 4) - 0.5) * mottle
    return Surface(np.clip(shade(rng, hsv, 0.07) * field[..., None], 0, 1).astype(np.float32), gloss, rough)


def _ball(skin: Surface, radius: float, tall: float, dent: float = 0.0) -> Mesh:
    """A round fruit on its foot; `dent` sinks the top."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 13)
    out, up = np.cos(angle), np.sin(angle) * 0.5 + 0.5 - dent * np.maximum(np.sin(angle), 0) ** 12
    return turned([(float(x) * radius, float(z) * tall) for x, z in zip(out, up, strict=True)], skin, 26)


def _stalk(z: float, thick: float, colour: Hsv, rng: np.random.Generator) -> Mesh:
    lean = rng.normal(0, 0.4, 2)
    return tube([[0, 0, z - 0.5], [lean[0], lean[1], z + 0.9]], [[thick, thick]], _skin(rng, colour), 6)


def tomato(rng: np.random.Generator) -> Thing:
    radius = rng.uniform(2.8, 3.9)
    hsv = (0.0, 0.9, 0.78) if chance(rng, 0.85) else (0.1, 0.85, 0.92)
    tall = radius * 1.6
    sepals = [
        tube(
            [[0, 0, tall * 0.93], [np.cos(a) * 1.6, np.sin(a) * 1.6, tall * 0.95]],
            [[0.35, 0.12], [0.1, 0.1]],
            _skin(rng, (0.28, 0.7, 0.4)),
            6,
        )
        for a in np.arange(5) * 1.26
    ]
    return [_ball(_skin(rng, hsv, 0.1, 1.0, 0.1), radius, tall, 0.1), *sepals]


def lemon(rng: np.random.Generator) -> Thing:
    skin = _skin(rng, (0.145, 0.85, 0.95) if chance(rng, 0.65) else (0.22, 0.75, 0.6), 0.15, 0.6, 0.4)
    radii = np.array([0.15, 0.75, 1.6, 2.3, 2.6, 2.3, 1.6, 0.8, 0.35])
    return [tube([[x, 0, 2.6] for x in np.linspace(-3.7, 3.8, 9)], np.stack([radii, radii], axis=1), skin, 18)]


def onion(rng: np.random.Generator) -> Thing:
    hsv = (0.08, 0.62, 0.75) if chance(rng, 0.6) else (0.93, 0.6, 0.42)
    skin, r = _skin(rng, hsv, 0.4, 0.8, 0.25), rng.uniform(2.8, 3.8)
    return [
        turned(
            [
                (0, 0),
                (r * 0.5, 0.2),
                (r * 0.95, r * 0.6),
                (r, r),
                (r * 0.75, r * 1.5),
                (0.5, r * 1.85),
                (0.35, r * 2.3),
                (0, r * 2.3),
            ],
            skin,
        )
    ]


def garlic(rng: np.random.Generator) -> Thing:
    skin, r = _skin(rng, (0.1, 0.08, 0.94), 0.12, 0.3), rng.uniform(2.1, 2.7)
    cloves = [
        _ball(skin, r * 0.55, r * 1.5).placed(Pose(np.cos(a) * r * 0.5, np.sin(a) * r * 0.5))
        for a in np.arange(6) * 1.05
    ]
    return [*cloves, _stalk(r * 1.5, 0.4, (0.1, 0.12, 0.88), rng)]


def potato(rng: np.random.Generator) -> Thing:
    skin = _skin(rng, (0.1, rng.uniform(0.4, 0.6), rng.uniform(0.55, 0.85)), 0.45, 0.2, 0.7)
    ball = _ball(skin, 1.0, 1.5)
    return [ball.scaled(rng.uniform(3.4, 5), rng.uniform(2.5, 3.2), rng.uniform(2.6, 3.2))]


def carrot(rng: np.random.Generator) -> Thing:
    skin = _skin(rng, (0.065, 0.88, 0.93), 0.25, 0.4)
    long, r = rng.uniform(13, 19), rng.uniform(1.3, 1.9)
    body = tube([[x, 0, r] for x in np.linspace(-long / 2, long / 2, 7)], [[r, r], [0.3, 0.3]], skin, 14)
    top = -long / 2
    leaves: Thing = []
    for y in (-1.2, 0.0, 1.2) if chance(rng, 0.5) else ():
        path = bent([[top, 0, r], [top - 3, y, r + 1], [top - rng.uniform(5, 9), y * 2.5, 0.6]])
        leaves.append(tube(path, [[0.25, 0.25]], _skin(rng, (0.29, 0.7, 0.5)), 5))
    return [body, *leaves]


def cucumber(rng: np.random.Generator) -> Thing:
    hsv = (0.3, 0.7, 0.34) if chance(rng, 0.7) else (0.78, 0.55, 0.2)
    long, r, bend = rng.uniform(15, 22), rng.uniform(1.8, 2.7), rng.uniform(-1.5, 1.5)
    x = np.linspace(-1, 1, 9)
    wide = r * np.sqrt(np.clip(1.02 - np.abs(x) ** 6, 0, 1))
    path = np.stack([x * long / 2, bend * x**2, np.full(9, r)], axis=1)
    return [tube(path, np.stack([wide, wide], axis=1), _skin(rng, hsv, 0.5, 0.8, 0.25), 16)]


def pepper(rng: np.random.Generator) -> Thing:
    skin = _skin(rng, (float(rng.choice([0.0, 0.03, 0.13, 0.28])), 0.92, 0.8), 0.1, 1.0, 0.08)
    lobes: Thing = [
        _ball(skin, 2.4, 7.2, 0.14).placed(Pose(np.cos(a) * 1.7, np.sin(a) * 1.7)) for a in np.arange(4) * 1.57
    ]
    return [*lobes, _stalk(6.9, 0.5, (0.27, 0.65, 0.45), rng)]


def egg(rng: np.random.Generator) -> Thing:
    skin = _skin(rng, (0.07, rng.uniform(0.05, 0.4), rng.uniform(0.82, 0.96)), 0.06, 0.35, 0.6)
    radii = np.array([0.1, 1.3, 1.9, 2.15, 2.05, 1.65, 0.95, 0.1])
    x = np.array([-2.8, -2.3, -1.5, -0.4, 0.8, 1.9, 2.6, 2.9])
    return [tube(np.stack([x, x * 0, x * 0 + 2.1], axis=1), np.stack([radii, radii], axis=1), skin, 18)]


def mushroom(rng: np.random.Generator) -> Thing:
    skin = _skin(rng, (0.08, rng.uniform(0.05, 0.4), rng.uniform(0.6, 0.95)), 0.15, 0.2, 0.7)
    return [turned([(0, 0), (0.9, 0), (0.8, 1.5), (2.1, 1.5), (2.3, 2.2), (1.7, 3.2), (0.8, 3.6), (0, 3.7)], skin, 22)]


def broccoli(rng: np.random.Generator) -> Thing:
    hsv = (0.28, 0.7, 0.38) if chance(rng, 0.7) else (0.12, 0.14, 0.93)
    skin, stem = _skin(rng, hsv, 1.0, 0.1, 0.9), _skin(rng, (0.22, 0.35, 0.75))
    heads = []
    for _ in range(22):
        a, out = rng.uniform(0, 6.3), 4.2 * np.sqrt(rng.random())
        z = 2.5 + np.sqrt(max(0.0, 20 - out**2)) * 0.8
        heads.append(_ball(skin, rng.uniform(1.1, 1.7), 2.2).placed(Pose(np.cos(a) * out, np.sin(a) * out, z)))
    return [turned([(1.6, 0), (1.9, 3), (3.2, 5)], stem, 14), *heads]


def cheese(rng: np.random.Generator) -> Thing:
    skin = _skin(rng, (0.13, rng.uniform(0.2, 0.6), 0.95), 0.08, 0.3, 0.6)
    return [_block(skin, rng.uniform(4, 6), rng.uniform(2.5, 4), rng.uniform(3, 4.5))]


def butter(rng: np.random.Generator) -> Thing:
    return [_block(_skin(rng, (0.14, 0.4, 0.97), 0.05, 0.5, 0.4), 5, 2.8, 2.8)]


def _block(skin: Surface, x: float, y: float, tall: float) -> Mesh:
    return loft(Outline(x, y, 0.3), [[-x, 0], [0, 0], [0, tall - 0.15], [-0.15, tall], [-x, tall]], skin, 24)


def chilli(rng: np.random.Generator) -> Thing:
    skin = _skin(rng, (0.0 if chance(rng, 0.7) else 0.28, 0.92, 0.75), 0.1, 1.0, 0.1)
    path = bent([[-4, 0, 0.7], [0, rng.uniform(-1.5, 1.5), 0.7], [5, rng.uniform(-1, 1), 0.4]])
    stem = tube([[-4, 0, 0.7], [-5.6, 0.3, 0.9]], [[0.25, 0.25]], _skin(rng, (0.28, 0.6, 0.45)), 6)
    return [tube(path, [[0.85, 0.75], [0.1, 0.1]], skin, 10), stem]


def leek(rng: np.random.Generator) -> Thing:
    thing = []
    for y in np.linspace(-1.5, 1.5, int(rng.integers(1, 4))):
        bulb = tube([[-9, y, 0.9], [2, y, 0.9]], [[0.9, 0.85], [0.8, 0.8]], _skin(rng, (0.2, 0.12, 0.94)), 10)
        green = tube([[2, y, 0.9], [12, y * 1.7, 0.6]], [[0.8, 0.8], [1.3, 0.3]], _skin(rng, (0.28, 0.6, 0.5), 0.4), 8)
        thing += [bulb, green]
    return thing


def _laid(rng: np.random.Generator, reach: tuple[float, float], pieces: list[tuple[str, At]], gloss: float) -> Thing:
    patch = Patch(rng, reach)
    for name, at in pieces:
        patch.stamp(MORSELS[name], at)
    return [patch.mesh(gloss, 0.4)]


def herbs(rng: np.random.Generator) -> Thing:
    """A bunch of leaves."""
    name = str(rng.choice(["basil", "basil", "spinach", "lettuce"]))
    spots = rng.normal(0, [3.2, 2.2], (int(rng.integers(16, 34)), 2))
    return _laid(rng, (16, 12), [(name, At(x, y, rng.uniform(0, 6.3), 0.85)) for x, y in spots.clip(-5.5, 5.5)], 0.3)


def meat(rng: np.random.Generator) -> Thing:
    """One or two raw or marinated pieces."""
    name = str(rng.choice(["salmon", "chicken breast", "raw beef", "raw chicken", "white fish"]))
    size = 1.0 if MORSELS[name].size[1] > 4 else 3.2
    places = [At(0, y, rng.normal(0, 0.2), size) for y in ((-3, 3) if chance(rng, 0.5) else (0,))]
    return _laid(rng, (16, 16), [(name, place) for place in places], 0.8)


def block_tofu(rng: np.random.Generator) -> Thing:
    return [_block(_skin(rng, (0.12, 0.12, 0.95), 0.05, 0.4, 0.5), 4.5, 3.5, 4)]


PRODUCE: Mapping[str, Callable[[np.random.Generator], Thing]] = MappingProxyType(
    {
        "tomato": tomato,
        "lemon": lemon,
        "onion": onion,
        "garlic": garlic,
        "potato": potato,
        "carrot": carrot,
        "cucumber": cucumber,
        "pepper": pepper,
        "egg": egg,
        "mushroom": mushroom,
        "broccoli": broccoli,
        "cheese": cheese,
        "butter": butter,
        "chilli": chilli,
        "leek": leek,
        "herbs": herbs,
        "meat": meat,
        "tofu": block_tofu,
    }
)
