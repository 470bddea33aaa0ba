"""Pots, pans, trays, dishes, bowls and plates, empty."""

from dataclasses import dataclass, replace

import numpy as np

from training.scenes.canvas import chance
from training.scenes.kitchen.mesh import Mesh, Outline, Pose, Thing, aloft, bent, loft, placed, tube, turned, wound
from training.scenes.kitchen.surface import Surface, plain, stuff


@dataclass(frozen=True, eq=False)
class Vessel:
    """`outline` is the inside's at its `floor` (z in cm); the wall is `depth` high and leans out by `flare` per cm.

    `radius` is that of the ground it needs, handles left out.
    """

    thing: Thing
    outline: Outline
    floor: float
    depth: float
    flare: float
    radius: float

    def wide(self, level: float) -> Outline:
        """The inside's outline at `level` cm above the floor."""
        out = self.flare * level
        return Outline(self.outline.x + out, self.outline.y + out, max(self.outline.corner + out, 0.1))

    def with_parts(self, *parts: Mesh) -> "Vessel":
        return replace(self, thing=[*self.thing, *parts])

    def at(self, pose: Pose) -> Thing:
        return placed(self.thing, pose)


@dataclass(frozen=True, eq=False)
class Build:
    """A body: `tall` and `wall` in cm, `flare` outwards per cm, `foot` the roundness below, its two surfaces."""

    tall: float
    flare: float
    wall: float
    foot: float
    outside: Surface
    inside: Surface


def body(outline: Outline, build: Build) -> Vessel:
    """A hollow body with a rounded rim; `outline` is the outside's at the counter."""
    top, wall, foot = build.flare * build.tall, build.wall, min(build.foot, build.tall * 0.8)
    low = build.flare * foot
    outer = [
        [-outline.reach, 0],
        [-foot, 0],
        [-foot * 0.3 + low * 0.3, foot * 0.3],
        [low, foot],
        [top, build.tall - 0.1],
        [top + 0.15, build.tall],
    ]
    floor = wall if foot < 2.5 else wall * 1.5
    inner = [
        [top + 0.15, build.tall],
        [top - wall, build.tall],
        [top - wall - 0.1, build.tall - 0.3],
        [low - wall, foot + floor],
        [-foot * 0.3 + low * 0.3 - wall, foot * 0.3 + floor],
        [-foot - wall, floor],
        [-outline.reach, floor],
    ]
    thing = [wound(loft(outline, outer, build.outside), 16), loft(outline, inner, build.inside)]
    inside = Outline(outline.x - wall, outline.y - wall, max(outline.corner - wall, 0.1))
    return Vessel(thing, inside, floor, build.tall - floor, build.flare, outline.reach + top)


def long_handle(rng: np.random.Generator, start: tuple[float, float], length: float) -> Thing:
    """From (distance, z) straight out along +x, rising a little; a steel, dark or wooden grip."""
    x, z = start
    rise = length * rng.uniform(0.02, 0.3)
    path = bent([[x - 0.4, 0, z], [x + length * 0.3, 0, z + rise * 0.55], [x + length, 0, z + rise]])
    along = np.linspace(0, 1, len(path))
    wide = np.interp(along, [0, 0.15, 0.35, 0.8, 1], [0.8, 0.7, 0.9, 1.25, 1.0]) * rng.uniform(0.8, 1.3)
    skin = stuff(rng, "steel", "plastic", "plastic", "timber", "iron")
    grip = tube(path, np.stack([wide, wide * rng.uniform(0.4, 0.65)], axis=1), skin)
    bracket = tube(
        [[x - 0.9, 0, z - 0.1], [x + 2.2, 0, z + rise * 0.2]], [[1.4, 0.3], [1.0, 0.55]], stuff(rng, "steel", "iron")
    )
    return aloft([grip, bracket])


def loop_handles(rng: np.random.Generator, start: tuple[float, float], wide: float, skin: Surface) -> Thing:
    """Two ears at (distance, z) on both ends of x, `wide` cm half across."""
    x, z = start
    out, lift, thick = wide * rng.uniform(0.55, 0.95), rng.uniform(-0.3, 1.2), rng.uniform(0.35, 0.7)
    corners = [[x - 0.5, -wide, z], [x + out * 0.7, -wide, z + lift * 0.6], [x + out, -wide * 0.5, z + lift]]
    path = bent(np.array([*corners, *[[a, -b, c] for a, b, c in reversed(corners)]]))
    ear = tube(path, [[thick, thick * rng.uniform(0.7, 1.2)]], skin, 8)
    return aloft([ear, ear.placed(Pose(yaw=np.pi))])


