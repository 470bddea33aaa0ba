"""A set of kitchen scenes: which picture shows which keyword, which belong together, and its table for classifiers."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import lru_cache

import numpy as np

from training.scenes import camera
from training.scenes.kitchen.keywords import KEYWORDS, NAMES
from training.scenes.kitchen.recipe import Recipe
from training.scenes.kitchen.scene import KitchenScene, scene

RECIPE = 1  # raised whenever the same seed gives other pictures
TABLE = "manifest.csv"
COLUMNS = ("image", "keyword", "group")
DISTRIBUTIONS = ("even", "natural")
BLOCK, GROUPS = 24, 5  # pictures of so many recipes follow one another
FEWEST = 2
KEYWORD, GROUPING, SESSION, PICTURE = 1, 2, 3, 4  # what a random number is for, so that no two draws are the same


def keyword(seed: int, index: int, distribution: str) -> str:
    """Of picture `index`. Even: all keywords in each run of as many pictures as there are keywords, mixed anew."""
    if distribution == "even":
        turn, place = divmod(index, len(NAMES))
        return NAMES[int(np.random.default_rng([seed, KEYWORD, turn]).permutation(len(NAMES))[place])]
    weights = np.array([KEYWORDS[name].weight for name in NAMES])
    return NAMES[int(np.random.default_rng([seed, KEYWORD, index]).choice(len(NAMES), p=weights / weights.sum()))]


def group(seed: int, index: int) -> int:
    """The recipe that a picture belongs to: each has two to sixteen pictures, which follow one another."""
    block, place = divmod(index, BLOCK)
    spare = BLOCK - GROUPS * FEWEST
    rng = np.random.default_rng([seed, GROUPING, block])
    more = rng.multinomial(spare, rng.dirichlet(np.full(GROUPS, 2.0)))
    return block * GROUPS + int(np.searchsorted(np.cumsum(more + FEWEST), place, side="right"))


def group_name(seed: int, number: int) -> str:
    """Unique over seeds, so that sets can be joined."""
    return f"recipe-{seed}-{number:05d}"


@lru_cache(maxsize=2)
def _recipe(seed: int, number: int, longer: int) -> Recipe:
    return Recipe.drawn(np.random.default_rng([seed, SESSION, number]), longer)


def made(seed: int, index: int, longer: int, distribution: str) -> KitchenScene:
    """Picture `index` of a set, whatever others there are."""
    recipe = _recipe(seed, group(seed, index), longer)
    return scene(np.random.default_rng([seed, PICTURE, index]), recipe, keyword(seed, index, distribution), longer)


def facts(one: KitchenScene, seed: int, index: int, distribution: str) -> dict[str, object]:
    """What the manifest says of a scene beside what all scenes have."""
    number = group(seed, index)
    name = keyword(seed, index, distribution)
    return {
        "subject": name,
        "category": name,
        "keyword": name,
        "group": group_name(seed, number),
        "ground": one.ground,
        "coverage": round(float(one.mask.mean()) / 255, 4),
        "elevation": round(one.elevation, 1),
        "defects": asdict(one.defects),
    }


def files(one: KitchenScene, image: str, mask: str) -> dict[str, bytes]:
    """All files of a scene by their names in the set's folder."""
    return {image: camera.jpeg(one.photo, one.defects.quality), mask: camera.png(one.mask)}


def table(lines: Iterable[Mapping[str, object]]) -> str:
    """The manifest's lines as CSV: image (relative to the set's folder), keyword, group."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()
