"""Things turned on a lathe, seen from a little above or in front: barrels, rings, dials, bottles, legs."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from training.scenes.booth.light import Normals, Stuff
from training.scenes.booth.sheet import Sheet, Window
from training.scenes.canvas import Array, Frame

HALF = np.linspace(0, np.pi, 49, dtype=np.float32)
TURN = np.linspace(0, 2 * np.pi, 97, dtype=np.float32)[:-1]


@dataclass(frozen=True)
class Band:
    """A stretch of the side: radius and place on the axis at both ends, what it is of, how it is cut, what is on it.

    `ribs` grooves along the axis all around, `rings` grooves around it. `print` (h, w, 4) RGBA 0..1 goes over the
    visible half, `opacity` below 1 lets through what is behind.
    """

    low: tuple[float, float]
    high: tuple[float, float]
    stuff: Stuff
    ribs: int = 0
    rings: int = 0
    depth: float = 0.5
    print: Array | None = None
    opacity: float = 1.0


@dataclass(frozen=True)
class Axis:
    """A frame whose y axis, upwards, is that of the thing; `sight` 0 is from the side, 1 onto the end."""

    frame: Frame
    sight: float

    @property
    def shorter(self) -> float:
        """How much of a length along the axis is seen."""
        return float(np.sqrt(1 - self.sight**2))

    def ellipse(self, radius: float, at: float, turn: Array = TURN) -> Array:
        """The circle of `radius` about the axis in pixels, (n, 2)."""
        x, y = np.cos(turn) * radius, -at * self.shorter - np.sin(turn) * radius * self.sight
        return self.frame.pixels(np.stack([x, y], axis=1))

    def normals(self, across: Array, along: float, near: Array) -> Normals:
        """From the shares across the axis, along it and towards the viewer, to the picture's own directions."""
        up = along * self.shorter - near * self.sight
        z = along * self.sight + near * self.shorter
        cosine, sine = np.float32(np.cos(self.frame.angle)), np.float32(np.sin(self.frame.angle))
        x = -across if self.frame.mirrored else across
        return Normals.of(x * cosine + up * sine, x * sine - up * cosine, z)


def band(sheet: Sheet, axis: Axis, one: Band) -> None:
    """Lays the side of one band; its upper end is filled, so that a cap may follow."""
    (r0, v0), (r1, v1) = one.low, one.high
    outline = np.concatenate([axis.ellipse(r0, v0, -HALF), axis.ellipse(r1, v1, HALF[::-1])])
    window = sheet.window(outline)
    cover = sheet.cover(window, outline)
    x, y = window.local(axis.frame)
    lower = -y / max(axis.shorter, 0.05)
    radius = np.interp(lower, sorted((v0, v1)), [r0, r1] if v0 < v1 else [r1, r0]).astype(np.float32)
    across = np.clip(x / np.maximum(radius, 1e-4), -0.999, 0.999)
    near = np.sqrt(1 - across * across)
    place = lower + near * radius * axis.sight / max(axis.shorter, 0.05)
    slope = -(r1 - r0) / max(abs(v1 - v0), 1e-3)
    tilt, dimmed, up = _cut(one, axis, across, near, place)
    normals = axis.normals(np.clip(across + tilt * near, -1, 1), float(np.clip(slope, -3, 3)), near - tilt * across)
    if one.rings:
        normals = Normals.of(normals.x, normals.y - up, normals.z)
    albedo = None if one.print is None else _printed(one, across, place, mirrored=axis.frame.mirrored)
    sheet.lay(window, cover * np.float32(one.opacity), sheet.booth.lit(one.stuff, normals, albedo, dimmed))


def _cut(one: Band, axis: Axis, across: Array, near: Array, place: Array) -> tuple[Array, Array, Array]:
    """Sideways tilt by ribs, how grooves darken, tilt along the axis by rings; finer than a pixel they fade."""
    tilt, dimmed, up = np.zeros_like(across), np.ones_like(across), np.zeros_like(across)
    if one.ribs:
        radius = max(one.low[0], one.high[0]) * axis.frame.scale
        fade = np.clip(2 * np.pi * radius * near / one.ribs / 3 - 0.4, 0, 1) * np.float32(one.depth)
        wave = np.arcsin(across) * np.float32(one.ribs)
        tilt += np.cos(wave) * fade * np.float32(0.7)
        dimmed *= 1 - fade * (0.5 - 0.5 * np.sin(wave))
    if one.rings:
        span = abs(one.high[1] - one.low[1])
        strength = float(np.clip(span * axis.shorter * axis.frame.scale / one.rings / 3 - 0.4, 0, 1)) * one.depth
        wave = (place - min(one.low[1], one.high[1])) / max(span, 1e-3) * np.float32(2 * np.pi * one.rings)
        up += np.cos(wave) * np.float32(strength * 0.6)
        dimmed *= 1 - np.float32(strength) * (0.5 - 0.5 * np.sin(wave))
    return tilt, dimmed, up