def _cook_surfaces(rng: np.random.Generator, style: str) -> tuple[Surface, Surface]:
    """Outside and inside of cookware of one style."""
    if style == "steel":
        skin = stuff(rng, "steel")
        return skin, skin if chance(rng, 0.7) else stuff(rng, "steel", "iron")
    if style == "enamel":
        return stuff(rng, "enamel"), stuff(rng, "porcelain", "iron", "stoneware")
    if style == "copper":
        return stuff(rng, "copper"), stuff(rng, "steel")
    return stuff(rng, "iron", "speckled", "enamel"), stuff(rng, "iron", "iron", "speckled")


def frying_pan(rng: np.random.Generator, style: str) -> Vessel:
    """Shallow with leaning sides and one long handle."""
    radius, tall = rng.uniform(9.5, 13.5), rng.uniform(3.4, 5.2)
    outside, inside = _cook_surfaces(rng, style)
    pan = body(Outline.round(radius), Build(tall, rng.uniform(0.25, 0.7), 0.35, rng.uniform(0.5, 1.6), outside, inside))
    return pan.with_parts(*long_handle(rng, (pan.radius - 0.2, tall * 0.75), radius * rng.uniform(1.35, 1.75)))


def serving_pan(rng: np.random.Generator, style: str) -> Vessel:
    """Wide and shallow with two ears: paella pan, low casserole."""
    radius, tall = rng.uniform(13, 17.5), rng.uniform(3.8, 6.2)
    outside, inside = _cook_surfaces(rng, style)
    pan = body(Outline.round(radius), Build(tall, rng.uniform(0.05, 0.5), 0.4, rng.uniform(0.5, 1.5), outside, inside))
    skin = outside if chance(rng, 0.5) else stuff(rng, "steel", "iron")
    return pan.with_parts(*loop_handles(rng, (pan.radius - 0.1, tall * 0.8), rng.uniform(3.4, 5.0), skin))


def pot(rng: np.random.Generator, style: str, radius: float) -> Vessel:
    """Deep with upright sides and two ears."""
    tall = radius * rng.uniform(1.05, 1.45)
    outside, inside = _cook_surfaces(rng, style)
    wall = 0.4 if style == "steel" else rng.uniform(0.4, 0.7)
    made = body(Outline.round(radius), Build(tall, rng.uniform(0, 0.06), wall, rng.uniform(0.6, 1.8), outside, inside))
    skin = outside if chance(rng, 0.6) else stuff(rng, "steel", "iron", "plastic")
    wide = 2.2 + radius * rng.uniform(0.1, 0.16)
    return made.with_parts(*loop_handles(rng, (made.radius - 0.1, tall * rng.uniform(0.72, 0.86)), wide, skin))


def saucepan(rng: np.random.Generator, style: str) -> Vessel:
    """Deep for its width with upright sides and one long handle."""
    radius = rng.uniform(7, 9.5)
    tall = radius * rng.uniform(1.0, 1.35)
    outside, inside = _cook_surfaces(rng, style)
    made = body(Outline.round(radius), Build(tall, rng.uniform(0, 0.1), 0.35, rng.uniform(0.5, 1.4), outside, inside))
    return made.with_parts(*long_handle(rng, (made.radius - 0.1, tall * 0.84), radius * rng.uniform(1.9, 2.5)))


def grill_pan(rng: np.random.Generator) -> Vessel:
    """Square with a ridged floor and one long handle."""
    half, tall = rng.uniform(11, 13.5), rng.uniform(3.0, 4.5)
    outside, inside = _cook_surfaces(rng, "iron")
    shade = rng.uniform(0.012, 0.05)
    inside = plain(np.full(3, shade), 0.8, 0.5)
    outline = Outline(half, half, rng.uniform(1.5, 3))
    pan = body(outline, Build(tall, rng.uniform(0.05, 0.25), 0.4, 0.6, outside, inside))
    ridges: Thing = []
    room = pan.wide(0)
    step = rng.uniform(1.5, 2.1)
    for y in np.arange(-room.y + 1.4, room.y - 1.2, step).tolist():
        path = [[-room.x + 0.8, y, pan.floor], [room.x - 0.8, y, pan.floor]]
        ridges.append(tube(path, [[0.42, 0.55], [0.42, 0.55]], plain(np.full(3, shade * 1.5), 1.0, 0.4), 6))
    parts = [*ridges, *long_handle(rng, (half + 0.3, tall * 0.75), half * rng.uniform(1.3, 1.6))]
    return pan.with_parts(*parts)


