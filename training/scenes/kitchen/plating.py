"""Finished dishes on plates."""

from collections.abc import Callable

import numpy as np

from training.scenes.canvas import chance
from training.scenes.kitchen import foods
from training.scenes.kitchen.fillings import FILLINGS, Bed, gloss_of
from training.scenes.kitchen.mesh import Mesh, Outline, Pose
from training.scenes.kitchen.morsels import MORSELS
from training.scenes.kitchen.patch import At, Patch
from training.scenes.kitchen.recipe import Recipe
from training.scenes.kitchen.vessels import Vessel


def _mound(patch: Patch, radius: float, tall: float, x: float = 0.0, y: float = 0.0) -> None:
    """Raises what is laid already, and what comes on it."""
    down, across = np.mgrid[: patch.size[0], : patch.size[1]].astype(np.float32) / patch.scale
    far = np.hypot(across - patch.reach[0] / 2 - x, patch.reach[1] / 2 - down - y) / radius
    patch.relief += (np.clip(1 - far**2, 0, 1) * tall).astype(np.float32)


def _pasta(bed: Bed) -> float:
    """A nest of noodles or a heap of short pasta, sauce and bites on top."""
    reach = bed.outline.x * 0.95
    foods.poured(bed.patch, bed.recipe.sauce, bed.patch.round(reach * 0.97))
    _mound(bed.patch, reach, 2.2)
    if chance(bed.patch.rng, 0.6):
        bed.patch.strands(bed.recipe.noodle, 90, bed.patch.round(reach * 0.85), 0.3)
    else:
        foods.heap(bed.patch, [bed.recipe.pasta], bed.patch.round(reach * 0.85), 2.0)
    foods.heap(bed.patch, [bed.recipe.bites, bed.recipe.vegetables[0]], bed.patch.round(reach * 0.5), 0.7)
    bed.garnish()
    return 0.6


def _rice_and_stew(bed: Bed) -> float:
    reach, turn = bed.outline.x, float(bed.patch.rng.uniform(0, 6.3))
    x, y = np.cos(turn) * reach * 0.35, np.sin(turn) * reach * 0.35
    foods.poured(bed.patch, bed.recipe.sauce, bed.patch.round(reach * 0.72, x, y))
    foods.heap(bed.patch, [bed.recipe.bites, *bed.recipe.vegetables[:2]], bed.patch.round(reach * 0.58, x, y), 0.9)
    foods.grains(bed.patch, bed.recipe.grain, bed.patch.round(reach * 0.64, -x * 1.1, -y * 1.1))
    _mound(bed.patch, reach * 0.6, 1.4, -x * 1.1, -y * 1.1)
    _mound(bed.patch, reach * 0.6, 1.0, x, y)
    bed.garnish()
    return 0.5


def _cut_and_sides(bed: Bed) -> float:
    """A piece of meat or fish, a starch, a vegetable, a little sauce."""
    rng, patch, reach = bed.patch.rng, bed.patch, bed.outline.x
    turn = float(rng.uniform(0, 6.3))
    places = [(float(np.cos(turn + a) * reach * 0.48), float(np.sin(turn + a) * reach * 0.48)) for a in (0, 2.1, 4.2)]
    if chance(rng, 0.5):
        foods.poured(patch, bed.recipe.sauce, patch.round(reach * 0.4, *places[0]))
    side = patch.round(reach * 0.5, *places[1])
    if chance(rng, 0.5):
        foods.poured(patch, "mash", side)
    else:
        foods.heap(patch, [str(rng.choice(["fries", "potato wedges", "baby potatoes"]))], side, 1.3)
    _mound(patch, reach * 0.45, 1.0, *places[1])
    foods.heap(
        patch,
        [str(rng.choice(["broccoli", "green beans", "asparagus", "carrot sticks", "peas", "lettuce"]))],
        patch.round(reach * 0.5, *places[2]),
        1.5,
    )
    patch.stamp(MORSELS[bed.recipe.cut], At(*places[0], turn + 1.57, 1.2))
    bed.garnish()
    return gloss_of(bed)


def _salad(bed: Bed) -> float:
    reach = bed.outline.x * 0.9
    foods.heap(bed.patch, [str(bed.patch.rng.choice(["lettuce", "lettuce", "spinach"]))], bed.patch.round(reach), 1.8)
    _mound(bed.patch, reach, 1.6)
    foods.heap(bed.patch, [*bed.recipe.vegetables[:3], bed.recipe.bites], bed.patch.round(reach * 0.85), 0.6)
    return 0.5


def _cakes(bed: Bed) -> float:
    """Pancakes or a slab of cake with fruit."""
    rng = bed.patch.rng
    for index in range(int(rng.integers(1, 5))):
        x, y = rng.normal(0, 0.4, 2)
        bed.patch.stamp(MORSELS["pancake"], At(float(x), float(y), index, bed.outline.x / 9.5))
    foods.heap(bed.patch, ["strawberries", "blueberries"], bed.patch.round(bed.outline.x * 0.45), 0.5)
    if chance(rng, 0.5):
        foods.poured(bed.patch, "whipped cream", bed.patch.round(1.8))
    return 0.3


def _bowlful(bed: Bed) -> float:
    """A bowl of rice, grains or leaves with its toppings side by side."""
    patch, reach = bed.patch, bed.outline.x
    foods.grains(patch, bed.recipe.grain, bed.mask)
    toppings = [*bed.recipe.vegetables[:4], bed.recipe.bites]
    for index, name in enumerate(toppings):
        angle = index * 2 * np.pi / len(toppings)
        foods.heap(
            patch, [name], patch.round(reach * 0.34, np.cos(angle) * reach * 0.55, np.sin(angle) * reach * 0.55), 1.3
        )
    bed.garnish()
    return 0.4


Dish = Callable[[Bed], float]
FLAT: tuple[Dish, ...] = (_pasta, _rice_and_stew, _cut_and_sides, _cut_and_sides, _salad, _cakes)
DEEP: tuple[Dish, ...] = (FILLINGS["soup"], FILLINGS["stew"], _pasta, _bowlful, _salad, FILLINGS["noodles"])


def plated(rng: np.random.Generator, vessel: Vessel, recipe: Recipe, *, deep: bool) -> Mesh:
    """A dish on a plate or in a bowl."""
    share = 0.62 if deep else 0.0
    wide = vessel.wide(vessel.depth * share)
    outline = Outline.round(wide.x)
    patch = Patch(rng, (outline.x * 2, outline.y * 2))
    dishes = DEEP if deep else FLAT
    gloss = dishes[int(rng.integers(len(dishes)))](Bed(patch, outline, patch.inside(outline), recipe))
    patch.alpha *= patch.inside(Outline.round(outline.x * (1.0 if deep else 1.05)))
    return patch.mesh(gloss, float(rng.uniform(0.15, 0.45))).placed(Pose(z=vessel.floor + vessel.depth * share + 0.06))
