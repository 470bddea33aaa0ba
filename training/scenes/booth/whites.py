"""White boxes and accessories, and bottles: what hardly differs from the ground, and what it shows through."""

from itertools import pairwise

import numpy as np

from training.scenes.booth import marks
from training.scenes.booth.cameras import rounded
from training.scenes.booth.lenses import CHROME, filter_ring
from training.scenes.booth.light import Normals, Stuff
from training.scenes.booth.sheet import Relief, Sheet
from training.scenes.booth.tubes import Band as Cord
from training.scenes.booth.tubes import curve, laid
from training.scenes.booth.turned import Axis, Band, band, cap, dome, turned
from training.scenes.canvas import Array, Frame, chance


def white(sheet: Sheet, frame: Frame) -> str:
    """A carton, a plug, a pot or a remote, all of white."""
    kind = int(sheet.rng.integers(4))
    (_carton, _plug, _pot, _remote)[kind](sheet, frame)
    return "white"


def _paper(rng: np.random.Generator) -> Stuff:
    shade = float(rng.uniform(0.8, 0.92))
    return Stuff(
        (shade, shade * float(rng.uniform(0.985, 1.0)), shade * float(rng.uniform(0.965, 1.01))),
        0.03,
        float(rng.uniform(0.3, 0.8)),
    )


def _carton(sheet: Sheet, frame: Frame) -> None:
    """Three faces of a box in perspective, with little print."""
    rng = sheet.rng
    half, tall, deep = float(rng.uniform(0.45, 0.75)), float(rng.uniform(0.35, 0.8)), float(rng.uniform(0.15, 0.45))
    rise, low = deep * float(rng.uniform(0.25, 0.6)), 0.75
    left, right, top = -half, half - deep * 0.6, low - 2 * tall * 0.8
    narrow = float(rng.uniform(0.0, 0.05))
    front_ = np.array([[left, top], [right, top], [right, low], [left, low]], np.float32)
    side = np.array(
        [[right, top], [right + deep, top - rise + narrow], [right + deep, low - rise - narrow], [right, low]],
        np.float32,
    )
    lid = np.array(
        [[left, top], [left + deep, top - rise + narrow], [right + deep, top - rise + narrow], [right, top]], np.float32
    )
    paper = _paper(rng)
    for face, towards in ((lid, (0.0, -0.9, 0.4)), (side, (0.75, 0.0, 0.66)), (front_, (-0.1, 0.05, 0.99))):
        points = frame.pixels(face)
        window = sheet.window(points)
        way = (-towards[0] if frame.mirrored else towards[0], towards[1], towards[2])
        sheet.lay(window, sheet.cover(window, points), sheet.booth.lit(paper, Normals.flat(window.size, way)))
    ink = (0.3, 0.3, 0.3) if chance(rng, 0.5) else (0.66, 0.66, 0.66)
    if chance(rng, 0.7):
        word = marks.text(marks.name(rng), ink, 64)
        marks.stamped(sheet, frame, marks.line((left + 0.1, low - 0.3), 0.1, word, 0.8 * half), word)
    base = np.array([[left, low], [right, low], [right + deep, low - rise], [left + deep, low - rise]], np.float32)
    sheet.feet.append(frame.pixels(base))


def _plug(sheet: Sheet, frame: Frame) -> None:
    """A charger with its cable."""
    rng = sheet.rng
    paper = _paper(rng)
    half, tall, low = float(rng.uniform(0.3, 0.5)), float(rng.uniform(0.3, 0.45)), 0.7
    laid(
        sheet,
        frame,
        curve(rng, (half * 0.8, low - 0.25), (float(rng.uniform(-0.9, 0.9)), float(rng.uniform(-0.9, 0.0))), 0.25, 4),
        Cord(0.022, paper),
    )
    sheet.slab(frame, rounded(-half, low - 2 * tall, half, low, 0.12), paper, 0.14, Relief(tilt=(0.08, -0.1)))
    for x in (-half * 0.35, half * 0.35):
        sheet.slab(
            frame,
            rounded(x - 0.04, low - 2 * tall - 0.2, x + 0.04, low - 2 * tall + 0.03, 0.01),
            CHROME if chance(rng, 0.6) else paper,
            0.02,
        )
    word = marks.text(marks.words(rng, 2), (0.6, 0.6, 0.6), 40)
    marks.stamped(sheet, frame, marks.line((-half * 0.7, low - tall), 0.06, word, half), word)
    sheet.feet.append(frame.pixels(rounded(-half * 0.8, low - 0.05, half * 0.8, low, 0.02)))


def _pot(sheet: Sheet, frame: Frame) -> None:
    """A tub, a cap or a mug-like thing."""
    rng = sheet.rng
    paper = _paper(rng)
    axis = Axis(frame.moved(0, 0.6), float(rng.uniform(0.2, 0.45)))
    radius, tall = float(rng.uniform(0.4, 0.7)), float(rng.uniform(0.3, 1.0))
    turned(sheet, axis, [
        Band((radius * float(rng.uniform(0.8, 1.0)), 0.0), (radius, tall), paper),
        Band((radius * 1.04, tall), (radius * 1.04, tall + 0.12), paper, ribs=int(rng.choice([0, 60, 110])), depth=0.3),
    ])  # fmt: skip
    cap(sheet, axis, radius * 0.9, tall + 0.12, paper)
    sheet.feet.append(axis.ellipse(radius * 0.9, 0.0))


