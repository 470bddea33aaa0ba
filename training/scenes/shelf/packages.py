"""Boxes and bags. Each function draws measures; what it returns draws products of these measures by their prints."""

from types import MappingProxyType

import cv2
import numpy as np

from training.scenes.canvas import Array
from training.scenes.shelf import labels
from training.scenes.shelf.labels import Brand, Flavour
from training.scenes.shelf.lettering import Print
from training.scenes.shelf.products import NO_OUTLINE, NO_PROFILE, Draw, Product, shaded, texels
from training.scenes.shelf.screen import Skin
from training.scenes.shelf.view import Points


def _worn(page: Print) -> Print:
    """Cardboard's edges are lighter on one side and darker on the other."""
    field = np.ones(page.shape[:2], np.float32)
    field[:2], field[-2:], field[:, :2], field[:, -2:] = 1.12, 0.8, 1.06, 0.86
    return shaded(page, field)


def _box(size: tuple[float, float, float], stacked: int, kind: str) -> Draw:
    def draw(rng: np.random.Generator, brand: Brand, flavour: Flavour) -> Product:
        width, height, depth = size
        skins = {
            "front": Skin.encoded(_worn(labels.front(rng, texels(width, height), brand, flavour))),
            "side": Skin.encoded(_worn(labels.back(rng, texels(depth, height), brand, flavour))),
            "top": Skin.encoded(_worn(_lid_of_box(brand, flavour, texels(width, depth)))),
        }
        gloss = float(rng.choice([0.0, 0.15, 0.5]))
        return Product(kind, "box", size, MappingProxyType(skins), NO_PROFILE, NO_OUTLINE, gloss, 0.0, stacked)

    return draw


def _lid_of_box(brand: Brand, flavour: Flavour, size: tuple[int, int]) -> Print:
    page = np.zeros((*size, 3), np.uint8)
    page[:] = brand.ground
    page[size[0] // 2 - 1 : size[0] // 2 + 1] = np.array(brand.ground) * 0.7
    page[:, : size[1] // 7] = flavour.tint
    return page


def carton(rng: np.random.Generator) -> Draw:
    """Cereals, biscuits, washing powder."""
    size = rng.uniform(11, 22), rng.uniform(17, 32), rng.uniform(5, 9)
    return _box(size, 1, "carton")


def flat_box(rng: np.random.Generator) -> Draw:
    """Tea, chocolates, tooth paste."""
    size = rng.uniform(9, 19), rng.uniform(4, 9), rng.uniform(5, 12)
    return _box(size, int(rng.integers(2, 5)), "flat box")


def brick(rng: np.random.Generator) -> Draw:
    """Milk and juice."""
    width = rng.uniform(5.5, 9.5)
    return _box((width, rng.uniform(15, 25), width * rng.uniform(0.7, 1.0)), 1, "brick")


def _pillow(rng: np.random.Generator, width: float, height: float) -> Points:
    """A bag's outline: seams below and above, sides that swell, corners that stick out."""
    t = np.linspace(0, 1, 14)
    swell = width * float(rng.uniform(-0.05, 0.02))
    wave = rng.normal(0, width * 0.008, (2, 14))
    left = np.column_stack([swell * np.sin(np.pi * t) ** 0.6 + np.abs(wave[0]) + 0.1, height * (1 - t)])
    right = np.column_stack([width - swell * np.sin(np.pi * t) ** 0.6 - np.abs(wave[1]) - 0.1, height * t])
    return np.asarray(np.clip(np.concatenate([left, right]), [0, 0], [width, height]), dtype=np.float64)


def _crumpled(rng: np.random.Generator, size: tuple[int, int]) -> Array:
    """Light on foil: bulge, folds from the corners, seams."""
    height, width = size
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    bulge = (
        0.72
        + 0.5 * np.sin(np.pi * np.clip(x * 0.9 + 0.02, 0, 1)) * np.sin(np.pi * np.clip(y * 0.85 + 0.12, 0, 1)) ** 0.5
    )
    coarse = rng.normal(0, 1, (9, 7)).astype(np.float32)
    folds = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(rng.normal(0, 1, (24, 16)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    edge = np.exp(-np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y)) * 9)
    field = bulge + (folds * 0.07 + fine * 0.09 * edge) * float(rng.uniform(0.6, 1.5))
    seam = max(3, height // 22)
    stripes = 0.85 + 0.2 * (np.arange(width) // max(2, width // 60) % 2)
    field[:seam] = field[-seam:] = stripes
    return np.asarray(np.clip(field, 0.3, 1.7), dtype=np.float32)


def bag(rng: np.random.Generator) -> Draw:
    """Crisps, rice, coffee, sweets."""
    width, height = float(rng.uniform(11, 23)), float(rng.uniform(16, 31))
    depth = float(rng.uniform(3, 7))
    gloss = float(rng.choice([0.1, 0.4, 0.8]))

    def draw(rng: np.random.Generator, brand: Brand, flavour: Flavour) -> Product:
        size = texels(width, height)
        page = labels.front(rng, size, brand, flavour)
        seam = max(3, size[0] // 22)
        page[:seam] = page[-seam:] = brand.ground
        skins = {"front": Skin.encoded(shaded(page, _crumpled(rng, size))), "side": Skin.encoded(page[:, :4] // 2)}
        return Product(
            "bag", "bag", (width, height, depth), MappingProxyType(skins), NO_PROFILE, _pillow(rng, width, height),
            gloss, 0.0, 1,
        )  # fmt: skip

    return draw
