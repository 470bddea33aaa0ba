"""The kitchen's light: a window or lamp, the room that shiny things mirror, shadows and the dark of corners."""

from dataclasses import dataclass

import cv2
import numpy as np

from training.scenes.canvas import Array, Colour, blurred, chance
from training.scenes.kitchen.mesh import Mesh
from training.scenes.kitchen.raster import NO_MAP, lines, sampled
from training.scenes.textures import noise

ROOM = 96  # pixels of the mirrored hemisphere, seen from above
BLURS = (0.8, 4.0, 12.0)  # for smooth, satin and rough surfaces
FIELD = 320  # cells of the height field
WIDTHS = (0.8, 2.5, 7.0)  # cm
FAR = (0.5, 1.0, 1.8, 3.2, 5.6, 9.5, 16.0)  # cm towards the light


@dataclass(frozen=True, eq=False)
class Light:
    """`towards` the key light, a unit vector; `soft` is its half angle's tangent; `room` (3, ROOM, ROOM, 3) from
    smooth to rough.
    """

    towards: Array
    key: Colour
    ambient: Colour
    soft: float
    room: Array

    @staticmethod
    def drawn(rng: np.random.Generator) -> "Light":
        azimuth, height = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(28, 75))
        towards = np.array([np.cos(azimuth) * np.cos(height), np.sin(azimuth) * np.cos(height), np.sin(height)])
        warmth = rng.normal(0, 0.09)
        cast = np.array([1 + warmth, 1, 1 - warmth])
        share = rng.uniform(0.3, 0.85)
        soft = float(rng.uniform(0.05, 0.6))
        key: Colour = (cast * (1.5 * share)).astype(np.float32)
        ambient: Colour = ((2 - cast) * (1.15 - share * 0.85)).astype(np.float32)
        room = _room(rng, towards, key, ambient, soft)
        return Light(towards.astype(np.float32), key.astype(np.float32), ambient.astype(np.float32), soft, room)


def _flat(way: Array) -> Array:
    """Directions (..., 3) to places 0..1 (..., 2) on the hemisphere's map; those from below to its rim."""
    return np.asarray(way[..., :2] / (1 + np.abs(way[..., 2:])) * 0.49 + 0.5, np.float32)


def _room(rng: np.random.Generator, towards: Array, key: Colour, ambient: Colour, soft: float) -> Array:
    """Ceiling, darker walls with cupboards, and the lamps or windows."""
    axis = (np.arange(ROOM, dtype=np.float32) + 0.5) / ROOM * 2 - 1
    x, y = np.meshgrid(axis, axis)
    out = np.clip(np.hypot(x, y), 0, 1)
    base = rng.uniform(0.6, 1.3) * (1 - out) + rng.uniform(0.2, 0.8) * out
    base = base * (0.6 + 0.8 * noise(rng, (ROOM, ROOM), 5, 3))
    for _ in range(int(rng.integers(1, 4))):
        angle = rng.uniform(0, 6.3)
        base[np.hypot(x - np.cos(angle) * 0.9, y - np.sin(angle) * 0.9) < rng.uniform(0.2, 0.5)] *= 0.2
    room = (base[..., None] * ambient).astype(np.float32)
    places: list[tuple[Array, Array]] = [(_flat(towards) * 2 - 1, key * np.float32(rng.uniform(3, 7)))]
    lamps = int(rng.integers(0, 3))
    for _ in range(lamps):
        where: Array = rng.uniform(-0.75, 0.75, 2).astype(np.float32)
        places.append((where, ambient * np.float32(rng.uniform(1, 3))))
    for place, colour in places:
        wide, tall = rng.uniform(0.06, 0.2, 2) * (0.6 + 2 * soft)
        angle = rng.uniform(0, 3.14)
        dx, dy = x - place[0], y - place[1]
        across, along = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        inside = (np.abs(across) < wide) & (np.abs(along) < tall)
        if chance(rng, 0.4):
            inside &= np.abs(across) > wide * 0.12
        room[inside] = colour
    return np.stack([blurred(room, sigma) for sigma in BLURS]).astype(np.float32)


def mirrored(light: Light, way: Array, rough: float, below: Colour) -> Array:
    """What a surface mirrors in directions (n, 3); from below the counter's colour."""
    level = rough * (len(BLURS) - 1)
    low = min(int(level), len(BLURS) - 2)
    share = np.float32(level - low)
    place = _flat(way)
    found = sampled(light.room[low], place) * (1 - share) + sampled(light.room[low + 1], place) * share
    up = np.clip(way[:, 2:] * (6 - 4 * rough) + 0.4, 0, 1)
    return np.asarray(found * up + below * (1 - up), np.float32)


