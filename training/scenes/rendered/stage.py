"""What surrounds a rendered subject: camera, sky, lamps, ground, things behind; the engine's settings."""

from dataclasses import dataclass

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from training.scenes.rendered import materials, meshes
from training.scenes.rendered.palettes import chance, shade


@dataclass(frozen=True)
class Extent:
    """The subject's bounding box, metres."""

    low: Vector
    high: Vector

    @property
    def middle(self) -> Vector:
        return (self.low + self.high) / 2

    @property
    def reach(self) -> float:
        return float((self.high - self.low).length) / 2


def extent(parts: list[bpy.types.Object]) -> Extent:
    bpy.context.view_layer.update()
    corners = [part.matrix_world @ Vector(corner) for part in parts for corner in part.bound_box]
    low = Vector(min(corner[axis] for corner in corners) for axis in range(3))
    high = Vector(max(corner[axis] for corner in corners) for axis in range(3))
    return Extent(low, high)


def engine(size: tuple[int, int], seed: int, samples: int, threads: int) -> None:
    """Cycles on the CPU; `size` is (width, height)."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.use_denoising = True
    scene.cycles.denoising_quality = "FAST"
    scene.cycles.denoising_prefilter = "FAST"
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.max_bounces = 5
    scene.cycles.transparent_max_bounces = 6
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    scene.cycles.film_transparent_glass = True
    scene.cycles.seed = seed
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.render.use_persistent_data = True
    scene.view_settings.view_transform = "Standard"
    scene.render.image_settings.file_format = "PNG"


def sky(rng: np.random.Generator) -> None:
    """A gradient from ground to zenith with clouds, so that mirrors have something to show."""
    world = bpy.data.worlds.new("sky")
    world.use_nodes = True
    bpy.context.scene.world = world
    tree = world.node_tree
    where, split = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeSeparateXYZ")
    ramp, noise = tree.nodes.new("ShaderNodeValToRGB"), tree.nodes.new("ShaderNodeTexNoise")
    mix = tree.nodes.new("ShaderNodeMath")
    mix.operation = "MULTIPLY_ADD"
    mix.inputs[1].default_value = float(rng.uniform(0.0, 0.5))
    noise.inputs["Scale"].default_value = float(rng.uniform(1, 5))
    tree.links.new(where.outputs["Generated"], split.inputs[0])
    tree.links.new(where.outputs["Generated"], noise.inputs["Vector"])
    tree.links.new(noise.outputs[0], mix.inputs[0])
    tree.links.new(split.outputs["Z"], mix.inputs[2])
    tree.links.new(mix.outputs[0], ramp.inputs["Fac"])
    elements = ramp.color_ramp.elements
    elements[0].color, elements[1].color = shade(rng, str(rng.choice(["dry", "foliage", "grey"]))), shade(rng, "pale")
    elements.new(0.5).color = tuple(np.clip(rng.normal([0.6, 0.75, 1.0, 1.0], 0.15), 0, 1).tolist())
    tree.links.new(ramp.outputs["Color"], tree.nodes["Background"].inputs["Color"])
    tree.nodes["Background"].inputs["Strength"].default_value = float(rng.uniform(0.25, 0.8))


def lamps(rng: np.random.Generator, around: Extent) -> None:
    """A sun or one to three area lamps about the subject."""
    if chance(rng, 0.55):
        sun = bpy.data.lights.new("sun", "SUN")
        sun.energy, sun.angle = float(rng.uniform(1.0, 3.5)), float(rng.choice([0.01, 0.1, 0.5]))
        sun.color = (1.0, float(rng.uniform(0.8, 1)), float(rng.uniform(0.65, 1)))
        lamp = bpy.data.objects.new("sun", sun)
        lamp.rotation_euler = (rng.uniform(-1.1, 1.1), rng.uniform(-1.1, 1.1), 0)
        bpy.context.collection.objects.link(lamp)
        return
    for _ in range(int(rng.integers(1, 4))):
        area = bpy.data.lights.new("area", "AREA")
        far = around.reach * rng.uniform(1.5, 4)
        area.energy = float(40 * far**2 * rng.uniform(0.2, 1.2))
        area.size = float(around.reach * rng.uniform(0.3, 2.5))
        lamp = bpy.data.objects.new("area", area)
        where = Vector(rng.normal(0, 1, 3).tolist()).normalized() * far
        lamp.location = around.middle + Vector((where.x, where.y, abs(where.z) + around.reach * 0.3))
        lamp.rotation_euler = (around.middle - lamp.location).to_track_quat("-Z", "Y").to_euler()
        bpy.context.collection.objects.link(lamp)


def camera(rng: np.random.Generator, around: Extent) -> bpy.types.Object:
    """Looks at the subject from anywhere in front of it and fills a drawn part of the picture with it."""
    lens = bpy.data.cameras.new("camera")
    lens.lens = float(rng.uniform(28, 100))
    made = bpy.data.objects.new("camera", lens)
    bpy.context.collection.objects.link(made)
    bpy.context.scene.camera = made
    far = around.reach * lens.lens / (lens.sensor_width / 2)
    turn, rise = rng.uniform(0, 2 * np.pi), float(np.clip(abs(rng.normal(0.2, 0.25)), 0.02, 1.35))
    towards = Vector((np.cos(turn) * np.cos(rise), np.sin(turn) * np.cos(rise), np.sin(rise)))
    made.location = around.middle + towards * max(far, around.reach * 1.6)
    made.location.z = max(made.location.z, 0.1)
    aim = around.middle + Vector(rng.normal(0, around.reach * 0.1, 3).tolist())
    made.rotation_euler = (aim - made.location).to_track_quat("-Z", "Y").to_euler()
    _zoomed(made, around, float(np.clip(rng.normal(0.98, 0.13), 0.6, 1.35)))
    lens.dof.use_dof = bool(chance(rng, 0.6))
    lens.dof.focus_distance = (around.middle - made.location).length
    lens.dof.aperture_fstop = float(np.exp(rng.uniform(np.log(1.4), np.log(16)))) / max(1.0, around.reach * 0.2) * 0.5
    return made


def _zoomed(eye: bpy.types.Object, around: Extent, share: float) -> None:
    """Zooms until the subject's box spans `share` of the picture."""
    bpy.context.view_layer.update()
    low, high = around.low, around.high
    corners = [Vector((x, y, z)) for x in (low.x, high.x) for y in (low.y, high.y) for z in (low.z, high.z)]
    seen = [world_to_camera_view(bpy.context.scene, eye, corner) for corner in corners]
    spans = [max(point[axis] for point in seen) - min(point[axis] for point in seen) for axis in (0, 1)]
    eye.data.lens *= share / max(*spans, 1e-3)