def oven_tray(rng: np.random.Generator) -> Vessel:
    """A wide flat sheet with a low rim."""
    outline = Outline(rng.uniform(19, 23), rng.uniform(14, 17.5), rng.uniform(1, 3))
    skin = stuff(rng, "iron", "iron", "aluminium", "steel", "speckled")
    low = Build(rng.uniform(1.6, 2.8), rng.uniform(0.2, 0.8), 0.25, 0.4, skin, skin)
    tray = body(outline, low)
    edge = low.flare * low.tall
    lip = [[edge - 0.2, low.tall - 0.1], [edge + rng.uniform(0.5, 1.2), low.tall - 0.1], [edge - 0.2, low.tall + 0.05]]
    return tray.with_parts(loft(outline, lip, skin))


def oven_dish(rng: np.random.Generator) -> Vessel:
    """Deep earthenware, oblong or oval, with a tab at each end."""
    tall = rng.uniform(5, 7)
    x, y = rng.uniform(13, 17), rng.uniform(9, 11.5)
    outline = Outline(x, y, rng.uniform(2, 4) if chance(rng, 0.65) else y * 0.98)
    outside = stuff(rng, "enamel", "porcelain", "stoneware")
    inside = stuff(rng, "porcelain") if chance(rng, 0.55) else outside
    made = body(outline, Build(tall, rng.uniform(0.05, 0.25), 0.75, 1.2, outside, inside))
    top = made.flare * tall
    tab = loft(
        Outline(2.6, rng.uniform(2.5, 5), 2.2), [[-2.6, 0], [0, 0], [0.2, 0.4], [0, 0.8], [-2.6, 0.8]], outside, 24
    )
    ends = [tab.placed(Pose(side * (x + top + 0.4), 0, tall - 1.1)) for side in (-1, 1)]
    inner = aloft([_without_middle(end, made.outline.x + top) for end in ends])
    return made.with_parts(*inner)


def _without_middle(mesh: Mesh, limit: float) -> Mesh:
    """Leaves out the faces that would reach into the vessel."""
    keep = (np.abs(mesh.points[mesh.faces][..., 0]) > limit).all(axis=1)
    return replace(mesh, faces=mesh.faces[keep])


def bowl(rng: np.random.Generator, radius: float, *names: str) -> Vessel:
    """Round below and open wide, without handles; `radius` is the rim's."""
    skin = stuff(rng, *names)
    tall, foot = radius * rng.uniform(0.52, 0.72), radius * rng.uniform(0.4, 0.55)
    out = foot + (radius - foot) * np.sin(np.linspace(0, np.pi / 2, 8)) ** 0.8
    up = 0.4 + (tall - 0.4) * (1 - np.cos(np.linspace(0, np.pi / 2, 8)))
    wall = 0.3 if skin.metal else 0.5
    outer = [(0.0, 0.0), (foot, 0.0), *zip(out.tolist(), up.tolist(), strict=True), (radius + 0.3, tall + 0.15)]
    inner = [
        (radius + 0.3, tall + 0.15),
        (radius - wall, tall),
        *[(x - wall, z + wall * 0.5) for x, z in zip(out[::-1][1:].tolist(), up[::-1][1:].tolist(), strict=True)],
        (0.0, 0.9),
    ]
    thing = [turned(outer, skin, 48), turned(inner, skin, 48)]
    return Vessel(
        thing, Outline.round(foot + (radius - foot) * 0.25), 0.8, tall - 0.8, (radius - foot) * 0.75 / tall, radius
    )


def plate(rng: np.random.Generator, *, deep: bool) -> Vessel:
    """A dinner plate or a coupe, flat but for its rim; `deep`: a soup plate."""
    radius = rng.uniform(12.5, 15) if not deep else rng.uniform(10.5, 12.5)
    well, lift = radius * rng.uniform(0.62, 0.88), rng.uniform(2.8, 3.8) if deep else rng.uniform(1.4, 2.4)
    skin = stuff(rng, "porcelain", "porcelain", "porcelain", "stoneware", "stoneware", "enamel", "iron")
    slope = lift * (0.85 if deep else 0.45)
    outer = [(0.0, 0.0), (well * 0.7, 0.0), (well * 0.85, 0.3), (radius - 0.2, lift - 0.4), (radius, lift)]
    inner = [
        (radius, lift),
        (radius - 0.3, lift),
        (well + 0.5, slope + 0.4),
        (well * 0.9, 0.8),
        (well * 0.75, 0.6),
        (0.0, 0.6),
    ]
    thing = [turned(outer, skin, 56), turned(inner, skin, 56)]
    return Vessel(thing, Outline.round(well * (0.82 if deep else 0.97)), 0.6, slope, 0.6 if deep else 1.2, radius)
