"""Kitchen tools and tableware that lie about: spoons, knives, whisks, forks, bottles, jars, lids, hands."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from training.scenes.canvas import chance
from training.scenes.colours import from_hsv
from training.scenes.kitchen.mesh import Mesh, Outline, Pose, Thing, Way, bent, loft, slab, tube, turned
from training.scenes.kitchen.surface import Surface, plain, stuff


def _rod(length: float, start: float, thick: tuple[float, float], skin: Surface) -> Mesh:
    """A handle along x from `start` to the left, a little thicker at its end."""
    path = [[start, 0, thick[1] + 0.1], [start - length * 0.5, 0, thick[1] + 0.2], [start - length, 0, thick[1] + 0.1]]
    wide = np.array([[0.75, 0.9], [0.9, 1.0], [1.15, 1.1]]) * thick
    return tube(path, wide, skin, 8)


def _oval(x: float, long: float, wide: float, tall: float, skin: Surface) -> Mesh:
    """A flattened ball, for the head of a spoon."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 9)
    ball = turned([(float(np.cos(a)), float(np.sin(a)) + 1) for a in angle], skin, 20)
    return ball.scaled(long, wide, tall / 2).placed(Pose(x))


def wooden_spoon(rng: np.random.Generator) -> Thing:
    skin = stuff(rng, "timber", "timber", "plastic")
    long, wide = rng.uniform(2.8, 4), rng.uniform(1.9, 2.9)
    return [_oval(9, long, wide, 1.1, skin), _rod(rng.uniform(18, 25), 9.5 - long, (0.5, 0.4), skin)]


def spoon(rng: np.random.Generator) -> Thing:
    skin = stuff(rng, "steel", "steel", "copper")
    return [_oval(7, 2.9, 1.9, 0.9, skin), _rod(rng.uniform(11, 15), 4.5, (0.4, 0.18), skin)]


def fork(rng: np.random.Generator) -> Thing:
    skin = stuff(rng, "steel", "steel", "copper")
    head = np.array([[3, -0.35], [4.2, -1.1], [6.2, -1.1], [6.2, 1.1], [4.2, 1.1], [3, 0.35]], np.float32)
    tines = [tube([[6, y, 0.5], [8, y, 0.55], [9.6, y, 0.3]], [[0.2, 0.14]], skin, 6) for y in (-0.9, -0.3, 0.3, 0.9)]
    return [slab(head, 0.4, skin).placed(Pose(z=0.3)), *tines, _rod(12.5, 3.4, (0.42, 0.18), skin)]


def table_knife(rng: np.random.Generator) -> Thing:
    skin = stuff(rng, "steel", "steel", "copper")
    blade = np.array([[0, -0.7], [8, -0.9], [9.5, -0.3], [10, 0.5], [9, 0.7], [0, 0.5]], np.float32)
    return [slab(blade, 0.25, skin), _rod(10, 0.5, (0.65, 0.35), skin)]


def knife(rng: np.random.Generator) -> Thing:
    """A cook's knife: a broad blade to a point and a dark or wooden grip."""
    long, wide = rng.uniform(14, 20), rng.uniform(1.6, 2.5)
    blade = np.array(
        [[0, -wide], [long * 0.4, -wide * 0.95], [long * 0.75, -wide * 0.45], [long, wide * 0.7], [0, wide]], np.float32
    )
    grip = stuff(rng, "plastic", "timber", "timber", "iron")
    return [
        slab(blade, 0.3, stuff(rng, "steel")).placed(Pose(z=0.35)),
        _rod(rng.uniform(10, 12.5), 0.4, (1.1, 0.75), grip),
    ]


def spatula(rng: np.random.Generator) -> Thing:
    skin = stuff(rng, "plastic", "timber", "steel")
    wide = rng.uniform(2.2, 3.8)
    head = np.array([[2, -wide * 0.7], [10, -wide], [10.5, 0], [10, wide], [2, wide * 0.7]], np.float32)
    return [
        slab(head, 0.4, skin).placed(Pose(z=0.2)),
        _rod(rng.uniform(15, 21), 3, (0.6, 0.4), stuff(rng, "plastic", "timber", "steel")),
    ]