def _remote(sheet: Sheet, frame: Frame) -> None:
    """A flat rounded thing with keys."""
    rng = sheet.rng
    paper = _paper(rng)
    half, low = float(rng.uniform(0.25, 0.5)), 0.8
    top = low - float(rng.uniform(0.9, 1.6))
    sheet.slab(frame, rounded(-half, top, half, low, float(rng.uniform(0.08, half * 0.9))), paper, 0.1)
    for row in range(int(rng.integers(1, 5))):
        for x in (-half * 0.4, half * 0.4)[: int(rng.integers(1, 3))]:
            key = rounded(x - 0.08, top + 0.22 + row * 0.24, x + 0.08, top + 0.36 + row * 0.24, 0.05)
            sheet.shadowed(frame, key, 0.02, 0.12)
            sheet.slab(frame, key, paper, 0.04)
    sheet.feet.append(frame.pixels(rounded(-half * 0.7, low - 0.04, half * 0.7, low, 0.02)))


def glass(sheet: Sheet, frame: Frame) -> str:
    """A filter, a bottle of cleaning liquid, or a ball of glass."""
    draw = sheet.rng.random()
    if draw < 0.45:
        return filter_ring(sheet, frame)
    if draw < 0.85:
        return _bottle(sheet, frame)
    return _ball(sheet, frame)


def _bottle(sheet: Sheet, frame: Frame) -> str:
    """Clear walls that are darker and denser at the sides, liquid in them, a label, an opaque cap."""
    rng = sheet.rng
    axis = Axis(frame.moved(0, 0.85), float(rng.uniform(0.06, 0.2)))
    radius, tall = float(rng.uniform(0.3, 0.46)), float(rng.uniform(0.9, 1.2))
    neck, hue = radius * float(rng.uniform(0.3, 0.45)), rng.uniform(0.25, 0.9, 3)
    tint = Stuff((float(hue[0]), float(hue[1]), float(hue[2])), 0.05, 0.04)
    wall = float(rng.uniform(0.1, 0.3))
    shape = [(radius, 0.0), (radius, tall * 0.75), (radius * 0.85, tall * 0.87), (neck, tall)]
    for lower, upper in pairwise(shape):
        _clear(sheet, axis, Band(lower, upper, tint, opacity=wall))
    level = float(rng.uniform(0.3, 0.72)) * tall
    _clear(
        sheet, axis, Band((radius * 0.95, 0.03), (radius * 0.95, level), tint, opacity=float(rng.uniform(0.2, 0.55)))
    )
    if chance(rng, 0.6):
        paper = _paper(rng)
        low, high = tall * 0.18, tall * float(rng.uniform(0.4, 0.6))
        band(
            sheet,
            axis,
            Band((radius * 1.003, low), (radius * 1.003, high), paper, print=marks.scale(rng, (0.05, 0.08, 0.2))),
        )
    lid = Stuff.grey(float(rng.choice([0.015, 0.8])), 0.05, 0.3)
    turned(sheet, axis, [Band((neck * 1.15, tall), (neck * 1.1, tall + 0.2), lid, ribs=40, depth=0.6)])
    sheet.feet.append(axis.ellipse(radius, 0.0))
    return "glass"


def _clear(sheet: Sheet, axis: Axis, one: Band) -> None:
    """A band of glass, twice: thin all over, and dense where it is seen along its wall or shines."""
    band(sheet, axis, one)
    before = sheet.alpha.copy(), sheet.light.copy()
    outline = np.concatenate([axis.ellipse(one.low[0], one.low[1]), axis.ellipse(one.high[0], one.high[1])])
    window = sheet.window(outline)
    band(sheet, axis, Band(one.low, one.high, one.stuff))
    x, _ = window.local(axis.frame)
    wall = np.clip((np.abs(x) / max(one.low[0], one.high[0]) - 0.8) / 0.2, 0, 1) ** 2
    share = _bounded(wall.astype(np.float32) * np.float32(0.75), sheet.light[window.slices].max(axis=2))
    for now, then in ((sheet.alpha, before[0]), (sheet.light, before[1])):
        part = share if now.ndim == 2 else share[..., None]
        now[window.slices] = then[window.slices] * (1 - part) + now[window.slices] * part


def _bounded(edge: Array, brightness: Array) -> Array:
    """At least as dense as the edge wants, and where something shines."""
    return np.maximum(edge, np.clip((brightness - 0.8) * 1.2, 0, 0.7)).astype(np.float32)


def _ball(sheet: Sheet, frame: Frame) -> str:
    """A lens ball: dense at its rim, half clear within."""
    rng = sheet.rng
    axis = Axis(frame.moved(0, 0.15), 0.99)
    radius = float(rng.uniform(0.5, 0.7))
    clear = Stuff((0.35, 0.36, 0.38), 0.08, 0.02)
    for share, opacity in ((1.0, 0.35), (0.97, 0.2), (0.9, 0.15), (0.6, 0.2)):
        dome(sheet, axis, (radius * share, 0.0), clear, 0.97, opacity)
    turned(
        sheet,
        Axis(frame.moved(0, 0.15 + radius + 0.02), 0.25),
        [Band((radius * 0.5, -0.1), (radius * 0.45, 0.04), Stuff.grey(0.02, 0.05, 0.3))],
    )
    sheet.feet.append(Axis(frame.moved(0, 0.15 + radius + 0.02), 0.25).ellipse(radius * 0.5, -0.1))
    return "glass"
