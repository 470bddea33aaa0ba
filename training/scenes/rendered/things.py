"""Objects of kitchen, studio and shop as Blender assemblies, each about a metre in size and standing on z = 0."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import bpy
import numpy as np

from training.scenes.rendered import beings, materials, meshes
from training.scenes.rendered.meshes import Points
from training.scenes.rendered.palettes import chance

Assembly = tuple[list[bpy.types.Object], str]


def _dressed(rng: np.random.Generator, kind: str, *parts: bpy.types.Object) -> Assembly:
    """All parts in one material, or a few in another."""
    name, material = materials.thing(rng)
    other = materials.thing(rng)[1]
    for index, part in enumerate(parts):
        part.data.materials.append(other if index > 0 and chance(rng, 0.4) else material)
    return list(parts), f"{kind} {name}"


def _profile(points: list[tuple[float, float]]) -> Points:
    """A profile of radius and height with its corners rounded by resampling."""
    corners = np.array(points)
    share = np.linspace(0, 1, len(corners))
    fine = np.linspace(0, 1, len(corners) * 6)
    line = np.column_stack([np.interp(fine, share, corners[:, 0]), np.interp(fine, share, corners[:, 1])])
    padded = np.concatenate([line[:1]] * 2 + [line] + [line[-1:]] * 2)
    return np.asarray(sum(padded[k : k + len(line)] for k in range(5)) / 5)


def bottle(rng: np.random.Generator) -> Assembly:
    belly, neck, shoulder = rng.uniform(0.12, 0.28), rng.uniform(0.03, 0.08), rng.uniform(0.45, 0.75)
    body = meshes.lathe(
        "bottle",
        _profile(
            [(0.0, 0.0), (belly, 0.0), (belly, shoulder), (neck, shoulder + 0.15), (neck, 1.0), (neck * 0.9, 1.0)]
        ),
    )
    cap = meshes.lathe("cap", np.array([[0.001, 1.08], [neck * 1.2, 1.08], [neck * 1.2, 0.95]]))
    label = meshes.lathe("label", np.array([[belly * 1.01, 0.1], [belly * 1.01, shoulder * 0.8]]))
    return _dressed(rng, "bottle", body, cap, label)


def bowl(rng: np.random.Generator) -> Assembly:
    """A bowl, plate, cup or pan; heaped or empty, with or without a handle."""
    wide, tall, foot = rng.uniform(0.3, 0.6), rng.uniform(0.05, 0.7), rng.uniform(0.3, 0.95)
    shell = meshes.lathe(
        "shell",
        _profile(
            [(0.0, 0.02), (wide * foot, 0.0), (wide, tall), (wide * 0.96, tall), (wide * foot * 0.9, 0.05), (0.0, 0.04)]
        ),
    )
    parts = [shell]
    if chance(rng, 0.5):
        middle = np.array([wide * 1.35, 0, tall * 0.5])
        ends = [np.array([wide * 0.9, 0, tall * 0.9]), np.array([wide * 0.85, 0, tall * 0.2])]
        if chance(rng, 0.4):
            ends[1] = np.array([wide + rng.uniform(0.5, 1.0), 0, tall * 1.1])
        parts.append(
            meshes.tube("handle", np.array([ends[0], middle, middle, ends[1]]), float(rng.uniform(0.025, 0.06)))
        )
    made = _dressed(rng, "bowl", *parts)
    if chance(rng, 0.7):
        made[0].extend(_heap(rng, wide * 0.6, tall * 0.5 + 0.05))
    return made


def _heap(rng: np.random.Generator, reach: float, height: float) -> list[bpy.types.Object]:
    parts = []
    skins = [materials.THINGS["food"](rng) for _ in range(3)]
    for _ in range(int(rng.integers(2, 14))):
        radius = rng.uniform(0.05, 0.16)
        angle, far = rng.uniform(0, 6.3), np.sqrt(rng.random()) * reach
        radii = tuple((radius * rng.uniform(0.5, 1.3, 3)).tolist())
        lump = meshes.sphere("food", radii, (far * np.cos(angle), far * np.sin(angle), height + rng.uniform(0, 0.1)))
        meshes.roughened(rng, lump, float(rng.uniform(0, 0.4)), float(rng.uniform(0.2, 1.0)))
        lump.data.materials.append(skins[int(rng.integers(3))])
        parts.append(lump)
    return parts


def turned(rng: np.random.Generator) -> Assembly:
    """Vases, lamps, pawns, lenses."""
    heights = np.linspace(0, rng.uniform(0.5, 1.3), int(rng.integers(4, 9)))
    points = [
        (0.0, 0.0),
        *[(float(rng.uniform(0.06, 0.4)), float(height)) for height in heights],
        (0.0, float(heights[-1])),
    ]
    return _dressed(rng, "turned", meshes.lathe("turned", _profile(points)))


def carton(rng: np.random.Generator) -> Assembly:
    """Boxes on one another, bevelled: packs, devices, furniture's bodies."""
    parts, level = [], 0.0
    for _ in range(int(rng.integers(1, 4))):
        x, y, z = rng.uniform(0.3, 1.0), rng.uniform(0.2, 0.8), rng.uniform(0.1, 0.7)
        part = meshes.box(
            "carton",
            (x, y, z),
            (rng.normal(0, 0.05), rng.normal(0, 0.05), level + z / 2),
            float(rng.choice([0, 0.02, 0.08])),
        )
        part.rotation_euler = (0, 0, rng.normal(0, 0.15))
        parts.append(part)
        level += z
    return _dressed(rng, "carton", *parts)


