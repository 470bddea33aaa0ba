"""What is cooked in vessels: a filling paints a patch within a mask and returns how glossy it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from training.scenes.canvas import Array, chance, smoothstep
from training.scenes.kitchen import foods
from training.scenes.kitchen.mesh import Mesh, Outline, Pose
from training.scenes.kitchen.morsels import MORSELS
from training.scenes.kitchen.patch import At, Patch
from training.scenes.kitchen.recipe import Recipe
from training.scenes.kitchen.vessels import Vessel
from training.scenes.textures import noise


@dataclass(frozen=True, eq=False)
class Bed:
    """Where to paint: the outline that holds the food, and that as a mask of the patch."""

    patch: Patch
    outline: Outline
    mask: Array
    recipe: Recipe

    def within(self, margin: float) -> Array:
        return self.patch.inside(self.outline, margin)

    def garnish(self) -> None:
        rng = self.patch.rng
        if chance(rng, 0.6):
            area = float(self.mask.sum()) / self.patch.scale**2
            few = area / (6 if self.recipe.herb in {"parsley", "spring onion"} else 45)
            self.patch.strew(self.recipe.herb, int(rng.uniform(0.3, 1.2) * few) + 1, self.within(1.2))
        if chance(rng, 0.4):
            foods.pepper(self.patch, self.mask)


def stew(bed: Bed) -> float:
    gloss = foods.poured(bed.patch, bed.recipe.sauce, bed.mask)
    load = float(bed.patch.rng.uniform(0.25, 0.9))
    foods.heap(bed.patch, [*bed.recipe.vegetables[:3], bed.recipe.bites], bed.within(0.6), load)
    bed.garnish()
    return gloss


def soup(bed: Bed) -> float:
    gloss = foods.poured(bed.patch, bed.recipe.soup, bed.mask)
    if chance(bed.patch.rng, 0.6):
        foods.heap(bed.patch, list(bed.recipe.vegetables[:2]), bed.within(1.0), 0.2)
    bed.garnish()
    return gloss


def sauce(bed: Bed) -> float:
    gloss = foods.poured(bed.patch, bed.recipe.sauce, bed.mask)
    if chance(bed.patch.rng, 0.4):
        bed.garnish()
    return gloss


def _liquid(*names: str) -> Callable[[Bed], float]:
    def fill(bed: Bed) -> float:
        return foods.poured(bed.patch, str(bed.patch.rng.choice(list(names))), bed.mask)

    return fill


def boiling(bed: Bed) -> float:
    """Pasta, potatoes or vegetables in water."""
    foods.poured(bed.patch, "water", bed.mask)
    rng = bed.patch.rng
    if chance(rng, 0.3):
        bed.patch.strands(bed.recipe.noodle, 60, bed.within(1), 0.28)
        bed.patch.fill(bed.mask * (1 - bed.patch.alpha), bed.patch.albedo, bed.patch.relief)
    else:
        name = str(rng.choice([bed.recipe.pasta, "potato dice", "baby potatoes", "broccoli", bed.recipe.vegetables[0]]))
        foods.heap(bed.patch, [name], bed.within(0.8), float(rng.uniform(0.3, 1.0)))
    return 1.0


def saute(bed: Bed) -> float:
    """Vegetables and bites in a little oil or sauce."""
    rng = bed.patch.rng
    wet = bed.mask * smoothstep(noise(rng, bed.patch.size, 4, 3), 0.45, 0.5)
    foods.poured(bed.patch, str(rng.choice(["oil", bed.recipe.sauce])), wet)
    names = [*bed.recipe.vegetables[: int(rng.integers(1, 5))], *([bed.recipe.bites] if chance(rng, 0.6) else [])]
    foods.heap(bed.patch, names, bed.within(0.8), float(rng.uniform(0.4, 1.7)))
    bed.garnish()
    return 0.8


def noodles(bed: Bed) -> float:
    if chance(bed.patch.rng, 0.6):
        foods.poured(bed.patch, bed.recipe.sauce, bed.within(0.8))
    bed.patch.strands(bed.recipe.noodle, int(30 + bed.mask.sum() / bed.patch.scale**2 * 0.45), bed.within(1.2), 0.3)
    foods.heap(bed.patch, [bed.recipe.vegetables[0], bed.recipe.bites], bed.within(1.5), 0.25)
    bed.garnish()
    return 0.7


def short_pasta(bed: Bed) -> float:
    foods.poured(bed.patch, bed.recipe.sauce, bed.mask)
    foods.heap(bed.patch, [bed.recipe.pasta], bed.within(0.8), float(bed.patch.rng.uniform(0.8, 1.8)))
    bed.garnish()
    return 0.7


def rice(bed: Bed) -> float:
    foods.grains(bed.patch, bed.recipe.grain, bed.mask)
    if chance(bed.patch.rng, 0.7):
        foods.heap(
            bed.patch,
            [*bed.recipe.vegetables[:2], bed.recipe.bites],
            bed.within(1),
            float(bed.patch.rng.uniform(0.1, 0.5)),
        )
    bed.garnish()
    return 0.3


def paella(bed: Bed) -> float:
    foods.grains(bed.patch, str(bed.patch.rng.choice(["saffron rice", "saffron rice", "bulgur", "rice"])), bed.mask)
    foods.heap(bed.patch, ["shrimps", "peas", "pepper strips", bed.recipe.bites], bed.within(1), 0.4)
    bed.garnish()
    return 0.5


def minced(bed: Bed) -> float:
    gloss = foods.poured(
        bed.patch, str(bed.patch.rng.choice(["mince", "mince", "raw mince", "spinach mass"])), bed.mask
    )
    if chance(bed.patch.rng, 0.4):
        foods.heap(bed.patch, list(bed.recipe.vegetables[:2]), bed.within(1), 0.3)
    return gloss


def eggs(bed: Bed) -> float:
    reach = bed.outline.x - 4.5
    count = int(bed.patch.rng.integers(1, 4))
    if chance(bed.patch.rng, 0.3):
        foods.poured(bed.patch, str(bed.patch.rng.choice(["tomato sauce", "oil", "spinach mass"])), bed.mask)
    for place in _spread(bed.patch.rng, count, reach):
        foods.egg(bed.patch, At(*place, size=float(np.clip(bed.outline.x / 12, 0.6, 1))))
    foods.pepper(bed.patch, bed.patch.alpha)
    return 0.7


def _spread(rng: np.random.Generator, count: int, reach: float) -> list[tuple[float, float]]:
    """`count` places evenly about the middle, the first there if it is alone."""
    start = rng.uniform(0, 6.3)
    out = 0.0 if count == 1 else max(reach, 2.0) * rng.uniform(0.75, 1.0)
    angles = [start + index * 2 * np.pi / count for index in range(count)]
    return [(float(np.cos(angle) * out), float(np.sin(angle) * out)) for angle in angles]


def cuts(bed: Bed) -> float:
    """A few large pieces of meat or fish, with or without sauce."""
    rng = bed.patch.rng
    draw = rng.random()
    if draw < 0.3:
        foods.poured(bed.patch, bed.recipe.sauce, bed.mask)
    elif draw < 0.7:
        foods.poured(bed.patch, "oil", bed.mask * smoothstep(noise(rng, bed.patch.size, 4, 3), 0.4, 0.5))
    name = bed.recipe.cut
    count = int(rng.integers(1, 5))
    size = float(np.clip(bed.outline.x / 11, 0.65, 1.25)) * (0.85 if count > 2 else 1)
    lean = rng.uniform(0, 3.1)
    for x, y in _spread(rng, count, min(bed.outline.x, bed.outline.y) - 5):
        bed.patch.stamp(MORSELS[name], At(x, y, lean + rng.normal(0, 0.3), size))
    bed.garnish()
    return 0.8


def pancake(bed: Bed) -> float:
    size = bed.outline.x * float(bed.patch.rng.uniform(0.65, 0.92)) / 7.2
    bed.patch.stamp(MORSELS["pancake"], At(0, 0, 0, size))
    return 0.25


def grilled(bed: Bed) -> float:
    """Pieces apart from one another, with marks across them."""
    rng = bed.patch.rng
    if chance(rng, 0.55):
        cuts_of = At(0, 0, rng.uniform(0, 3.1), 1.0)
        for x, y in _spread(rng, int(rng.integers(1, 3)), 4.5):
            bed.patch.stamp(MORSELS[bed.recipe.cut], At(x, y, cuts_of.angle, 0.9))
    else:
        name = str(rng.choice(["zucchini", "asparagus", "tomato slices", "mushrooms", "pepper strips", "shrimps"]))
        bed.patch.strew(name, int(rng.integers(5, 13)), bed.within(2.5), 1.35)
    marks = (np.arange(bed.patch.size[0]) / bed.patch.scale % 1.8 < 0.5).astype(np.float32)[:, None] * bed.patch.alpha
    bed.patch.albedo *= 1 - 0.65 * marks[..., None]
    return 0.7


def gratin(bed: Bed) -> float:
    gloss = foods.poured(
        bed.patch, str(bed.patch.rng.choice(["gratin", "gratin", "lasagne", "crumble", "mash"])), bed.mask
    )
    bed.garnish()
    return gloss


def bake(bed: Bed) -> float:
    """Meat or vegetables in sauce, side by side."""
    rng = bed.patch.rng
    foods.poured(bed.patch, bed.recipe.sauce, bed.mask)
    if chance(rng, 0.5):
        foods.heap(bed.patch, list(bed.recipe.roasts[:2]), bed.within(1), float(rng.uniform(0.4, 1.1)))
    across = int(rng.integers(2, 5))
    for x in np.linspace(-1, 1, across) * (bed.outline.x - 4.5):
        bed.patch.stamp(
            MORSELS[bed.recipe.cut], At(float(x), float(rng.normal(0, 1)), float(rng.normal(1.57, 0.3)), 0.9)
        )
    bed.garnish()
    return gloss_of(bed)


def gloss_of(bed: Bed) -> float:
    return foods.BASES[bed.recipe.sauce].gloss


def dough(bed: Bed) -> float:
    """A ball, or pieces of butter in flour."""
    rng = bed.patch.rng
    if chance(rng, 0.5):
        foods.poured(bed.patch, "flour", bed.mask)
    foods.dough(bed.patch, bed.outline.x * float(rng.uniform(0.6, 0.88)), At(*rng.normal(0, 0.6, 2).tolist()))
    return 0.15


def flour(bed: Bed) -> float:
    """Flour with eggs, butter or cocoa on it."""
    rng = bed.patch.rng
    foods.poured(bed.patch, "flour", bed.mask)
    if chance(rng, 0.6):
        for x, y in _spread(rng, int(rng.integers(1, 4)), bed.outline.x * 0.35):
            foods.poured(bed.patch, "milk", bed.patch.round(2.6, x, y))
            yolk = bed.patch.round(1.5, x, y)
            bed.patch.fill(yolk, np.broadcast_to(np.array([0.9, 0.45, 0.03], np.float32), bed.patch.albedo.shape), 1.0)
    else:
        foods.poured(bed.patch, str(rng.choice(["chocolate", "crumble"])), bed.patch.round(bed.outline.x * 0.4))
    return 0.2


def leaves(bed: Bed) -> float:
    foods.heap(bed.patch, [str(bed.patch.rng.choice(["lettuce", "spinach"]))], bed.mask, 2.0)
    foods.heap(bed.patch, list(bed.recipe.vegetables[:3]), bed.within(1.5), 0.6)
    return 0.4


FILLINGS: Mapping[str, Callable[[Bed], float]] = MappingProxyType(
    {
        "stew": stew,
        "soup": soup,
        "sauce": sauce,
        "boiling": boiling,
        "saute": saute,
        "noodles": noodles,
        "short pasta": short_pasta,
        "rice": rice,
        "paella": paella,
        "minced": minced,
        "eggs": eggs,
        "cuts": cuts,
        "pancake": pancake,
        "grilled": grilled,
        "gratin": gratin,
        "bake": bake,
        "dough": dough,
        "flour": flour,
        "leaves": leaves,
        "batter": _liquid("batter", "cake batter", "chocolate", "batter"),
        "whipped": _liquid("whipped cream", "yoghurt", "mash"),
        "dairy": _liquid("milk", "cream", "chocolate"),
        "water": _liquid("water", "broth"),
    }
)


def filling(rng: np.random.Generator, vessel: Vessel, recipe: Recipe, name: str, share: float) -> Mesh:
    """The food in a vessel, up to `share` 0..1 of its depth."""
    level = vessel.depth * share
    wide = vessel.wide(level)
    outline = Outline(wide.x + 0.2, wide.y + 0.2, wide.corner + 0.2)
    patch = Patch(rng, (outline.x * 2, outline.y * 2))
    gloss = FILLINGS[name](Bed(patch, outline, patch.inside(outline), recipe))
    return patch.mesh(gloss, float(rng.uniform(0.1, 0.45))).placed(Pose(z=vessel.floor + level + 0.05))