def ground(rng: np.random.Generator, around: Extent, *, outdoor: bool) -> bpy.types.Object:
    """A wide floor; indoors it may bend up into a wall."""
    wide = around.reach * 60
    plane = meshes.mesh(
        "ground", np.array([[-wide, -wide, 0], [wide, -wide, 0], [wide, wide, 0], [-wide, wide, 0]]), [(0, 1, 2, 3)]
    )
    plane.data.materials.append(materials.ground(rng, outdoor=outdoor))
    return plane


def background(rng: np.random.Generator, around: Extent, eye: Vector, *, outdoor: bool) -> None:
    """Things and walls behind the subject as the camera sees it."""
    away = around.middle - eye
    away.z = 0
    away.normalize()
    side = Vector((-away.y, away.x, 0))
    if not outdoor and chance(rng, 0.7):
        wall = meshes.box("wall", (around.reach * 40, 0.1, around.reach * 12), (0, 0, 0))
        wall.data.materials.append(materials.ground(rng, outdoor=False))
        wall.location = around.middle + away * around.reach * rng.uniform(2, 6)
        wall.rotation_euler = (0, 0, float(np.arctan2(side.y, side.x)))
    for _ in range(int(rng.integers(0, 14))):
        size = around.reach * rng.uniform(0.1, 1.2)
        far = around.reach * rng.uniform(2.5, 14)
        where = away * far + side * far * rng.uniform(-0.7, 0.7)
        if chance(rng, 0.5):
            thing = meshes.sphere("far", (size, size, size * rng.uniform(0.5, 2.5)), (0, 0, 0))
            meshes.roughened(rng, thing, float(rng.uniform(0, 0.6)), float(rng.uniform(0.1, 0.8)))
        else:
            thing = meshes.box("far", (size, size * 0.7, size * rng.uniform(0.5, 4)), (0, 0, 0))
        thing.location = Vector((around.middle.x, around.middle.y, size * 0.4)) + where
        thing.data.materials.append(materials.ground(rng, outdoor=outdoor))
