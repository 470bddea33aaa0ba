"""Meshes for Blender out of plain arrays: lathes, lofts, tubes, boxes, leaves; and a few modifiers.

Only this package imports `bpy` (GPL, CPython 3.11, NumPy 1.26), so it runs in an environment of its own. Metres, z up.
"""

from collections.abc import Sequence

import bpy
import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]


def mesh(name: str, vertices: Points, faces: Sequence[Sequence[int]], *, smooth: bool = True) -> bpy.types.Object:
    """A linked object from vertices (n, 3) and faces by index."""
    data = bpy.data.meshes.new(name)
    data.from_pydata([tuple(map(float, vertex)) for vertex in vertices], [], [tuple(map(int, face)) for face in faces])
    data.validate()
    data.polygons.foreach_set("use_smooth", [smooth] * len(data.polygons))
    made = bpy.data.objects.new(name, data)
    bpy.context.collection.objects.link(made)
    return made


def quads(rows: int, columns: int, *, closed: bool = True) -> list[tuple[int, int, int, int]]:
    """Faces of a grid of rows x columns vertices; `closed` joins the last column to the first."""
    faces = []
    for row in range(rows - 1):
        for column in range(columns if closed else columns - 1):
            following = (column + 1) % columns
            faces.append(
                (
                    row * columns + column,
                    row * columns + following,
                    (row + 1) * columns + following,
                    (row + 1) * columns + column,
                )
            )
    return faces


def capped(rows: int, columns: int) -> list[tuple[int, ...]]:
    first, last = tuple(range(columns))[::-1], tuple(range((rows - 1) * columns, rows * columns))
    return [*quads(rows, columns), first, last]


def lathe(name: str, profile: Points, segments: int = 48) -> bpy.types.Object:
    """Turns a profile (n, 2) of radius and height about the z axis."""
    turn = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    rows = [np.column_stack([ring * max(radius, 1e-4), np.full(segments, height)]) for radius, height in profile]
    return mesh(name, np.concatenate(rows), quads(len(profile), segments))


def tube(name: str, path: Points, radius: float, tip: float | None = None) -> bpy.types.Object:
    """A smooth round cable through `path` (n, 3), `radius` at its start and `tip` at its end."""
    data = bpy.data.curves.new(name, "CURVE")
    data.dimensions = "3D"
    data.bevel_depth = radius
    data.use_fill_caps = True
    line = data.splines.new("NURBS")
    line.points.add(len(path) - 1)
    line.use_endpoint_u = True
    for index, (point, where) in enumerate(zip(line.points, path, strict=True)):
        point.co = (*map(float, where), 1.0)
        share = index / max(1, len(path) - 1)
        point.radius = 1.0 if tip is None else 1.0 + (tip / radius - 1.0) * share
    made = bpy.data.objects.new(name, data)
    bpy.context.collection.objects.link(made)
    return made


def box(
    name: str, size: tuple[float, float, float], centre: tuple[float, float, float], bevel: float = 0.0
) -> bpy.types.Object:
    x, y, z = (np.array([-0.5, 0.5]) * side for side in size)
    corners = np.array([[a, b, c] for c in z for b in y for a in x]) + np.array(centre)
    faces = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    made = mesh(name, corners, faces, smooth=False)
    if bevel > 0:
        rounded = made.modifiers.new("bevel", "BEVEL")
        rounded.width, rounded.segments = bevel, 3
    return made


def sphere(name: str, radii: tuple[float, float, float], centre: tuple[float, float, float]) -> bpy.types.Object:
    polar = np.linspace(0, np.pi, 25)
    profile = np.column_stack([np.sin(polar), -np.cos(polar)])
    made = lathe(name, profile, 40)
    made.scale, made.location = radii, centre
    return made


def torus(name: str, radius: float, thickness: float) -> bpy.types.Object:
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    profile = np.column_stack([radius + thickness * np.cos(turn), thickness * np.sin(turn)])
    return lathe(name, np.concatenate([profile, profile[:1]]), 64)


def metaballs(name: str, balls: Sequence[tuple[Points, float]], resolution: float = 0.05) -> bpy.types.Object:
    """A body melted from balls (centre, radius), as a mesh object."""
    data = bpy.data.metaballs.new(name)
    data.resolution = data.render_resolution = resolution
    data.threshold = 0.25
    for centre, radius in balls:
        element = data.elements.new()
        element.co = tuple(map(float, centre))
        element.radius = float(radius) * 1.6
    melted = bpy.data.objects.new(name, data)
    bpy.context.collection.objects.link(melted)
    graph = bpy.context.evaluated_depsgraph_get()
    solid = bpy.data.meshes.new_from_object(melted.evaluated_get(graph))
    bpy.data.objects.remove(melted)
    made = bpy.data.objects.new(name, solid)
    bpy.context.collection.objects.link(made)
    solid.polygons.foreach_set("use_smooth", [True] * len(solid.polygons))
    return made


def softened(thing: bpy.types.Object, levels: int = 2) -> bpy.types.Object:
    subdivided = thing.modifiers.new("subdivide", "SUBSURF")
    subdivided.levels = subdivided.render_levels = levels
    return thing


def roughened(rng: np.random.Generator, thing: bpy.types.Object, strength: float, size: float) -> bpy.types.Object:
    """Displaced by clouds: fruit, stones, crumpled things."""
    texture = bpy.data.textures.new("clouds", "CLOUDS")
    texture.noise_scale = size
    texture.noise_depth = int(rng.integers(1, 5))
    push = thing.modifiers.new("displace", "DISPLACE")
    push.texture, push.strength = texture, strength
    return thing


def haired(rng: np.random.Generator, thing: bpy.types.Object, length: float, count: int) -> bpy.types.Object:
    """Grows hair on a mesh: true soft edges."""
    thing.modifiers.new("hair", "PARTICLE_SYSTEM")
    settings = thing.particle_systems[0].settings
    settings.type = "HAIR"
    settings.count, settings.hair_length = count, length
    settings.child_type = "INTERPOLATED"
    settings.rendered_child_count = settings.child_percent = int(rng.integers(4, 9))
    settings.clump_factor = float(rng.uniform(0.0, 0.7))
    settings.roughness_2 = float(rng.uniform(0.0, 0.1))
    settings.tangent_factor, settings.normal_factor = float(rng.normal(0, 0.03)), 0.04
    settings.brownian_factor = float(rng.uniform(0.0, 0.04))
    settings.root_radius, settings.tip_radius, settings.radius_scale = 1.0, 0.1, 0.006
    thing.particle_systems[0].seed = int(rng.integers(0, 10000))
    return thing


def leaf(name: str, length: float, width: float, bend: float) -> bpy.types.Object:
    """A pointed blade from the origin along x, drooping by `bend`."""
    t = np.linspace(0, 1, 9)
    half = width / 2 * np.sin(np.pi * t**0.8)
    spine = np.column_stack([t * length, np.zeros(9), -bend * t**2 * length])
    side = np.column_stack([np.zeros(9), half, half * 0.3])
    return mesh(
        name, np.concatenate([spine + side, spine, spine + side * np.array([1, -1, 1])]), quads(3, 9, closed=False)
    )
