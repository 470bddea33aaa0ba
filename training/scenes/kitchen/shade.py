"""Light on what a camera sees."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from training.scenes.canvas import Array, Colour, over
from training.scenes.kitchen.light import Heights, Light, mirrored
from training.scenes.kitchen.mesh import Mesh
from training.scenes.kitchen.raster import COUNTER, Sight, View, sampled, seen
from training.scenes.kitchen.surface import Surface


@dataclass(frozen=True, eq=False)
class Counter:
    """The top that everything stands on: `reach` cm of its texture about `centre`, turned by `turn` (2, 2)."""

    surface: Surface
    reach: float
    turn: Array

    @property
    def colour(self) -> Colour:
        return np.asarray(self.surface.albedo[::8, ::8].mean(axis=(0, 1)), np.float32)


@dataclass(frozen=True, eq=False)
class Spot:
    """Pixels of one surface: where they are (n, 3), their normals, the directions to the camera, the texture places,
    how lit and how open they are (n,).
    """

    places: Array
    normals: Array
    sight: Array
    uv: Array
    lit: Array
    open: Array


@dataclass(frozen=True, eq=False)
class Shot:
    """`light` (h, w, 3) linear, `main` (h, w) 1 where the nearest mesh is a main one, `depth` (h, w) in cm."""

    light: Array
    main: Array
    depth: Array


def picture(view: View, meshes: Sequence[Mesh], counter: Counter, light: Light) -> Shot:
    solid = [mesh for mesh in meshes if not mesh.surface.glass]
    clear = [mesh for mesh in meshes if mesh.surface.glass]
    heights = _heights(view, solid, light)
    sight = seen(view, solid)
    image = np.zeros((*view.size, 3), np.float32)
    main = np.zeros(view.size, np.float32)
    _painted(image, sight, solid, (counter, light, heights))
    _marked(main, sight, solid)
    for mesh in sorted(clear, key=lambda one: float(-view.projected(one.points)[1].mean())):
        sight.draw(len(meshes), mesh)
        _glazed(image, main, sight, mesh, (len(meshes), counter, light, heights))
    return Shot(image, main, np.minimum(sight.depth, np.float32(1000)))


def _marked(main: Array, sight: Sight, meshes: Sequence[Mesh]) -> None:
    chosen = np.array([mesh.main for mesh in meshes] + [False])
    main[...] = chosen[sight.mesh]


Setting = tuple[Counter, Light, Heights]


def _heights(view: View, meshes: list[Mesh], light: Light) -> Heights:
    """The field covers what is seen of the counter, within bounds."""
    rays = view.rays()[:: view.size[0] - 1, :: view.size[1] - 1].reshape(-1, 3)
    far = np.minimum(-view.origin[2] / np.minimum(rays[:, 2], -0.15), 160)
    corners = view.origin[:2] + rays[:, :2] * far[:, None]
    centre = (corners.min(axis=0) + corners.max(axis=0)) / 2
    return Heights.of(meshes, light, centre.astype(np.float32), float(np.ptp(corners, axis=0).max()) / 2 + 3)


def _painted(image: Array, sight: Sight, meshes: Sequence[Mesh], setting: Setting) -> None:
    order = np.argsort(sight.mesh.ravel(), kind="stable")
    numbers, starts = np.unique(sight.mesh.ravel()[order], return_index=True)
    ends = [*starts[1:].tolist(), len(order)]
    flat = image.reshape(-1, 3)
    spot = _spot(sight, order, setting)
    for number, start, end in zip(numbers.tolist(), starts.tolist(), ends, strict=True):
        part = _part(spot, slice(start, end))
        flat[order[start:end]] = _counter(part, setting) if number == COUNTER else _mesh(part, meshes[number], setting)


def _spot(sight: Sight, pixels: npt.NDArray[np.int64], setting: Setting) -> Spot:
    rays = sight.rays.reshape(-1, 3)[pixels]
    places = sight.view.origin + rays * sight.depth.reshape(-1, 1)[pixels]
    normals = sight.normal.reshape(-1, 3)[pixels]
    raised = places + normals * np.float32(0.4 + 1.2 * setting[2].cell)
    away = -rays / np.sqrt(np.einsum("ij,ij->i", rays, rays))[:, None]
    uv = sight.uv.reshape(-1, 2)[pixels]
    return Spot(places, normals, away, uv, setting[2].lit(raised, setting[1]), setting[2].open(raised))


def _part(spot: Spot, span: slice) -> Spot:
    return Spot(spot.places[span], spot.normals[span], spot.sight[span], spot.uv[span], spot.lit[span], spot.open[span])


def _counter(spot: Spot, setting: Setting) -> Array:
    counter = setting[0]
    uv = spot.places[:, :2] @ counter.turn / np.float32(counter.reach) + np.float32(0.5)
    turn = np.eye(3, dtype=np.float32)
    turn[:2, :2] = counter.turn
    return _shaded(Spot(spot.places, spot.normals, spot.sight, uv, spot.lit, spot.open), counter.surface, turn, setting)


def _mesh(spot: Spot, mesh: Mesh, setting: Setting) -> Array:
    return _shaded(spot, mesh.surface, mesh.turn, setting)


def _around(counter: Counter, light: Light) -> Colour:
    """What shiny things mirror from below: the counter in this light, and other things' grey."""
    top = counter.colour * (light.ambient + light.key * light.towards[2])
    return np.asarray(top * np.float32(0.45) + light.ambient * np.float32(0.22), np.float32)


