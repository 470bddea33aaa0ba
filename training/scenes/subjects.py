"""A subject: its light and its alpha on the picture, built from shaded parts laid over one another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.scenes.canvas import Array, Frame, Size, filled, over
from training.scenes.colours import mood, palette, tinted
from training.scenes.shading import Finish, Light, lit
from training.scenes.textures import texture


@dataclass(frozen=True)
class Subject:
    """`light` (height, width, 3) and `alpha` (height, width) as on the picture; `foot` is the row it stands on, pixels."""

    light: Array
    alpha: Array
    kind: str
    material: str
    foot: float


@dataclass(frozen=True)
class Stage:
    """Where a subject is drawn, and under which light."""

    frame: Frame
    light: Light

    @property
    def size(self) -> Size:
        return self.frame.size

    def at(self, frame: Frame) -> "Stage":
        return Stage(frame, self.light)


@dataclass(frozen=True)
class Coat:
    """A material: colours (n, 3), the texture's names, and the finish with `bulge` in units of the frame."""

    name: str
    colours: Array
    textures: Sequence[str]
    bulge: float
    bump: float = 0.0
    gloss: float = 0.0
    mirror: float = 0.0


COATS = ("matt", "glossy", "metal", "cloth", "wooden", "skin", "white", "printed", "stone")


def coat(rng: np.random.Generator, name: str | None = None) -> Coat:
    """A random material, or a random one of the named sort."""
    sort = name or str(rng.choice(COATS))
    bulge = float(rng.uniform(0.08, 0.6))
    anything = palette(rng, mood(rng), 3)
    if sort == "metal":
        tones = palette(rng, "grey", 3, 0.3) if rng.random() < 0.7 else palette(rng, "wood", 3, 0.2)  # noqa: PLR2004
        made = Coat(sort, tones, ("plain", "gradient"), bulge, 0, rng.uniform(0.3, 1.0), rng.uniform(0.4, 0.9))
    elif sort == "cloth":
        made = Coat(sort, anything, ("weave", "checks", "stripes", "plain"), bulge, rng.uniform(0.1, 0.6))
    elif sort == "wooden":
        made = Coat(sort, palette(rng, "wood", 3, 0.3), ("wood",), bulge * 0.5, 0.05, rng.uniform(0, 0.3))
    elif sort == "skin":
        made = Coat(
            sort, palette(rng, "food", 4, 0.4), ("spots", "clouds", "grain", "cells"), bulge, rng.uniform(0, 1), 0.3
        )
    elif sort == "white":
        made = Coat(sort, palette(rng, "pale", 2, 0.05), ("plain", "clouds"), bulge, 0.0, rng.uniform(0, 0.6))
    elif sort == "stone":
        made = Coat(sort, palette(rng, "grey", 4, 0.4), ("marble", "clouds", "grain"), bulge, rng.uniform(0.1, 1), 0.1)
    elif sort == "printed":
        made = Coat(sort, palette(rng, mood(rng), 4, 0.8), ("writing", "stripes", "checks", "cells"), bulge, 0.0, 0.2)
    elif sort == "glossy":
        made = Coat(
            sort,
            palette(rng, "vivid", 2, 0.2),
            ("plain", "gradient"),
            bulge,
            0,
            rng.uniform(0.4, 1),
            rng.uniform(0, 0.4),
        )
    else:
        made = Coat(sort, anything, ("plain", "gradient", "clouds", "grain"), bulge, rng.uniform(0, 0.3))
    return made


class Canvas:
    """Collects shaded parts from back to front and is a subject at the end."""

    def __init__(self, rng: np.random.Generator, stage: Stage) -> None:
        self.rng = rng
        self.stage = stage
        self.light: Array = np.zeros((*stage.size, 3), np.float32)
        self.alpha: Array = np.zeros(stage.size, np.float32)

    def shape(self, *outlines: Array, frame: Frame | None = None) -> Array:
        """The union of outlines in unit coordinates as a mask on the picture."""
        place = frame or self.stage.frame
        return filled(self.stage.size, *[place.pixels(outline) for outline in outlines])

    def albedo(self, skin: Coat) -> Array:
        return tinted(texture(self.rng, self.stage.size, list(skin.textures)), skin.colours)

    def add(self, mask: Array, skin: Coat, albedo: Array | None = None, opacity: float = 1.0) -> None:
        """Lays a part of one material over what is there."""
        ground = self.albedo(skin) if albedo is None else albedo
        finish = Finish(max(1.5, skin.bulge * self.stage.frame.scale), skin.bump, skin.gloss, skin.mirror)
        self.lay(mask * np.float32(opacity), lit(self.rng, ground, mask, finish, self.stage.light))

    def lay(self, alpha: Array, light: Array) -> None:
        """Lays light through alpha; colour under transparent parts is kept un-premultiplied."""
        after = alpha + self.alpha * (1 - alpha)
        share = np.where(after > 0, alpha / np.maximum(after, 1e-6), 1.0).astype(np.float32)
        self.light = over(light, share, self.light)
        self.alpha = after.astype(np.float32)

    def paint(self, mask: Array, colour: Array) -> None:
        """Paint on what is there already; alpha stays."""
        self.light = over(colour, mask, self.light)

    def cut(self, mask: Array) -> None:
        """A hole."""
        self.alpha = self.alpha * (1 - mask)

    def done(self, kind: str, material: str) -> Subject:
        return Subject(self.light, self.alpha, kind, material, foot(self.alpha))


def foot(alpha: Array) -> float:
    """The lowest row with something opaque in it; the picture's height where the frame cuts it, 0 where nothing is."""
    rows = np.flatnonzero(alpha.max(axis=1) > 0.5)  # noqa: PLR2004
    return float(rows[-1] + 1) if len(rows) else 0.0
