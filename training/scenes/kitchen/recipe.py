"""A recipe: what the pictures of one cooking session share. The same countertop, light, cookware and food."""

from dataclasses import dataclass

import numpy as np

from training.scenes.camera import Defects
from training.scenes.canvas import Colour
from training.scenes.kitchen.counters import counter
from training.scenes.kitchen.foods import GRAINS
from training.scenes.kitchen.light import Light
from training.scenes.kitchen.morsels import shade
from training.scenes.kitchen.shade import Counter

VEGETABLES = (
    "carrot discs",
    "carrot sticks",
    "cucumber",
    "zucchini",
    "tomato slices",
    "tomato dice",
    "cherry tomatoes",
    "pepper strips",
    "yellow pepper",
    "green pepper",
    "onion rings",
    "red onion",
    "onion dice",
    "potato dice",
    "mushrooms",
    "broccoli",
    "cauliflower",
    "peas",
    "corn",
    "chickpeas",
    "kidney beans",
    "olives",
    "green beans",
    "asparagus",
)
BITES = ("chicken dice", "beef dice", "shrimps", "tofu", "meatballs", "bacon", "feta", "gnocchi", "baby potatoes")
CUTS = ("steak", "chicken breast", "chicken thigh", "salmon", "white fish", "patty", "sausages")
BAKES = ("cookies", "chocolate cookies", "rolls", "dough balls", "croissants")
ROASTS = (
    "fries",
    "potato wedges",
    "carrot sticks",
    "broccoli",
    "cauliflower",
    "cherry tomatoes",
    "baby potatoes",
    "green beans",
    "asparagus",
    "zucchini",
)
SAUCES = ("tomato sauce", "cream", "curry", "gravy", "pesto")
SOUPS = ("pumpkin soup", "pea soup", "beetroot soup", "tomato sauce", "broth", "broth")
HERBS = ("basil", "parsley", "parsley", "spring onion", "spinach")
PASTA = ("penne", "farfalle", "gnocchi", "dumplings")
STYLES = ("steel", "steel", "dark", "dark", "enamel", "copper")
ASPECTS = (1.5, 1.5, 4 / 3, 4 / 3, 1.0, 2 / 3, 3 / 4)


@dataclass(frozen=True, eq=False)
class Recipe:
    """Names are those of morsels, bases and grains; `aspect` is width over height; `tilt` the camera's usual
    elevation in radians.
    """

    ground: str
    counter: Counter
    light: Light
    style: str
    vegetables: tuple[str, ...]
    bites: str
    cut: str
    bake: str
    roasts: tuple[str, ...]
    sauce: str
    soup: str
    grain: str
    herb: str
    pasta: str
    noodle: Colour
    aspect: float
    tilt: float
    defects: Defects

    @staticmethod
    def drawn(rng: np.random.Generator, longer: int) -> "Recipe":
        def one(names: tuple[str, ...]) -> str:
            return str(rng.choice(list(names)))

        ground, top = counter(rng)
        vegetables = tuple(str(name) for name in rng.choice(list(VEGETABLES), int(rng.integers(3, 6)), replace=False))
        roasts = tuple(str(name) for name in rng.choice(list(ROASTS), int(rng.integers(1, 4)), replace=False))
        noodle = shade(rng, (0.125, float(rng.uniform(0.2, 0.55)), 0.95), 0.05)
        return Recipe(
            ground,
            top,
            Light.drawn(rng),
            one(STYLES),
            vegetables,
            one(BITES),
            one(CUTS),
            one(BAKES),
            roasts,
            one(SAUCES),
            one(SOUPS),
            one(tuple(GRAINS)),
            one(HERBS),
            one(PASTA),
            noodle,
            float(rng.choice(list(ASPECTS))),
            float(np.deg2rad(rng.choice([42, 50, 58, 68, 85]))),
            Defects.drawn(rng, longer),
        )