def whisk(rng: np.random.Generator) -> Thing:
    """Wire loops on a rod."""
    wire, thing = stuff(rng, "steel"), []
    turn = np.linspace(0, np.pi, 11)
    for lean in np.linspace(0, np.pi, 5)[:-1]:
        x, out = 1 + 11 * np.sin(turn / 2) ** 1.0 * np.ones_like(turn), 2.8 * np.sin(turn)
        half = np.stack([x, out * np.cos(lean), 2.9 + out * np.sin(lean)], axis=1)
        other = half[::-1] * [1, -1, 1] + np.array([0, 0, 0]) if lean == 0 else half[::-1] * [1, -1, -1] + [0, 0, 5.8]
        path = np.concatenate([half, other[1:]])
        thing.append(tube(path, [[0.13, 0.13]], wire, 5))
    grip = stuff(rng, "steel", "plastic", "timber")
    return [*thing, tube([[1.5, 0, 2.9], [-4, 0, 2], [-11, 0, 1]], [[0.8, 0.8], [0.9, 0.9], [1.1, 1.0]], grip, 8)]


def ladle(rng: np.random.Generator) -> Thing:
    skin = stuff(rng, "steel", "plastic", "timber")
    cup = turned([(0, 0), (2.5, 0.3), (4, 1.6), (4.3, 3), (4.0, 3), (2.4, 0.8), (0, 0.5)], skin, 24)
    return [cup.placed(Pose(8)), tube([[4.2, 0, 2.8], [-4, 0, 2.2], [-20, 0, 0.8]], [[0.5, 0.25]], skin, 8)]


def tongs(rng: np.random.Generator) -> Thing:
    skin = stuff(rng, "steel", "plastic")
    return [
        tube(
            [[-12, 0, 0.8], [0, side * 2.0, 0.8], [11, side * rng.uniform(1.2, 2.4), 0.7]],
            [[0.5, 0.7], [0.6, 0.8], [1.1, 0.6]],
            skin,
            8,
        )
        for side in (-1, 1)
    ]


def rolling_pin(rng: np.random.Generator) -> Thing:
    skin = stuff(rng, "timber", "timber", "timber", "porcelain")
    wide = [[0.9, 0.9], [1.2, 1.2], [2.7, 2.7], [2.7, 2.7], [1.2, 1.2], [0.9, 0.9]]
    return [tube([[x, 0, 2.7] for x in (-21, -14, -13, 13, 14, 21)], wide, skin, 16)]


def pepper_mill(rng: np.random.Generator) -> Thing:
    skin = stuff(rng, "timber", "timber", "steel", "plastic")
    return [
        turned(
            [(0, 0), (2.7, 0), (2.6, 1.5), (1.8, 5), (2.3, 9), (1.6, 11), (2.4, 13), (2, 15), (0.6, 16), (0, 16.2)],
            skin,
        )
    ]


def bottle(rng: np.random.Generator) -> Thing:
    """Oil or vinegar with a cap and at times a label."""
    radius, tall = rng.uniform(2.8, 3.8), rng.uniform(17, 24)
    colour = from_hsv(rng.choice([0.14, 0.2, 0.28, 0.06, 0.02]), rng.uniform(0.6, 0.95), rng.uniform(0.15, 0.6))
    shape = [
        (0.0, 0.0),
        (radius, 0.2),
        (radius, tall * 0.6),
        (1.4, tall * 0.78),
        (1.3, tall - 1),
        (1.0, tall),
        (0, tall),
    ]
    thing = [turned(shape, plain(colour, 1.0, 0.05))]
    if chance(rng, 0.6):
        band = [(radius + 0.06, tall * 0.15), (radius + 0.06, tall * 0.5)]
        thing.append(turned(band, stuff(rng, "porcelain", "stoneware", "enamel")))
    cap = [(1.6, tall - 1.6), (1.6, tall + 0.4), (1.3, tall + 0.6), (0, tall + 0.6)]
    return [*thing, turned(cap, stuff(rng, "plastic", "steel", "timber"), 16)]