def _bent(spot: Spot, surface: Surface, turn: Array) -> Array:
    """Normals with the texture's relief in them."""
    normals = spot.normals
    if surface.slope is not None:
        slope = sampled(surface.slope, spot.uv)
        normals = normals - slope[:, :1] * turn[:, 0] + slope[:, 1:] * turn[:, 1]
    return np.asarray(normals / np.sqrt(np.einsum("ij,ij->i", normals, normals))[:, None], np.float32)


def _shaded(spot: Spot, surface: Surface, turn: Array, setting: Setting) -> Array:
    counter, light, _ = setting
    albedo = sampled(surface.albedo, spot.uv)
    normals = _bent(spot, surface, turn)
    under = np.clip(1 + 2.5 * normals[:, 2], 0, 1)
    facing = np.clip(normals @ light.towards, 0, 1) * spot.lit * under
    sky = (np.float32(0.62) + np.float32(0.38) * normals[:, 2]) * spot.open
    diffuse = albedo * (facing[:, None] * light.key + sky[:, None] * light.ambient)
    if surface.metal == 0 and surface.gloss == 0:
        return diffuse
    across = np.clip(np.einsum("ij,ij->i", normals, spot.sight), 0, 1)
    way = normals * (2 * across)[:, None] - spot.sight
    around = _around(counter, light)
    mirror = mirrored(light, way, surface.rough, around) * (0.25 + 0.75 * spot.open * (0.5 + 0.5 * spot.lit))[:, None]
    share = (np.float32(0.04) + np.float32(0.5) * (1 - across) ** 5) * np.float32(surface.gloss)
    shiny = diffuse + mirror * share[:, None]
    return np.asarray(shiny * (1 - surface.metal) + mirror * albedo * np.float32(1.25 * surface.metal), np.float32)


def _glazed(image: Array, main: Array, sight: Sight, mesh: Mesh, setting: tuple[int, Counter, Light, Heights]) -> None:
    """Lays a glass mesh over the picture: mostly what is behind, at grazing angles and highlights itself."""
    number, counter, light, heights = setting
    pixels = np.flatnonzero(sight.mesh.ravel() == number)
    if not len(pixels):
        return
    spot = _spot(sight, pixels, (counter, light, heights))
    across = np.clip(np.einsum("ij,ij->i", spot.normals, spot.sight), 0, 1)
    way = spot.normals * (2 * across)[:, None] - spot.sight
    mirror = mirrored(light, way, mesh.surface.rough, _around(counter, light))
    share = np.float32(0.06) + np.float32(0.6) * (1 - across) ** 3
    flat = image.reshape(-1, 3)
    tint = mesh.surface.albedo[0, 0] ** np.float32(0.25)
    flat[pixels] = over(mirror, share, flat[pixels] * tint) if flat.size else flat[pixels]
    if mesh.main:
        main.reshape(-1)[pixels] = 1
    sight.mesh.reshape(-1)[pixels] = COUNTER


def reduced(image: Array, size: tuple[int, int]) -> Array:
    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA), np.float32)
