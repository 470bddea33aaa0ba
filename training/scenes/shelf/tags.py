"""Price tags."""

from dataclasses import dataclass

import numpy as np

from training.scenes.canvas import chance
from training.scenes.shelf.labels import against, ink
from training.scenes.shelf.lettering import WORDS, Ink, Print, barcode, drawn, put, small_print
from training.scenes.shelf.screen import Skin

KINDS = 14


@dataclass(frozen=True, eq=False)
class Tag:
    """`size` is width and height in centimetres; one of `offer` is larger and hangs from the edge."""

    size: tuple[float, float]
    skin: Skin
    offer: bool


def tags(rng: np.random.Generator) -> tuple[Tag, ...]:
    """The tags of a shop: one size and style, another for offers."""
    size = float(rng.uniform(4.5, 8)), float(rng.uniform(2.8, 4.6))
    large = size[0] * float(rng.uniform(1.2, 2.2)), size[1] * float(rng.uniform(1.3, 2.5))
    paper = ink(rng.random(), 0.0 if chance(rng, 0.6) else 0.15, float(rng.uniform(0.82, 1.0)))
    offer = ink(float(rng.choice([0.0, 0.02, 0.14, 0.16, rng.random()])), rng.uniform(0.75, 1), rng.uniform(0.8, 1))
    band = offer if chance(rng, 0.5) else None
    usual = [Tag(size, Skin.encoded(_print(rng, size, paper, band)), offer=False) for _ in range(KINDS)]
    offers = [Tag(large, Skin.encoded(_print(rng, large, offer, None)), offer=True) for _ in range(3)]
    return (*usual, *offers)


def _print(rng: np.random.Generator, size: tuple[float, float], paper: Ink, band: Ink | None) -> Print:
    scale = 120 / max(size)
    page = np.zeros((round(size[1] * scale), round(size[0] * scale), 3), np.uint8)
    page[:] = paper
    dark = against(paper)
    if band is not None:
        page[: page.shape[0] // 5] = band
    cents = int(rng.integers(10)) * 10 + int(rng.choice([9, 5, 0]))
    price = f"{int(rng.integers(0, 19))}{rng.choice(['.', ','])}{cents:02d}"
    put(page, drawn(price, 48, 1), (0.36, 0.28, 0.6, 0.5), ink(0.0, 0.9, 0.75) if chance(rng, 0.2) else dark)
    put(page, drawn(str(rng.choice(WORDS)), 24), (0.04, 0.22, 0.5, 0.16), dark)
    small_print(page, (0.04, 0.42, 0.28, 0.24), dark)
    barcode(rng, page, (0.04, 0.72, 0.34, 0.24))
    page[0], page[-1], page[:, 0], page[:, -1] = (np.array(paper) * 0.72,) * 4
    return page
