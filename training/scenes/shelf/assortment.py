"""An aisle of a shop: its products, its price tags, what its shelves are made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from training.scenes.canvas import Array, blurred, chance
from training.scenes.colours import from_hsv
from training.scenes.shelf.containers import bottle, can, cup, jar
from training.scenes.shelf.labels import Brand, Flavour
from training.scenes.shelf.packages import bag, brick, carton, flat_box
from training.scenes.shelf.products import Draw, Product
from training.scenes.shelf.screen import Skin
from training.scenes.shelf.tags import Tag, tags
from training.scenes.textures import texture

KINDS: Mapping[str, Callable[[np.random.Generator], Draw]] = MappingProxyType(
    {
        "carton": carton,
        "flat box": flat_box,
        "brick": brick,
        "can": can,
        "bottle": bottle,
        "jar": jar,
        "cup": cup,
        "bag": bag,
    }
)
BRANDS = 11
FLAVOURS = (2, 5)
MIXES = (
    ("carton", "carton", "bag", "flat box"),
    ("can", "jar", "can", "bottle"),
    ("bottle", "brick", "bottle", "can"),
    ("cup", "cup", "brick", "flat box"),
    ("bag", "carton", "bag", "bag"),
    ("bottle", "flat box", "carton", "jar"),
    tuple(KINDS),
    tuple(KINDS),
)


@dataclass(frozen=True, eq=False)
class Furniture:
    """Colours are linear RGB (3,); `wall` is its back, `beyond` the rest of the shop; `depth` in centimetres."""

    board: Array
    edge: Array
    rail: Array
    rail_height: float
    wall: Skin
    floor: Skin
    beyond: Skin
    ceiling: Skin
    depth: float

    @staticmethod
    def drawn(rng: np.random.Generator) -> "Furniture":
        value = float(rng.choice([0.95, 0.85, 0.65, 0.38]))
        board = from_hsv(rng.random(), rng.uniform(0, 0.1), value * rng.uniform(0.85, 1.05))
        if chance(rng, 0.15):
            board = from_hsv(rng.normal(0.075, 0.015), rng.uniform(0.3, 0.6), rng.uniform(0.4, 0.8))
        edge = board * np.float32(rng.uniform(0.8, 1.1))
        rail = edge if chance(rng, 0.3) else from_hsv(rng.random(), rng.uniform(0, 0.15), rng.uniform(0.1, 0.97))
        if chance(rng, 0.25):
            rail = from_hsv(rng.random(), rng.uniform(0.5, 1), rng.uniform(0.3, 0.9))
        return Furniture(
            board, edge, rail, float(rng.uniform(2.6, 5.0)), _wall(rng, board), _floor(rng),
            _beyond(rng), _ceiling(rng), float(rng.uniform(32, 52)),
        )  # fmt: skip


def _wall(rng: np.random.Generator, board: Array) -> Skin:
    """Sheet metal, perforated at times, or slats."""
    size = (128, 256)
    colour = board * np.float32(rng.uniform(0.55, 1.0))
    field = texture(rng, size, ["plain", "plain", "gradient", "grain"]) * np.float32(0.25) + np.float32(0.75)
    y, x = np.arange(size[0])[:, None], np.arange(size[1])[None]
    kind = int(rng.integers(0, 4))
    if kind == 0:
        field = field * np.where((x % 8 < 3) & (y % 8 < 3), 0.35, 1.0)
    elif kind == 1:
        field = field * np.where(y % 16 < 2, 0.5, 1.0)
    elif kind == 2:
        field = field * np.where(x % 64 < 2, 0.6, 1.0)
    return Skin.of(colour * field[..., None].astype(np.float32))


def _floor(rng: np.random.Generator) -> Skin:
    colour = from_hsv(rng.normal(0.09, 0.05), rng.uniform(0, 0.3), rng.uniform(0.4, 0.95))
    field = texture(rng, (128, 128), ["plain", "grain", "marble", "wood"]) * np.float32(0.3) + np.float32(0.7)
    field[:2], field[:, :2] = 0.45, 0.45
    return Skin.of(colour * field[..., None])


def _beyond(rng: np.random.Generator) -> Skin:
    """What is far behind the shelf, out of focus: a wall with signs above other shelves."""
    page = np.empty((96, 512, 3), np.float32)
    page[:] = from_hsv(rng.random(), rng.uniform(0, 0.3), rng.uniform(0.3, 0.95))
    for row in range(40, 96, 9):
        for left in range(0, 512, 5):
            page[row : row + 6, left : left + int(rng.integers(2, 6))] = from_hsv(
                rng.random(), rng.random(), rng.random()
            )
    for left in range(int(rng.integers(0, 90)), 512, int(rng.integers(60, 200))):
        page[8:24, left : left + int(rng.integers(20, 60))] = from_hsv(rng.random(), rng.random(), rng.uniform(0.3, 1))
    return Skin.of(blurred(page, float(rng.uniform(1.5, 5))))


def _ceiling(rng: np.random.Generator) -> Skin:
    """Panels with rows of lamps."""
    page = np.empty((128, 256, 3), np.float32)
    page[:] = from_hsv(rng.random(), rng.uniform(0, 0.1), rng.uniform(0.2, 0.9))
    page[::16], page[:, ::16] = page[0, 0] * 0.7, page[0, 0] * 0.7
    step = int(rng.integers(20, 50))
    for row in range(8, 128, step):
        page[row : row + 4] = 2.5
    page[:, :: int(rng.integers(12, 40))] *= 0.4
    return Skin.of(blurred(page, 1.0))


@dataclass(frozen=True, eq=False)
class Assortment:
    """`families` are products of one brand and one shape, each of its own flavour."""

    families: tuple[tuple[Product, ...], ...]
    tags: tuple[Tag, ...]
    furniture: Furniture

    @staticmethod
    def drawn(rng: np.random.Generator) -> "Assortment":
        mix = MIXES[int(rng.integers(len(MIXES)))]
        families = tuple(_family(rng, mix) for _ in range(BRANDS))
        return Assortment(families, tags(rng), Furniture.drawn(rng))


def _family(rng: np.random.Generator, mix: tuple[str, ...]) -> tuple[Product, ...]:
    brand = Brand.drawn(rng)
    draw = KINDS[str(rng.choice(mix))](rng)
    return tuple(draw(rng, brand, Flavour.drawn(rng)) for _ in range(int(rng.integers(*FLAVOURS))))
