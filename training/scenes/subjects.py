"""A subject: its light and its alpha on the picture, built from shaded parts laid over one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from training.scenes.canvas import Array, Frame, Size, filled, over
from training.scenes.colours import MOODS, palette, tinted
from training.scenes.shading import Finish, Light, lit
from training.scenes.textures import texture

RENDERED = "rendered"  # the material of subjects whose light and edge were not made here


@dataclass(frozen=True)
class Subject:
    """`light` (height, width, 3) and `alpha` (height, width) as on the picture; `foot` is the row it stands on."""

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


@dataclass(frozen=True)
class Sort:
    """A sort of material: moods to choose from, spread of colour, textures, ranges of bump, gloss and mirror."""

    moods: tuple[str, ...]
    shades: int
    spread: float
    textures: tuple[str, ...]
    bump: tuple[float, float] = (0.0, 0.0)
    gloss: tuple[float, float] = (0.0, 0.0)
    mirror: tuple[float, float] = (0.0, 0.0)


ANY = tuple(MOODS)
COATS: Mapping[str, Sort] = MappingProxyType(
    {
        "matt": Sort(ANY, 3, 0.35, ("plain", "gradient", "clouds", "grain"), (0, 0.3)),
        "glossy": Sort(("vivid", "vivid", "muted"), 2, 0.2, ("plain", "gradient"), (0, 0), (0.4, 1), (0, 0.4)),
        "metal": Sort(("grey", "grey", "wood"), 3, 0.3, ("plain", "gradient"), (0, 0), (0.3, 1), (0.4, 0.9)),
        "cloth": Sort(ANY, 3, 0.35, ("weave", "checks", "stripes", "plain"), (0.1, 0.6)),
        "wooden": Sort(("wood",), 3, 0.3, ("wood",), (0.05, 0.05), (0, 0.3)),
        "skin": Sort(("food",), 4, 0.4, ("spots", "clouds", "grain", "cells"), (0, 1), (0.3, 0.3)),
        "white": Sort(("pale",), 2, 0.05, ("plain", "clouds"), (0, 0), (0, 0.6)),
        "printed": Sort(ANY, 4, 0.8, ("writing", "stripes", "checks", "cells"), (0, 0), (0.2, 0.2)),
        "stone": Sort(("grey",), 4, 0.4, ("marble", "clouds", "grain"), (0.1, 1), (0.1, 0.1)),
    }
)


def coat(rng: np.random.Generator, name: str | None = None) -> Coat:
    """A random material, or a random one of the named sort."""
    chosen = name or str(rng.choice(list(COATS)))
    sort = COATS[chosen]
    colours = palette(rng, str(rng.choice(sort.moods)), sort.shades, sort.spread)
    bulge, bump, gloss, mirror = (rng.uniform(*span) for span in ((0.08, 0.6), sort.bump, sort.gloss, sort.mirror))
    return Coat(chosen, colours, sort.textures, float(bulge), float(bump), float(gloss), float(mirror))


Window = tuple[slice, slice]
WHOLE: Window = (slice(None), slice(None))
MARGIN = 10  # pixels about a part whose colour later blurs may reach


def _window(mask: Array) -> Window:
    """The rows and columns that a mask touches, with a margin; of a mask that is empty, a small corner."""
    rows, columns = np.flatnonzero(mask.max(axis=1)), np.flatnonzero(mask.max(axis=0))
    if not len(rows):
        return slice(0, 2 * MARGIN), slice(0, 2 * MARGIN)
    top, left = max(0, int(rows[0]) - MARGIN), max(0, int(columns[0]) - MARGIN)
    return slice(top, int(rows[-1]) + MARGIN), slice(left, int(columns[-1]) + MARGIN)


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
        self.cover(mask, ground, finish, opacity)

    def cover(self, mask: Array, albedo: Array, finish: Finish, opacity: float = 1.0) -> None:
        """Lays a shaded part over what is there; only the part's own window of the picture is worked on."""
        window = _window(mask)
        light = lit(self.rng, albedo[window], mask[window], finish, self.stage.light)
        self.lay(mask[window] * np.float32(opacity), light, window)

    def lay(self, alpha: Array, light: Array, window: Window = WHOLE) -> None:
        """Lays light through alpha; colour under transparent parts is kept un-premultiplied."""
        after = alpha + self.alpha[window] * (1 - alpha)
        share = np.where(after > 0, alpha / np.maximum(after, 1e-6), 1.0).astype(np.float32)
        self.light[window] = over(light, share, self.light[window])
        self.alpha[window] = after

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
    rows = np.flatnonzero(alpha.max(axis=1) > 0.5)
    return float(rows[-1] + 1) if len(rows) else 0.0