def furniture(rng: np.random.Generator) -> Assembly:
    """A seat or a top on legs, with a back at times."""
    wide, deep, tall, thick = (
        rng.uniform(0.5, 1.2),
        rng.uniform(0.4, 0.8),
        rng.uniform(0.3, 0.8),
        rng.uniform(0.03, 0.15),
    )
    leg = rng.uniform(0.03, 0.08)
    parts = [meshes.box("top", (wide, deep, thick), (0, 0, tall), 0.02)]
    for x in (-1, 1):
        for y in (-1, 1):
            foot = np.array([x * wide * 0.48, y * deep * 0.48, 0.0])
            parts.append(
                meshes.tube("leg", np.array([foot, foot * np.array([0.95, 0.95, 1]) + np.array([0, 0, tall])]), leg / 2)
            )
    if chance(rng, 0.6):
        parts.append(
            meshes.box("back", (wide, thick, tall * rng.uniform(0.5, 1.1)), (0, deep * 0.47, tall * 1.5), 0.02)
        )
    return _dressed(rng, "furniture", *parts)


def wires(rng: np.random.Generator) -> Assembly:
    """A rack, basket or whisk: thin round bars, or a lattice from a solid."""
    if chance(rng, 0.5):
        polar = np.linspace(0.3, np.pi - 0.3, int(rng.integers(4, 12)))
        wide, tall = rng.uniform(0.3, 0.6, 2)
        profile = np.column_stack([np.sin(polar) * wide, tall - np.cos(polar) * tall])
        cage = meshes.lathe("cage", profile, int(rng.integers(6, 24)))
        frame = cage.modifiers.new("wire", "WIREFRAME")
        frame.thickness, frame.use_even_offset = float(rng.uniform(0.01, 0.04)), False
        return _dressed(rng, "wires", cage)
    radius = float(rng.uniform(0.008, 0.03))
    parts = []
    for angle in np.linspace(0, np.pi, int(rng.integers(4, 9)), endpoint=False):
        side = np.array([np.cos(angle), np.sin(angle), 0]) * rng.uniform(0.18, 0.25)
        loop = np.array(
            [
                [0, 0, 0.7],
                [*side[:2], 0.5],
                [*side[:2] * 1.1, 0.2],
                [0, 0, 0.02],
                [*-side[:2] * 1.1, 0.2],
                [*-side[:2], 0.5],
                [0, 0, 0.7],
            ]
        )
        parts.append(meshes.tube("bar", loop, radius))
    parts.append(meshes.tube("grip", np.array([[0, 0, 0.68], [0, 0, 1.2]]), 0.04))
    return _dressed(rng, "wires", *parts)


def rings(rng: np.random.Generator) -> Assembly:
    parts = []
    for _ in range(int(rng.integers(1, 4))):
        radius = rng.uniform(0.15, 0.45)
        ring = meshes.torus("ring", radius, radius * rng.uniform(0.1, 0.5))
        ring.rotation_euler = tuple(rng.uniform(0, np.pi, 3).tolist())
        ring.location = (rng.normal(0, 0.3), rng.normal(0, 0.2), radius * 1.2)
        parts.append(ring)
    return _dressed(rng, "rings", *parts)