@dataclass(frozen=True, eq=False)
class Heights:
    """How high things stand (cm) over a square of the counter, `reach` cm about `centre`. `tall` holds that ever more
    spread out, so that a long step misses nothing thin; `cast` the shade 0..1 on the counter of what is aloft; `hollow`
    the heights blurred, for the dark of corners.
    """

    tall: tuple[Array, ...]
    cast: Array
    hollow: tuple[Array, ...]
    centre: Array
    reach: float

    @staticmethod
    def of(meshes: list[Mesh], light: Light, centre: Array, reach: float) -> "Heights":
        field = _raised([mesh for mesh in meshes if not mesh.aloft], centre, reach)
        cast = _thrown([mesh for mesh in meshes if mesh.aloft], light, centre, reach)
        scale = FIELD / (2 * reach)
        tall = []
        for far in FAR:
            wide = 2 * int(far * 0.2 * scale) + 1
            disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide))
            spread = cv2.dilate(field, disc) if wide > 1 else field
            tall.append(blurred(np.asarray(spread, np.float32), max(0.5, wide * 0.3)))
        return Heights(tuple(tall), cast, tuple(blurred(field, width * scale) for width in WIDTHS), centre, reach)

    @property
    def cell(self) -> float:
        """The width in cm of a cell of the fields."""
        return 2 * self.reach / FIELD

    def _place(self, places: Array) -> Array:
        """Where (n, 3) places are in the fields, as OpenCV's lines of (x, y)."""
        scale = np.float32(FIELD / (2 * self.reach))
        return lines((places[:, :2] - (self.centre - self.reach)) * scale - np.float32(0.5))

    def lit(self, places: Array, light: Light) -> Array:
        """How much of the key light reaches (n, 3) places, 0..1, with a penumbra."""
        flat = max(float(np.hypot(light.towards[0], light.towards[1])), 1e-3)
        rise = float(light.towards[2]) / flat
        step = light.towards[:2] * np.float32(FIELD / (2 * self.reach) / flat)
        start, high = self._place(places), lines(places[:, 2:])[..., 0]
        free = np.ones(high.shape, np.float32)
        for field, far in zip(self.tall, FAR, strict=True):
            place = start + step * np.float32(far)
            top = np.asarray(cv2.remap(field, place, NO_MAP, cv2.INTER_LINEAR), np.float32)
            top -= high
            top -= np.float32(far * rise)
            top *= np.float32(-0.5 / (0.2 + far * light.soft))
            top += np.float32(0.5)
            np.minimum(free, top, out=free)
        free -= cv2.remap(self.cast, start, NO_MAP, cv2.INTER_LINEAR) * np.clip(3 - high, 0, 1)
        return np.clip(free.ravel()[: len(places)], 0, 1)

    def open(self, places: Array) -> Array:
        """How much of the sky (n, 3) places see, 0..1."""
        start, high = self._place(places), lines(places[:, 2:])[..., 0]
        dark = np.zeros(high.shape, np.float32)
        for field, width in zip(self.hollow, WIDTHS, strict=True):
            rise = (cv2.remap(field, start, NO_MAP, cv2.INTER_LINEAR) - high) * np.float32(1 / (width * 2.2))
            dark += np.clip(rise, 0, 0.45)
        return np.asarray(np.exp(dark.ravel()[: len(places)] * np.float32(-1.3)), np.float32)


def _thrown(meshes: list[Mesh], light: Light, centre: Array, reach: float) -> Array:
    """The shadows on the counter of what is in the air, soft by how high it is."""
    field, high = np.zeros((FIELD, FIELD), np.float32), [0.0]
    scale = FIELD / (2 * reach)
    for mesh in meshes:
        shifted = mesh.points[:, :2] - light.towards[:2] * (mesh.points[:, 2:] / light.towards[2])
        high.append(float(mesh.points[:, 2].mean()))
        for quad in np.round(((shifted - (centre - reach)) * scale)[mesh.faces]).astype(np.int32):
            cv2.fillConvexPoly(field, quad, 1.0)
    return blurred(field, (0.25 + max(high) * light.soft * 0.5) * scale)


def _raised(meshes: list[Mesh], centre: Array, reach: float) -> Array:
    field = np.zeros((FIELD, FIELD), np.float32)
    faces, tops = [np.zeros((0, 4, 2), np.float32)], [np.zeros(0, np.float32)]
    for mesh in meshes:
        corners = mesh.points[mesh.faces]
        up = mesh.normals[mesh.faces].mean(axis=1)[:, 2] > 0.05
        if mesh.surface.alpha is not None:
            up &= (sampled(mesh.surface.alpha[..., None], mesh.uv)[:, 0] > 0.5)[mesh.faces].sum(axis=1) > 2
        faces.append((corners[up, :, :2] - (centre - reach)) * np.float32(FIELD / (2 * reach)))
        tops.append(corners[up, :, 2].mean(axis=1))
    where, height = np.concatenate(faces), np.concatenate(tops)
    inside = ((where > 0) & (where < FIELD)).any(axis=(1, 2))
    where, height = where[inside], height[inside]
    order = np.argsort(height, kind="stable")
    for quad, top in zip(np.round(where[order]).astype(np.int32), height[order].tolist(), strict=True):
        cv2.fillConvexPoly(field, quad, top)
    return field