def _printed(one: Band, across: Array, place: Array, *, mirrored: bool) -> Array:
    """The band's colour with its print around the visible half."""
    assert one.print is not None  # noqa: S101 - for the type checker
    height, width = one.print.shape[:2]
    low, high = sorted((one.low[1], one.high[1]))
    legible = -across if mirrored else across
    x = (np.arcsin(legible) / np.float32(np.pi) + np.float32(0.5)) * (width - 1)
    y = (1 - (place - low) / max(high - low, 1e-3)) * (height - 1)
    mark = cv2.remap(one.print, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
    share = mark[..., 3:]
    return np.asarray(one.stuff.colour * (1 - share) + mark[..., :3] * share, np.float32)


def cap(sheet: Sheet, axis: Axis, radius: float, at: float, stuff: Stuff, opacity: float = 1.0) -> None:
    """A flat end, the one towards the viewer."""
    outline = axis.ellipse(radius, at)
    window = sheet.window(outline)
    flat = np.zeros(window.size, np.float32)
    x, _ = window.local(axis.frame)
    normals = axis.normals(flat + x * np.float32(0.05 / max(radius, 1e-3)), 1.0, flat)
    sheet.lay(window, sheet.cover(window, outline) * np.float32(opacity), sheet.booth.lit(stuff, normals))


def dome(
    sheet: Sheet, axis: Axis, circle: tuple[float, float], stuff: Stuff, bulge: float, opacity: float = 1.0
) -> None:
    """A curved end, such as a front lens: `circle` is radius and place; `bulge` is its slope at the rim."""
    radius, at = circle
    outline = axis.ellipse(radius, at)
    window = sheet.window(outline)
    u, v = disc_places(window, axis, radius, at)
    near = np.sqrt(np.clip(1 - bulge * bulge * np.clip(u * u + v * v, 0, 1), 0.01, 1)).astype(np.float32)
    turn = axis.frame.angle
    up = near * np.float32(axis.shorter) + v * np.float32(bulge * axis.sight)
    z = near * np.float32(axis.sight) - v * np.float32(bulge * axis.shorter)
    across = u * np.float32(-bulge if axis.frame.mirrored else bulge)
    x = across * np.float32(np.cos(turn)) + up * np.float32(np.sin(turn))
    y = across * np.float32(np.sin(turn)) - up * np.float32(np.cos(turn))
    normals = Normals.of(np.asarray(x, np.float32), np.asarray(y, np.float32), np.maximum(z, np.float32(0.02)))
    sheet.lay(window, sheet.cover(window, outline) * np.float32(opacity), sheet.booth.lit(stuff, normals))


def disc_places(window: Window, axis: Axis, radius: float, at: float) -> tuple[Array, Array]:
    """Each pixel's place on the circle's plane, -1..1 each way: across, and up."""
    x, y = window.local(axis.frame)
    up = (-y - np.float32(at * axis.shorter)) / np.float32(max(axis.sight, 0.02) * radius)
    return (x / np.float32(radius)).astype(np.float32), up.astype(np.float32)


def decal(sheet: Sheet, axis: Axis, circle: tuple[float, float], picture: Array) -> None:
    """A square RGBA picture (n, n, 4), 0..1, on an end; it reads from left to right in mirrored frames, too."""
    radius, at = circle
    outline = axis.ellipse(radius, at)
    window = sheet.window(outline)
    u, v = disc_places(window, axis, radius, at)
    half = (picture.shape[0] - 1) / 2
    u = -u if axis.frame.mirrored else u
    mark = cv2.remap(picture, (u + 1) * np.float32(half), (1 - v) * np.float32(half), cv2.INTER_LINEAR)
    share = np.asarray(mark[..., 3] * sheet.cover(window, outline), np.float32)
    sheet.paint(window, share, np.asarray(mark[..., :3], np.float32))


def turned(sheet: Sheet, axis: Axis, bands: Sequence[Band]) -> None:
    """Bands from the far end to the near one, each with its own end face."""
    for one in bands:
        band(sheet, axis, one)
        if one.opacity >= 1:
            cap(sheet, axis, one.high[0], one.high[1], one.stuff)