def fruit(rng: np.random.Generator) -> Assembly:
    """Fruit, stones, loaves: displaced balls, one or several."""
    parts = []
    for _ in range(int(rng.choice([1, 1, 2, 5]))):
        radii = tuple((rng.uniform(0.2, 0.45) * rng.uniform(0.6, 1.3, 3)).tolist())
        lump = meshes.sphere("fruit", radii, (rng.normal(0, 0.4), rng.normal(0, 0.25), radii[2] * 0.95))
        parts.append(meshes.roughened(rng, lump, float(rng.uniform(0.0, 0.7)), float(rng.uniform(0.2, 1.5))))
    skin = materials.THINGS[str(rng.choice(["food", "stone", "printed"]))](rng)
    for part in parts:
        part.data.materials.append(skin)
    return parts, "fruit"


def plant(rng: np.random.Generator) -> Assembly:
    """A pot with stems and leaves."""
    pot = meshes.lathe(
        "pot", _profile([(0.0, 0.0), (0.15, 0.0), (rng.uniform(0.15, 0.3), 0.35), (0.14, 0.33), (0.0, 0.3)])
    )
    parts, _ = _dressed(rng, "pot", pot)
    green = materials.patterned(rng, [str(rng.choice(["foliage", "foliage", "vivid"]))], ["noise"], (2, 8))
    for _ in range(int(rng.integers(6, 36))):
        bloom = meshes.leaf(
            "leaf", float(rng.uniform(0.2, 0.7)), float(rng.uniform(0.03, 0.25)), float(rng.uniform(0, 0.9))
        )
        bloom.location = (rng.normal(0, 0.05), rng.normal(0, 0.05), 0.3 + abs(rng.normal(0, 0.25)))
        bloom.rotation_euler = (rng.normal(0, 0.3), -rng.uniform(0.1, 1.5), rng.uniform(0, 6.3))
        bloom.data.materials.append(green)
        parts.append(bloom)
    return parts, "plant"


def letters(rng: np.random.Generator) -> Assembly:
    """Solid letters: logos, signs."""
    data = bpy.data.curves.new("letters", "FONT")
    data.body = "".join(rng.choice(list("ABCDEFGHKMNRSTWXYZ&?2358"), int(rng.integers(1, 5))))
    data.extrude, data.bevel_depth = float(rng.uniform(0.05, 0.3)), float(rng.uniform(0, 0.03))
    made = bpy.data.objects.new("letters", data)
    bpy.context.collection.objects.link(made)
    made.rotation_euler = (np.pi / 2, 0, 0)
    made.location = (-0.3 * len(data.body), 0, 0.02)
    return _dressed(rng, "letters", made)


KINDS: Mapping[str, Callable[[np.random.Generator], Assembly]] = MappingProxyType(
    {
        "animal": beings.animal,
        "car": beings.car,
        "bottle": bottle,
        "bowl": bowl,
        "turned": turned,
        "carton": carton,
        "furniture": furniture,
        "wires": wires,
        "rings": rings,
        "fruit": fruit,
        "plant": plant,
        "letters": letters,
    }
)
ODDS = (0.34, 0.22, 0.05, 0.08, 0.04, 0.05, 0.05, 0.03, 0.03, 0.04, 0.04, 0.03)


def drawn(rng: np.random.Generator) -> Assembly:
    """One kind, or a few small ones side by side."""
    kind = str(rng.choice(list(KINDS), p=ODDS))
    parts, name = KINDS[kind](rng)
    if kind in {"animal", "car"} or chance(rng, 0.6):
        return parts, name
    house = [other for other in KINDS if other not in {"animal", "car"}]
    for index in range(int(rng.integers(1, 3))):
        more, _ = KINDS[str(rng.choice(house))](rng)
        _shift(more, (0.85 * (index + 1) * rng.choice([-1, 1]), rng.normal(0, 0.35), 0.0))
        parts += more
    return parts, f"group {name}"


def _shift(parts: list[bpy.types.Object], by: tuple[float, float, float]) -> None:
    for part in parts:
        part.location = tuple(a + b for a, b in zip(part.location, by, strict=True))
