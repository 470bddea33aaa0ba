"""Products: shapes with their measures in centimetres and their prints."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from training.scenes.canvas import Array
from training.scenes.shelf.labels import Brand, Flavour
from training.scenes.shelf.lettering import Print
from training.scenes.shelf.screen import Skin
from training.scenes.shelf.view import Points

TEXELS = 240  # of a print's longer side
STEPS = 128  # of a profile


@dataclass(frozen=True, eq=False)
class Product:
    """`shape`: box, round or bag; `size` is width, height, depth in centimetres.

    Skins: `front`, and of boxes and bags `side`; of boxes and round things `top`. The front of a round thing goes
    around it, its middle to the viewer. `profile` (STEPS,) is its radius from foot to top, `outline` (n, 2) a bag's
    within its front. `gloss` and `metal` 0..1. `stacked` says how many stand upon each other at most.
    """

    kind: str
    shape: str
    size: tuple[float, float, float]
    skins: Mapping[str, Skin]
    profile: Array
    outline: Points
    gloss: float
    metal: float
    stacked: int


Draw = Callable[[np.random.Generator, Brand, Flavour], Product]
NO_PROFILE = np.zeros(0, np.float32)
NO_OUTLINE = np.zeros((0, 2))


def texels(width: float, height: float) -> tuple[int, int]:
    scale = TEXELS / max(width, height)
    return max(16, round(height * scale)), max(16, round(width * scale))


def shaded(page: Print, field: Array) -> Print:
    """A print with light and dark (h, w), about 1, baked in."""
    return np.clip(page * field[..., None], 0, 255).astype(np.uint8)
