"""Food painted from above, colour and relief together: pieces are laid on one another, then it is a mesh."""

from dataclasses import dataclass

import cv2
import numpy as np

from training.scenes.canvas import Array, Colour, blurred, unit
from training.scenes.kitchen.mesh import Mesh, Outline, relief_sheet
from training.scenes.kitchen.morsels import MORSELS, Morsel, outline, shade
from training.scenes.kitchen.surface import Surface, sloped
from training.scenes.textures import noise

FINEST = 10.0  # pixels per cm
LARGEST = 300  # pixels across a patch
BITS = 4


@dataclass(frozen=True)
class At:
    """A place on a patch in cm from its middle (y towards the far side), a turn and a factor of size."""

    x: float
    y: float
    angle: float = 0.0
    size: float = 1.0


class Patch:
    """`reach` (x, y) in cm. `albedo` (h, w, 3) linear, `relief` (h, w) in cm, `alpha` (h, w) where there is food."""

    def __init__(self, rng: np.random.Generator, reach: tuple[float, float]) -> None:
        self.rng = rng
        self.reach = reach
        self.scale = min(FINEST, LARGEST / max(reach))
        size = max(8, round(reach[1] * self.scale)), max(8, round(reach[0] * self.scale))
        self.size = size
        self.albedo: Array = np.zeros((*size, 3), np.float32)
        self.relief: Array = np.zeros(size, np.float32)
        self.alpha: Array = np.zeros(size, np.float32)
        self.rough: Array = noise(rng, (96, 96), 24, 3)

    def pixels(self, points: Array) -> Array:
        """(n, 2) cm to pixels."""
        return np.asarray((points * np.array([1, -1]) + np.array(self.reach) / 2) * self.scale - 0.5, np.float32)

    def fill(self, mask: Array, albedo: Array, relief: Array | float) -> None:
        """Covers everything in the mask, as a sauce does."""
        self.albedo += (albedo - self.albedo) * mask[..., None]
        self.relief = np.asarray(self.relief + (relief - self.relief) * mask, np.float32)
        self.alpha = np.maximum(self.alpha, mask)

    def round(self, radius: float, x: float = 0.0, y: float = 0.0) -> Array:
        """A disc as a mask; radius and middle in cm."""
        across = (np.arange(self.size[1], dtype=np.float32) + 0.5) / self.scale - self.reach[0] / 2 - x
        down = self.reach[1] / 2 - (np.arange(self.size[0], dtype=np.float32) + 0.5) / self.scale - y
        far = np.sqrt(across[None] ** 2 + down[:, None] ** 2)
        return np.asarray(np.clip((radius - far) * self.scale + 0.5, 0, 1), np.float32)

    def inside(self, outline: Outline, margin: float = 0.0) -> Array:
        """What an outline about the middle holds, `margin` cm off its edge, as a mask."""
        corner = max(outline.corner - margin, 0.05)
        across = np.abs((np.arange(self.size[1], dtype=np.float32) + 0.5) / self.scale - self.reach[0] / 2)
        down = np.abs(self.reach[1] / 2 - (np.arange(self.size[0], dtype=np.float32) + 0.5) / self.scale)
        dx = (across - (outline.x - margin - corner))[None]
        dy = (down - (outline.y - margin - corner))[:, None]
        far = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0)) + np.minimum(np.maximum(dx, dy), 0)
        return np.asarray(np.clip((corner - far) * self.scale + 0.5, 0, 1), np.float32)

    def stamp(self, kind: Morsel, at: At) -> None:
        """Lays one piece on what is there."""
        size = self.rng.uniform(*kind.size) * at.size
        points = outline(self.rng, kind.shape) * np.float32(size)
        c, s = np.cos(at.angle), np.sin(at.angle)
        points = points @ np.array([[c, s], [-s, c]], np.float32) + np.array([at.x, at.y], np.float32)
        pixels = self.pixels(points)
        low = np.maximum(np.floor(pixels.min(axis=0)).astype(int) - 1, 0)
        high = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + 2, [self.size[1], self.size[0]])
        if (high - low < 2).any():
            return
        inside = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
        fixed = np.round((pixels - low) * (1 << BITS)).astype(np.int32)
        cv2.fillPoly(inside, [fixed], 255, cv2.LINE_AA, BITS)
        if kind.shape == "ring":
            middle = fixed.mean(axis=0)
            cv2.fillPoly(inside, [np.round(middle + (fixed - middle) * 0.68).astype(np.int32)], 0, cv2.LINE_AA, BITS)
        self._lay(kind, unit(inside), (slice(low[1], high[1]), slice(low[0], high[0])), size)

    def _lay(self, kind: Morsel, mask: Array, window: tuple[slice, slice], size: float) -> None:
        rng = self.rng
        total = float(mask.sum())
        if total < 1:
            return
        depth = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
        inward = np.clip(depth / max(float(depth.max()), 1), 0, 1)
        tall = rng.uniform(*kind.height) * min(1.0, size / kind.size[0])
        edge = np.clip(depth / max(self.scale * tall * 0.35, 1), 0, 1)
        rise = tall * ((1 - kind.dome) * edge + kind.dome * np.sqrt(np.clip(1 - (1 - inward) ** 2, 0, 1)))
        under = float((self.relief[window] * mask).sum()) / total
        albedo = self._colours(kind, inward)
        part = mask[..., None]
        self.albedo[window] += (albedo - self.albedo[window]) * part
        lifted = (under * 0.85 + rise).astype(np.float32)
        self.relief[window] += (lifted - self.relief[window]) * mask
        self.alpha[window] = np.maximum(self.alpha[window], mask)

    def _colours(self, kind: Morsel, inward: Array) -> Array:
        rng = self.rng
        albedo: Array = np.broadcast_to(shade(rng, kind.colour, kind.spread), (*inward.shape, 3)).astype(np.float32)
        if kind.core is not None:
            albedo = _towards(albedo, shade(rng, kind.core, kind.spread), np.clip((inward - 0.35) * 4, 0, 1))
        if kind.rim is not None:
            albedo = _towards(albedo, shade(rng, kind.rim, kind.spread), np.clip((kind.edge - inward) * 8 + 0.5, 0, 1))
        field = self._grain(kind, inward.shape)
        if kind.shape == "leaf":
            field = field * (0.7 + 0.3 * np.clip(np.abs(inward - 0.86) * 8, 0, 1))
        return np.asarray(albedo * field[..., None], np.float32)

    def _grain(self, kind: Morsel, shape: tuple[int, ...]) -> Array:
        """Unevenness about 1, cut out of one field of noise."""
        tall, wide = min(shape[0], 96), min(shape[1], 96)
        top, left = int(self.rng.integers(0, 97 - tall)), int(self.rng.integers(0, 97 - wide))
        part = cv2.resize(self.rough[top : top + tall, left : left + wide], (shape[1], shape[0]))
        return np.asarray(np.clip(1 + (part - 0.5) * (kind.mottled * 1.8), 0.1, 1.8), np.float32)

    def strew(self, name: str, count: int, within: Array, size: float = 1.0) -> None:
        """`count` pieces wherever `within` (h, w) lets them, turned anyhow."""
        rows, columns = np.nonzero(within > 0.5)
        if not len(rows):
            return
        for pick in self.rng.integers(0, len(rows), count).tolist():
            x = (columns[pick] + 0.5) / self.scale - self.reach[0] / 2
            y = self.reach[1] / 2 - (rows[pick] + 0.5) / self.scale
            self.stamp(MORSELS[name], At(float(x), float(y), float(self.rng.uniform(0, 6.3)), size))

    def strands(self, colour: Colour, count: int, within: Array, width: float) -> None:
        """Noodles: long curls, each with a light back, `width` in cm."""
        reach = float(np.sqrt(max((within > 0.5).sum(), 1) / np.pi))
        rows, columns = np.nonzero(within > 0.5)
        pick = self.rng.integers(0, max(len(rows), 1), count)
        turn = np.linspace(0, 1, 18)
        for index in pick.tolist():
            bend, start = self.rng.uniform(-4, 4), self.rng.uniform(0, 6.3)
            way = start + turn * bend
            step = reach * self.rng.uniform(0.4, 1.1) / 18
            line = np.stack([np.cumsum(np.cos(way)), np.sin(way).cumsum()], axis=1) * step
            line = line - line.mean(axis=0) + np.array([columns[index], rows[index]])
            self._strand(line, colour * self.rng.uniform(0.8, 1.1), width * self.scale)
        self.alpha *= np.maximum(within, self.alpha * (within > 0))

    def _strand(self, line: Array, colour: Colour, width: float) -> None:
        fixed = [np.round(line * (1 << BITS)).astype(np.int32)]
        base = float(self.relief[tuple(np.clip(line[9][::-1].astype(int), 0, np.array(self.size) - 1))])
        for share, light, high in ((1.0, 0.45, 0.0), (0.75, 0.85, 0.12), (0.4, 1.08, 0.2)):
            thick = max(1, round(width * share))
            tone = tuple(float(part) for part in colour * np.float32(light))
            cv2.polylines(self.albedo, fixed, False, tone, thick, cv2.LINE_AA, BITS)  # noqa: FBT003
            cv2.polylines(self.relief, fixed, False, base * 0.96 + high, thick, cv2.LINE_AA, BITS)  # noqa: FBT003
        cv2.polylines(self.alpha, fixed, False, 1.0, max(1, round(width)), cv2.LINE_AA, BITS)  # noqa: FBT003

    def mesh(self, gloss: float, rough: float = 0.3) -> Mesh:
        """A sheet at z = 0 with the relief upon it; the dark between pieces is in its colour."""
        sunk = np.clip(blurred(self.relief, 0.35 * self.scale) - self.relief, 0, 0.6)
        albedo = self.albedo * np.exp(sunk * np.float32(-1.6))[..., None]
        grainy = self.relief + noise(self.rng, self.size, max(self.reach) * 2.2, 2) * np.float32(0.05)
        slope = np.clip(sloped(blurred(grainy.astype(np.float32), 0.6), self.reach), -1.6, 1.6)
        alpha = None if self.alpha.min() > 0.5 else self.alpha
        lifted = cv2.dilate(self.relief, np.ones((3, 3), np.uint8)) * (self.alpha > 0.1)
        surface = Surface(albedo.astype(np.float32), gloss, rough, slope=slope.astype(np.float32), alpha=alpha)
        cells = int(np.clip(self.reach[0] * 1.15, 12, 52))
        return relief_sheet(np.asarray(lifted, np.float32), self.reach, surface, cells)


def _towards(albedo: Array, colour: Colour, share: Array) -> Array:
    return np.asarray(albedo + (colour - albedo) * share[..., None], np.float32)
