"""Long thin things: cables as round tubes, straps as flat bands that twist."""

from dataclasses import dataclass

import cv2
import numpy as np

from training.scenes.booth.light import Normals, Stuff
from training.scenes.booth.sheet import Sheet
from training.scenes.canvas import Array, Frame
from training.scenes.outlines import ribbon, smooth

PIECE = 14  # points of a path that are drawn at once; later pieces lie over earlier ones


@dataclass(frozen=True)
class Band:
    """A strap's or cable's `half` width in units, what it is of, and how it is made.

    `round` is a tube; else it is flat and turns by up to `twist` (0..1). `weave` threads across, `stitch` seams.
    """

    half: float
    stuff: Stuff
    round: bool = True
    twist: float = 0.0
    weave: float = 0.0
    stitch: bool = False


def laid(sheet: Sheet, frame: Frame, path: Array, band: Band) -> None:
    """A band along a smooth path through (n, 2) points in units."""
    line = smooth(path, 12, closed=False)
    sway = np.linspace(0, sheet.rng.uniform(3, 11), len(line)) + sheet.rng.uniform(0, 6)
    turn = (np.sin(sway) * band.twist).astype(np.float32)
    for start in range(0, len(line) - 1, PIECE):
        part = slice(start, min(start + PIECE + 2, len(line)))
        if part.stop - part.start >= 3:
            _piece(sheet, frame, line[part], turn[part], band)


def _piece(sheet: Sheet, frame: Frame, line: Array, turn: Array, band: Band) -> None:
    half = np.full(len(line), band.half, np.float32)
    if not band.round:
        half *= 1 - np.float32(0.6) * np.abs(turn)
    points = frame.pixels(ribbon(line, half))
    window = sheet.window(points)
    cover = sheet.cover(window, points)
    along, across, width, way = _places(frame.pixels(line), half * frame.scale, window.size, (window.left, window.top))
    side = np.clip(across / np.maximum(width, 0.5), -1, 1)
    if band.round:
        lean, near = side * np.float32(0.97), np.sqrt(1 - np.float32(0.94) * side * side)
    else:
        lean = side * np.float32(0.25)
        lean += np.interp(along, np.arange(len(turn)), turn).astype(np.float32) * np.float32(0.6)
        near = np.ones_like(side)
    normals = Normals.of(lean * way[0], lean * way[1], near)
    sheet.lay(window, cover, sheet.booth.lit(band.stuff, normals, None, _woven(band, along, side)))


def _places(
    line: Array, half: Array, size: tuple[int, int], origin: tuple[int, int]
) -> tuple[Array, Array, Array, tuple[Array, Array]]:
    """For each pixel: place along the path (its number), signed distance from it, half width there, way across."""
    local = (line - np.array(origin, np.float32) - np.float32(0.5)).astype(np.float32)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(local, axis=0), axis=1))])
    count = max(2, int(length[-1]))
    numbers = np.interp(np.linspace(0, length[-1], count), length, np.arange(len(line)))
    dense = np.stack([np.interp(numbers, np.arange(len(line)), local[:, k]) for k in (0, 1)], axis=1)
    dots = np.full(size, 255, np.uint8)
    ids = np.round(np.clip(dense, 0, [size[1] - 1, size[0] - 1])).astype(np.int32)
    dots[ids[:, 1], ids[:, 0]] = 0
    _, labels = cv2.distanceTransformWithLabels(dots, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    table = np.zeros(int(labels.max()) + 1, np.int32)
    table[labels[ids[:, 1], ids[:, 0]]] = np.arange(count)
    nearest = table[labels]
    tangent = np.gradient(dense, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-6
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1).astype(np.float32)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    way = normal[nearest]
    across = (x - dense[nearest, 0].astype(np.float32)) * way[..., 0] + (
        y - dense[nearest, 1].astype(np.float32)
    ) * way[..., 1]
    width = np.interp(numbers, np.arange(len(half)), half).astype(np.float32)[nearest]
    return numbers.astype(np.float32)[nearest], across.astype(np.float32), width, (way[..., 0], way[..., 1])


def _woven(band: Band, along: Array, side: Array) -> Array:
    """How threads and seams darken the band."""
    shade = np.ones_like(side)
    if band.weave:
        threads = 0.5 + 0.5 * np.sin(along * np.float32(band.weave)) * np.cos(side * 9)
        shade *= 1 - np.float32(0.22) * threads
    if band.stitch:
        seam = np.exp(-(((np.abs(side) - 0.78) / 0.06) ** 2)) * (np.sin(along * 9) > -0.2)
        shade *= (1 - np.float32(0.35) * seam).astype(np.float32)
    if not band.round:
        shade *= 1 - np.float32(0.25) * np.clip((np.abs(side) - 0.9) * 10, 0, 1)
    return shade


def curve(
    rng: np.random.Generator, start: tuple[float, float], end: tuple[float, float], wild: float, count: int = 4
) -> Array:
    """A path from one place to another that wanders by about `wild`."""
    share = np.linspace(0, 1, count + 2)[:, None]
    line = np.array(start) * (1 - share) + np.array(end) * share
    line[1:-1] += rng.normal(0, wild, (count, 2))
    return line.astype(np.float32)


def coil(rng: np.random.Generator, turns: float, radius: float) -> Array:
    """Loops over one another about the middle, (n, 2)."""
    angle = np.linspace(0, 2 * np.pi * turns, int(turns * 9) + 2) + rng.uniform(0, 6)
    wobble = radius * (1 + 0.1 * np.sin(angle * 0.37 + rng.uniform(0, 6)) + rng.normal(0, 0.02, len(angle)))
    return np.stack([np.cos(angle) * wobble, np.sin(angle) * wobble * rng.uniform(0.5, 0.95)], axis=1).astype(
        np.float32
    )
