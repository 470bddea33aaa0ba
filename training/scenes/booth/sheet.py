"""The sheet on which a product is drawn: linear light and alpha, laid part over part, anti-aliased by supersampling."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from training.scenes.booth.light import Booth, Normals, Stuff
from training.scenes.canvas import SUBPIXEL_BITS, Array, Frame, Size, unit
from training.scenes.shading import heights
from training.scenes.textures import noise

FINER = 4  # supersampling of outlines, each way


@dataclass(frozen=True)
class Window:
    """A part of the picture: rows top..top+height, columns left..left+width."""

    top: int
    left: int
    height: int
    width: int

    @property
    def size(self) -> Size:
        return self.height, self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    def grid(self) -> tuple[Array, Array]:
        """The pixels' centres in the picture: (y, x)."""
        y = np.arange(self.height, dtype=np.float32)[:, None] + np.float32(self.top + 0.5)
        x = np.arange(self.width, dtype=np.float32)[None, :] + np.float32(self.left + 0.5)
        return np.broadcast_to(y, self.size), np.broadcast_to(x, self.size)

    def local(self, frame: Frame) -> tuple[Array, Array]:
        """The pixels' centres in the frame's units: (x, y)."""
        y, x = self.grid()
        x, y = (x - np.float32(frame.centre[0])) / frame.scale, (y - np.float32(frame.centre[1])) / frame.scale
        cosine, sine = np.float32(np.cos(frame.angle)), np.float32(np.sin(frame.angle))
        along = x * cosine + y * sine
        return (-along if frame.mirrored else along).astype(np.float32), (y * cosine - x * sine).astype(np.float32)


@dataclass
class Sheet:
    """What has been drawn: premultiplied `light` (height, width, 3) and `alpha`; `feet` are polygons on the floor."""

    size: Size
    booth: Booth
    rng: np.random.Generator
    light: Array = field(init=False)
    alpha: Array = field(init=False)
    feet: list[Array] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cleared()

    def cleared(self) -> None:
        self.light = np.zeros((*self.size, 3), np.float32)
        self.alpha = np.zeros(self.size, np.float32)
        self.feet = []

    def window(self, *outlines: Array, margin: int = 2) -> Window:
        """The part of the picture that polygons in pixels touch; one pixel where they lie outside."""
        points = np.concatenate(outlines)
        left, top = (int(v) for v in np.clip(np.floor(points.min(0)) - margin, 0, [self.size[1] - 1, self.size[0] - 1]))
        right, low = (int(v) for v in np.clip(np.ceil(points.max(0)) + margin, 1, [self.size[1], self.size[0]]))
        return Window(top, left, max(1, low - top), max(1, right - left))

    def cover(self, window: Window, *outlines: Array, holes: bool = False) -> Array:
        """The share of each pixel that the polygons cover; with `holes`, those inside one another are cut out."""
        fine = np.zeros((window.height * FINER, window.width * FINER), np.uint8)
        origin = np.array([window.left, window.top], np.float32)
        moved = [np.clip((outline - origin) * FINER - 0.5, -8000, 16000) for outline in outlines]
        points = [np.round(part * (1 << SUBPIXEL_BITS)).astype(np.int32) for part in moved]
        for group in [points] if holes else [[part] for part in points]:
            cv2.fillPoly(fine, group, 255, cv2.LINE_8, SUBPIXEL_BITS)
        return unit(np.asarray(cv2.resize(fine, window.size[::-1], interpolation=cv2.INTER_AREA), np.uint8))

    def lay(self, window: Window, cover: Array, light: Array) -> None:
        """Light (h, w, 3) or one colour through a cover 0..1 over what is there."""
        rest = 1 - cover
        self.light[window.slices] = self.light[window.slices] * rest[..., None] + light * cover[..., None]
        self.alpha[window.slices] = self.alpha[window.slices] * rest + cover

    def paint(self, window: Window, cover: Array, colour: Array) -> None:
        """Colour on what is there already; alpha stays."""
        share = cover[..., None]
        there = self.alpha[window.slices][..., None]
        self.light[window.slices] = self.light[window.slices] * (1 - share) + colour * share * there

    def dim(self, window: Window, shade: Array) -> None:
        """A shadow of a part on those below it, 0..1; alpha stays."""
        self.light[window.slices] *= (1 - shade)[..., None]

    def slab(self, frame: Frame, outline: Array, stuff: Stuff, bevel: float, shape: "Relief | None" = None) -> Window:
        """A flat part with rounded edges; `bevel` in the frame's units, as large as its half width it is a bolster."""
        relief = shape or Relief()
        points = frame.pixels(outline)
        window = self.window(points)
        cover = self.cover(window, points)
        normals = pillow(cover, max(1.0, bevel * frame.scale), relief.tilt, relief.steepness)
        if relief.bump > 0:
            cells = max(4.0, max(window.size) / max(1.0, relief.grain * frame.scale))
            normals = normals.bumped(noise(self.rng, window.size, cells, 2), relief.bump * 12)
        self.lay(window, cover * np.float32(relief.opacity), self.booth.lit(stuff, normals))
        return window

    def shadowed(self, frame: Frame, outline: Array, soft: float, strength: float) -> None:
        """What a part that will be laid here takes of the light around itself from those below."""
        points = frame.pixels(outline)
        window = self.window(points, margin=int(3 * soft * frame.scale) + 2)
        cover = self.cover(window, points)
        sigma = max(0.4, soft * frame.scale)
        self.dim(window, np.asarray(cv2.GaussianBlur(cover, (0, 0), sigma), np.float32) * np.float32(strength))


@dataclass(frozen=True)
class Relief:
    """How a slab's surface runs: tilt of its plane, slope at its edges, bumps and their size in units, opacity."""

    tilt: tuple[float, float] = (0.0, 0.0)
    steepness: float = 1.0
    bump: float = 0.0
    grain: float = 0.02
    opacity: float = 1.0


def pillow(cover: Array, bulge: float, tilt: tuple[float, float] = (0.0, 0.0), steepness: float = 1.0) -> Normals:
    """The normals of a part that rises from its outline over `bulge` pixels and is flat further in."""
    padded = np.pad(cover, 1)
    height = heights(padded, bulge)[1:-1, 1:-1] * np.float32(bulge * steepness)
    base = Normals.flat((cover.shape[0], cover.shape[1]), (*tilt, 1.0))
    return base.bumped(height, 1.0)
