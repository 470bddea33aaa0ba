"""The keywords, and how a photo of each is laid out.

Cookware:

- `pan-one-handle`: a frying pan, round, shallow (at most a quarter as high as wide), one long handle.
- `pan-two-handles`: round, wide and shallow, two small ears.
- `grill-pan`: square, ridges on its floor, one long handle.
- `pot-two-handles`: round and deep (about half as high as wide or more), two ears; it fills the picture.
- `pot-two-handles-small`: the same for one or two portions. Photographed from as far away as a large one, so that it
  takes up little more than a third of the picture, mostly beside things that show its size.
- `saucepan`: deep like a pot, with the long handle of a pan. A pot with one handle is a saucepan: no keyword for that.

For the oven:

- `oven-tray`: a large flat sheet with a rim of two or three cm, often with baking paper, pieces lying apart.
- `oven-dish`: earthenware with walls of five to seven cm, oblong or oval, filled from wall to wall.
- `muffin-tray`: six or twelve round cups in one sheet.

And:

- `mixing-bowl`: one large bowl with something being mixed in it.
- `cutting-board`: a board, things cut on it, a knife.
- `finalstep`: the dish on a plate or in a deep plate, laid with cutlery.
- `group_step`: two to four of the vessels above together, none in the middle.
- `ingredients`: raw ingredients and small bowls side by side, no cookware.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from training.scenes.canvas import chance
from training.scenes.kitchen import boards, tools, vessels
from training.scenes.kitchen.layout import Layout
from training.scenes.kitchen.mesh import Pose
from training.scenes.kitchen.oven import muffin_tray, oven_dish, oven_tray
from training.scenes.kitchen.plating import plated
from training.scenes.kitchen.prepared import cutting_board, ingredients
from training.scenes.kitchen.vessels import Vessel


@dataclass(frozen=True)
class Keyword:
    """`lay` puts it on the counter. `fill` is the share of the picture that it takes up at its wider side, `tilt` the
    camera's elevation in degrees, `weight` how often it comes in the natural distribution, `steam` how often it is hot.
    """

    lay: Callable[[Layout], None]
    fill: tuple[float, float]
    tilt: tuple[float, float]
    weight: float
    steam: float = 0.0


def _on_hob(layout: Layout, radius: float) -> None:
    rng = layout.rng
    if chance(rng, 0.2):
        layout.put(boards.hob(rng, [radius * 0.9, radius * 1.08]), Pose(yaw=float(rng.normal(0, 0.1))))
        layout.lift = 0.42
    elif chance(rng, 0.12):
        layout.put(tools.coaster(rng), Pose())
        layout.lift = 1.0


def _cooked(layout: Layout, vessel: Vessel, yaw: float, names: tuple[str, ...], share: tuple[float, float]) -> None:
    """A vessel in the middle, mostly with food in it, things beside it."""
    rng = layout.rng
    _on_hob(layout, vessel.radius)
    level = float(rng.uniform(*share))
    name = str(rng.choice(list(names))) if chance(rng, 0.93) else None
    layout.filled(vessel, Pose(yaw=yaw), name, level, main=True)
    if name in STIRRED and chance(rng, 0.3):
        layout.stirred(vessel, Pose(), level)
    layout.lift = 0.0
    if vessel.depth > vessel.radius * 0.8 and chance(rng, 0.15):
        layout.beside(tools.lid(rng, vessel.radius), vessel.radius, (vessel.radius * 2 + 5, vessel.radius * 2 + 12))
    layout.clutter(vessel.radius + 4, int(rng.integers(0, 5)))


STIRRED = {"stew", "soup", "sauce", "boiling", "rice", "noodles", "minced", "dairy", "saute", "short pasta", "paella"}


def _any_side(rng: np.random.Generator) -> float:
    """A handle to any side but straight away from the camera, where the wall may hide it."""
    return float(rng.uniform(-np.pi * 1.3, np.pi * 0.3))


def _both_sides(rng: np.random.Generator) -> float:
    """Ears to the left and the right, or nearly so."""
    return float(np.clip(rng.normal(0, 0.4), -0.85, 0.85))


PAN_FOODS = ("eggs", "cuts", "cuts", "saute", "saute", "noodles", "pancake", "stew", "minced", "rice", "sauce")


def _frying_pan(layout: Layout) -> None:
    rng = layout.rng
    _cooked(layout, vessels.frying_pan(rng, layout.recipe.style), _any_side(rng), PAN_FOODS, (0.05, 0.4))


def _serving_pan(layout: Layout) -> None:
    rng = layout.rng
    pan = vessels.serving_pan(rng, layout.recipe.style)
    _cooked(layout, pan, _both_sides(rng), ("paella", "stew", "cuts", "saute", "rice", "eggs", "noodles"), (0.15, 0.55))


def _grill_pan(layout: Layout) -> None:
    rng = layout.rng
    _cooked(layout, vessels.grill_pan(rng), _any_side(rng), ("grilled",), (0.16, 0.2))


POT_FOODS = ("stew", "stew", "soup", "soup", "boiling", "boiling", "noodles", "short pasta", "rice", "water", "sauce")


def _pot(layout: Layout) -> None:
    rng = layout.rng
    made = vessels.pot(rng, layout.recipe.style, rng.uniform(11, 14))
    _cooked(layout, made, _both_sides(rng), POT_FOODS, (0.3, 0.66))


def _small_pot(layout: Layout) -> None:
    rng = layout.rng
    made = vessels.pot(rng, layout.recipe.style, rng.uniform(6, 7.5))
    _cooked(layout, made, _both_sides(rng), POT_FOODS, (0.3, 0.66))
    layout.clutter(made.radius + 4, int(rng.integers(1, 4)))


def _saucepan(layout: Layout) -> None:
    rng = layout.rng
    names = ("sauce", "dairy", "dairy", "rice", "boiling", "soup", "stew", "water", "short pasta")
    _cooked(layout, vessels.saucepan(rng, layout.recipe.style), _any_side(rng), names, (0.3, 0.66))


def _mixing_bowl(layout: Layout) -> None:
    rng = layout.rng
    made = vessels.bowl(
        rng,
        rng.uniform(11, 14.5),
        "steel",
        "steel",
        "glass",
        "porcelain",
        "porcelain",
        "stoneware",
        "enamel",
        "plastic",
    )
    name = str(rng.choice(["dough", "dough", "batter", "batter", "flour", "minced", "leaves", "saute", "whipped"]))
    level = float(rng.uniform(0.22, 0.5))
    layout.filled(made, Pose(yaw=layout.turn()), name, level, main=True)
    if chance(rng, 0.45):
        layout.stirred(made, Pose(), level)
    layout.clutter(made.radius + 1, int(rng.integers(0, 5)))


def _final(layout: Layout) -> None:
    """A plate, cutlery beside it, a napkin, a second plate or a drink at times."""
    rng = layout.rng
    deep = chance(rng, 0.35)
    if chance(rng, 0.4):
        layout.put([boards.cloth(rng)], Pose(float(rng.normal(0, 12)), float(rng.normal(0, 12)), yaw=layout.turn()))
    places = [(0.0, 0.0)] if chance(rng, 0.8) else [(-15.5, float(rng.normal(0, 5))), (15.5, float(rng.normal(0, 5)))]
    yaw = float(rng.normal(0, 0.5))
    for x, y in places:
        plate = vessels.plate(rng, deep=deep)
        food = plated(rng, plate, layout.recipe, deep=deep)
        layout.put([*plate.thing, food], Pose(x, y, 0.15, yaw), plate.radius, main=True)
    side = 17.5 if len(places) == 1 else 32.0
    for maker, x in ((tools.fork, -side), (tools.table_knife, side), (tools.spoon, side + 3.5)):
        if chance(rng, 0.6):
            along = float(np.pi / 2 + yaw + rng.normal(0, 0.06))
            layout.put(maker(rng), Pose(x * np.cos(yaw), x * np.sin(yaw) + rng.normal(0, 1), 0.2, along), 2.0)
    if chance(rng, 0.35):
        layout.small_bowl((side + 3, side + 14))
    if chance(rng, 0.25):
        layout.produce(str(rng.choice(["lemon", "herbs", "tomato", "chilli"])), 2, (side + 2, side + 14))


def _group(layout: Layout) -> None:
    """Vessels of several kinds side by side."""
    rng, style = layout.rng, layout.recipe.style
    makers: list[tuple[Callable[[], Vessel], tuple[str, ...], float]] = [
        (lambda: vessels.frying_pan(rng, style), PAN_FOODS, 0.2),
        (lambda: vessels.pot(rng, style, rng.uniform(8, 11)), POT_FOODS, 0.5),
        (lambda: vessels.saucepan(rng, style), POT_FOODS, 0.5),
        (
            lambda: vessels.bowl(rng, rng.uniform(8, 11), "porcelain", "steel", "stoneware"),
            ("saute", "batter", "leaves"),
            0.5,
        ),
        (lambda: vessels.plate(rng, deep=False), ("cuts", "saute"), 0.1),
    ]
    count = int(rng.choice([2, 3, 3, 4]))
    for pick in rng.permutation(len(makers))[:count].tolist():
        make, names, share = makers[pick]
        vessel = make()
        place = layout.free(vessel.radius + 2, 8 if count == 2 else 10, 15 + 5 * count)
        if place is not None:
            layout.filled(vessel, Pose(*place, yaw=layout.turn()), str(rng.choice(list(names))), share, main=True)
    layout.clutter(18, int(rng.integers(1, 5)))


KEYWORDS: Mapping[str, Keyword] = MappingProxyType(
    {
        "cutting-board": Keyword(cutting_board, (0.78, 1.15), (38, 90), 11),
        "finalstep": Keyword(_final, (0.62, 1.05), (32, 90), 20, 0.12),
        "grill-pan": Keyword(_grill_pan, (0.75, 1.1), (42, 90), 3, 0.12),
        "group_step": Keyword(_group, (0.85, 1.1), (38, 85), 12, 0.05),
        "ingredients": Keyword(ingredients, (0.85, 1.1), (38, 90), 14),
        "mixing-bowl": Keyword(_mixing_bowl, (0.55, 0.95), (38, 85), 9),
        "muffin-tray": Keyword(muffin_tray, (0.72, 1.08), (36, 90), 2),
        "oven-dish": Keyword(oven_dish, (0.66, 1.0), (36, 80), 5, 0.12),
        "oven-tray": Keyword(oven_tray, (0.76, 1.02), (36, 90), 9, 0.05),
        "pan-one-handle": Keyword(_frying_pan, (0.75, 1.1), (36, 88), 13, 0.2),
        "pan-two-handles": Keyword(_serving_pan, (0.66, 1.0), (36, 85), 4, 0.2),
        "pot-two-handles": Keyword(_pot, (0.72, 1.02), (34, 72), 7, 0.25),
        "pot-two-handles-small": Keyword(_small_pot, (0.26, 0.37), (34, 72), 1, 0.2),
        "saucepan": Keyword(_saucepan, (0.66, 1.02), (34, 72), 2, 0.2),
    }
)
NAMES = tuple(KEYWORDS)