def jar(rng: np.random.Generator) -> Thing:
    """A tin or a jar with something in it and a lid of metal."""
    radius, tall = rng.uniform(3, 4.4), rng.uniform(6, 12)
    inside = from_hsv(rng.choice([0.0, 0.05, 0.09, 0.12, 0.3]), rng.uniform(0.3, 0.9), rng.uniform(0.3, 0.95))
    wall = turned([(0, 0), (radius, 0.2), (radius, tall - 1.2), (radius - 0.5, tall - 0.6)], plain(inside, 1.0, 0.06))
    lid = [(radius - 0.2, tall - 0.9), (radius - 0.1, tall), (radius - 0.5, tall + 0.15), (0, tall + 0.1)]
    label = turned(
        [(radius + 0.05, tall * 0.2), (radius + 0.05, tall * 0.7)], stuff(rng, "porcelain", "enamel", "stoneware")
    )
    return [wall, turned(lid, stuff(rng, "steel", "copper", "enamel")), *([label] if chance(rng, 0.5) else [])]


def lid(rng: np.random.Generator, radius: float) -> Thing:
    """A pot's lid lying down: steel or enamel, domed, with a knob."""
    skin = stuff(rng, "steel", "steel", "iron", "enamel")
    rise = radius * rng.uniform(0.1, 0.22)
    dome = [(radius, 0.0), (radius, 0.4), (radius * 0.8, rise * 0.7), (radius * 0.4, rise), (0.0, rise)]
    knob = [(0.8, rise), (0.7, rise + 1.2), (1.7, rise + 1.8), (1.5, rise + 2.4), (0, rise + 2.5)]
    return [turned(dome, skin, 40), turned(knob, stuff(rng, "steel", "plastic", "iron"), 16)]


def hand(rng: np.random.Generator) -> Thing:
    """A forearm from the left with a loose hand at the origin, a sleeve at times."""
    shade = rng.uniform(0.25, 0.85)
    skin = plain(np.array([0.78, 0.5, 0.36]) * shade + np.array([0.02, 0.008, 0.0]), 0.25, 0.6)
    arm: Way = [[-40, 0, 7], [-22, 0, 6], [-10, 0, 5.2], [-6, 0, 5], [-2, 0, 4.6], [0.5, 0, 4.3]]
    wide = [[4.4, 4.0], [4.0, 3.6], [2.9, 2.3], [3.2, 2.0], [4.2, 1.6], [3.6, 1.3]]
    thing = [tube(bent(arm, 1), bent(wide, 1), skin, 14)]
    for index, (y, long) in enumerate(((-2.7, 5.5), (-0.9, 7), (0.9, 7.3), (2.7, 6.5))):
        curl = rng.uniform(0.5, 1.0)
        path: Way = [
            [-0.5, y, 4.3],
            [long * 0.5, y * 1.1, 4.3 - curl * 0.6 - 0.1 * index],
            [long, y * 0.95, 4.3 - curl * 3.2],
        ]
        thing.append(tube(bent(path), [[0.95, 0.95], [0.7, 0.65]], skin, 8))
    thumb = bent([[-4.5, -3.2, 4.6], [-0.5, -5.4, 3.8], [3, -4.6, 2.6]])
    thing.append(tube(thumb, [[1.3, 1.2], [0.8, 0.7]], skin, 8))
    if chance(rng, 0.6):
        cuff = [[-60, 0, 7.5], [-rng.uniform(14, 26), 0, 6]]
        thing.append(tube(cuff, [[5.2, 5.0], [4.7, 4.3]], stuff(rng, "stoneware", "plastic", "porcelain"), 14))
    return thing


def coaster(rng: np.random.Generator) -> Thing:
    radius = rng.uniform(8, 11)
    return [
        loft(Outline.round(radius), [[-radius, 0], [0, 0], [0, 0.8], [-0.3, 1], [-radius, 1]], stuff(rng, "timber"), 32)
    ]


LYING: Mapping[str, Callable[[np.random.Generator], Thing]] = MappingProxyType(
    {
        "wooden spoon": wooden_spoon,
        "spoon": spoon,
        "fork": fork,
        "knife": knife,
        "spatula": spatula,
        "whisk": whisk,
        "ladle": ladle,
        "tongs": tongs,
        "rolling pin": rolling_pin,
    }
)
STANDING: Mapping[str, Callable[[np.random.Generator], Thing]] = MappingProxyType(
    {"pepper mill": pepper_mill, "bottle": bottle, "jar": jar}
)
