"""Procedural materials: a principled surface whose colour runs through a noise, stripes, cells, wood or bricks."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import bpy
import numpy as np

from training.scenes.rendered.palettes import chance, shade

Node: TypeAlias = bpy.types.Node
Tree: TypeAlias = bpy.types.NodeTree

PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        "noise": "ShaderNodeTexNoise",
        "cells": "ShaderNodeTexVoronoi",
        "waves": "ShaderNodeTexWave",
        "magic": "ShaderNodeTexMagic",
        "checks": "ShaderNodeTexChecker",
        "bricks": "ShaderNodeTexBrick",
    }
)


def _surface(name: str) -> tuple[bpy.types.Material, Tree, Node]:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    tree = material.node_tree
    return material, tree, tree.nodes["Principled BSDF"]


def _pattern(rng: np.random.Generator, tree: Tree, name: str, scale: float) -> Node:
    node = tree.nodes.new(PATTERNS[name])
    node.inputs["Scale"].default_value = scale
    if name == "waves":
        node.inputs["Distortion"].default_value = float(rng.uniform(2, 20))
        node.inputs["Detail"].default_value = 3.0
        node.bands_direction = str(rng.choice(["X", "Y", "Z", "DIAGONAL"]))
    if name == "noise":
        node.inputs["Detail"].default_value = float(rng.uniform(2, 10))
        node.inputs["Distortion"].default_value = float(rng.choice([0.0, rng.uniform(0, 3)]))
    mapping, where = tree.nodes.new("ShaderNodeMapping"), tree.nodes.new("ShaderNodeTexCoord")
    mapping.inputs["Location"].default_value = tuple(rng.uniform(-50, 50, 3).tolist())
    mapping.inputs["Rotation"].default_value = tuple(rng.uniform(-0.4, 0.4, 3).tolist())
    tree.links.new(where.outputs["Object"], mapping.inputs["Vector"])
    tree.links.new(mapping.outputs["Vector"], node.inputs["Vector"])
    return node


def _coloured(rng: np.random.Generator, tree: Tree, surface: Node, pattern: Node, moods: list[str]) -> None:
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    mood = str(rng.choice(moods))
    stops = np.sort(rng.uniform(0.15, 0.85, int(rng.integers(2, 5))))
    while len(ramp.color_ramp.elements) < len(stops):
        ramp.color_ramp.elements.new(0.5)
    for element, stop in zip(ramp.color_ramp.elements, stops, strict=True):
        element.position = float(stop)
        element.color = shade(rng, mood)
    value = pattern.outputs.get("Fac") or pattern.outputs.get("Distance") or pattern.outputs[0]
    tree.links.new(value, ramp.inputs["Fac"])
    tree.links.new(ramp.outputs["Color"], surface.inputs["Base Color"])


def _bumped(tree: Tree, surface: Node, pattern: Node, strength: float) -> None:
    bump = tree.nodes.new("ShaderNodeBump")
    bump.inputs["Strength"].default_value = strength
    bump.inputs["Distance"].default_value = 0.05
    value = pattern.outputs.get("Fac") or pattern.outputs.get("Distance") or pattern.outputs[0]
    tree.links.new(value, bump.inputs["Height"])
    tree.links.new(bump.outputs["Normal"], surface.inputs["Normal"])


def patterned(
    rng: np.random.Generator, moods: list[str], patterns: list[str], scale: tuple[float, float]
) -> bpy.types.Material:
    """Any pattern in colours of a mood, with bumps at times."""
    material, tree, surface = _surface("patterned")
    size = float(np.exp(rng.uniform(*np.log(scale))))
    pattern = _pattern(rng, tree, str(rng.choice(patterns)), size)
    _coloured(rng, tree, surface, pattern, moods)
    surface.inputs["Roughness"].default_value = float(rng.uniform(0.3, 1.0))
    if chance(rng, 0.6):
        grain = _pattern(rng, tree, str(rng.choice(["noise", "cells"])), size * float(rng.uniform(3, 12)))
        _bumped(tree, surface, grain, float(rng.uniform(0.1, 0.8)))
    return material


def plain(rng: np.random.Generator, mood: str, roughness: float, metallic: float = 0.0) -> bpy.types.Material:
    material, _, surface = _surface(mood)
    surface.inputs["Base Color"].default_value = shade(rng, mood)
    surface.inputs["Roughness"].default_value = roughness
    surface.inputs["Metallic"].default_value = metallic
    return material


def glass(rng: np.random.Generator) -> bpy.types.Material:
    material, _, surface = _surface("glass")
    surface.inputs["Base Color"].default_value = (*rng.uniform(0.75, 1.0, 3).tolist(), 1.0)
    surface.inputs["Roughness"].default_value = float(rng.choice([0.0, 0.05, 0.3]))
    surface.inputs["Transmission Weight"].default_value = 1.0
    surface.inputs["IOR"].default_value = float(rng.uniform(1.3, 1.55))
    return material


def paint(rng: np.random.Generator) -> bpy.types.Material:
    """Car paint: a coat of lacquer over colour."""
    mood = str(rng.choice(["grey", "grey", "pale", "dark", "vivid"]))
    material = plain(rng, mood, float(rng.uniform(0.15, 0.5)), float(rng.choice([0.0, 0.6])))
    surface = material.node_tree.nodes["Principled BSDF"]
    surface.inputs["Coat Weight"].default_value = 1.0
    surface.inputs["Coat Roughness"].default_value = 0.03
    return material


def hide(rng: np.random.Generator) -> bpy.types.Material:
    """An animal's coat."""
    moods = ["fur", "fur", "fur", "grey", "pale", "dark"]
    if chance(rng, 0.4):
        return patterned(rng, moods, ["noise"], (0.6, 3))
    return patterned(rng, moods, ["noise", "cells", "waves"], (1.5, 10))


ThingMaterial = Callable[[np.random.Generator], bpy.types.Material]

THINGS: Mapping[str, ThingMaterial] = MappingProxyType(
    {
        "plain": lambda rng: plain(
            rng, str(rng.choice(["muted", "vivid", "grey", "dark", "food"])), float(rng.uniform(0.1, 1))
        ),
        "white": lambda rng: plain(rng, "pale", float(rng.uniform(0.1, 0.9))),
        "metal": lambda rng: plain(rng, str(rng.choice(["grey", "pale", "wood"])), float(rng.uniform(0.03, 0.5)), 1.0),
        "glass": glass,
        "wooden": lambda rng: patterned(rng, ["wood"], ["waves", "noise"], (0.8, 4)),
        "printed": lambda rng: patterned(
            rng, ["muted", "vivid", "pale"], ["checks", "bricks", "magic", "waves"], (2, 12)
        ),
        "stone": lambda rng: patterned(rng, ["grey", "pale", "dry"], ["noise", "cells", "magic"], (1.5, 8)),
        "food": lambda rng: patterned(rng, ["food"], ["noise", "cells"], (2, 12)),
    }
)


def thing(rng: np.random.Generator) -> tuple[str, bpy.types.Material]:
    """(name, material) for an object of the house."""
    name = str(rng.choice(list(THINGS)))
    return name, THINGS[name](rng)


def ground(rng: np.random.Generator, *, outdoor: bool) -> bpy.types.Material:
    if outdoor:
        return patterned(rng, ["foliage", "dry", "dry", "grey"], ["noise", "cells"], (3, 40))
    return patterned(rng, ["wood", "pale", "grey", "muted", "dark"], ["noise", "waves", "checks", "bricks"], (0.5, 8))
