"""Lenses, filters and other round things of a camera shop."""

from dataclasses import replace

import numpy as np

from training.scenes.booth import marks
from training.scenes.booth.light import Stuff
from training.scenes.booth.sheet import Sheet
from training.scenes.booth.turned import Axis, Band, band, cap, decal, dome, turned
from training.scenes.canvas import Array, Frame, chance

CHROME = Stuff.metal((0.78, 0.77, 0.75), 0.18)
RUBBER = Stuff.grey(0.022, 0.03, 0.75)
GLASS = Stuff.grey(0.004, 0.06, 0.02)
RINGS = ((0.45, 0.02, 0.02), (0.55, 0.36, 0.08), (0.02, 0.12, 0.4), (0.5, 0.5, 0.5))


def barrel_stuff(rng: np.random.Generator, tone: str) -> Stuff:
    """The lacquer of a barrel: black, grey, white or bare metal."""
    if tone == "chrome":
        return Stuff.metal((0.7, 0.69, 0.67), float(rng.uniform(0.15, 0.4)))
    low, high = {"black": (0.012, 0.05), "grey": (0.15, 0.4), "white": (0.72, 0.9)}[tone]
    shade = float(rng.uniform(low, high))
    return Stuff((shade, shade, shade * 0.97), 0.04, float(rng.uniform(0.25, 0.6)))


def barrel(rng: np.random.Generator, stuff: Stuff, length: float, radius: float) -> list[Band]:
    """Bands from the mount to the front: chrome, barrel, rings of rubber, a scale, a coloured line."""
    ink = (0.02, 0.02, 0.02) if stuff.albedo[0] > 0.3 else marks.White
    metal = stuff.reflection > 0.5
    parts: list[Band] = [Band((radius * 0.62, 0.0), (radius * 0.62, 0.05), CHROME)]
    at, wide = 0.05, radius * float(rng.uniform(0.74, 0.9))
    count = int(rng.integers(4, 8))
    shares = rng.dirichlet(np.full(count, 4.0)) * (length - 0.05)
    for number, share in enumerate(shares):
        end = radius if number == count - 1 else float(np.clip(wide + rng.uniform(-0.02, 0.08), radius * 0.7, radius))
        kind = str(rng.choice(["plain", "rubber", "scale", "knurl"], p=[0.28, 0.34, 0.24, 0.14]))
        low, high = (wide, at), (wide if kind == "rubber" else end, at + float(share))
        if kind == "rubber":
            parts.append(
                Band((wide * 1.02, at), (wide * 1.02, high[1]), RUBBER, ribs=int(rng.integers(60, 150)), depth=0.85)
            )
        elif kind == "knurl":
            parts.append(Band(low, high, stuff, rings=int(rng.integers(3, 12)), depth=0.6))
        elif kind == "scale" and not metal:
            parts.append(Band(low, high, stuff, print=marks.scale(rng, ink)))
        else:
            parts.append(Band(low, high, stuff))
        at, wide = high[1], end
        if chance(rng, 0.35):
            parts.append(Band((wide * 0.985, at), (wide * 0.985, at + 0.015), RUBBER))
            at += 0.015
    if chance(rng, 0.5):
        line = Stuff(RINGS[int(rng.integers(len(RINGS)))], 0.05, 0.3)
        parts.insert(
            -1,
            Band(
                (parts[-1].low[0] * 1.003, parts[-1].low[1] - 0.012),
                (parts[-1].low[0] * 1.003, parts[-1].low[1] + 0.006),
                line,
            ),
        )
    return parts


def front(sheet: Sheet, axis: Axis, radius: float, at: float) -> None:
    """The end of a lens that looks at the viewer: rim, name ring, funnel and coated glass."""
    rng = sheet.rng
    rim = Stuff.grey(0.02, 0.04, 0.45)
    cap(sheet, axis, radius, at, rim)
    steps = (0.95, 0.9, 0.84)
    for number, share in enumerate(steps):
        cap(sheet, axis, radius * share, at - 0.015 * (number + 1), Stuff.grey(0.004 + 0.008 * (number % 2), 0.03, 0.6))
    inner = float(rng.uniform(0.6, 0.76))
    cap(sheet, axis, radius * 0.84, at - 0.05, Stuff.grey(0.014, 0.03, 0.5))
    decal(sheet, axis, (radius * 0.82, at - 0.05), marks.ring(rng, marks.White, inner / 0.82))
    cap(sheet, axis, radius * inner, at - 0.07, Stuff.grey(0.002, 0.02, 0.5))
    dome(sheet, axis, (radius * inner * 0.96, at - 0.06), GLASS, 0.62)
    decal(sheet, axis, (radius * inner * 0.96, at - 0.06), coating(rng))


def coating(rng: np.random.Generator) -> Array:
    """The coloured ghosts in a front lens: soft discs in violet, green, amber; (192, 192, 4)."""
    axis = np.linspace(-1, 1, 192, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    picture = np.zeros((192, 192, 4), np.float32)
    lean = rng.uniform(-0.4, 0.4, 2)
    for number in range(int(rng.integers(3, 6))):
        share = rng.uniform(-1, 1)
        cx, cy, radius = lean[0] * share, lean[1] * share, rng.uniform(0.12, 0.75)
        colour = np.array(
            [(0.16, 0.05, 0.3), (0.03, 0.22, 0.12), (0.3, 0.16, 0.04), (0.05, 0.1, 0.3)][number % 4], np.float32
        )
        far = np.hypot(x - cx, y - cy) / radius
        disc = np.clip((1 - far) * 12, 0, 1) * (0.25 + 0.75 * np.clip(far, 0, 1) ** 3) * rng.uniform(0.1, 0.5)
        picture[..., :3] = picture[..., :3] * (1 - disc[..., None]) + colour * disc[..., None]
        picture[..., 3] = picture[..., 3] * (1 - disc) + disc
    return np.concatenate([picture[..., :3] / np.maximum(picture[..., 3:], 1e-3), picture[..., 3:]], axis=2)


def lens_cap(sheet: Sheet, axis: Axis, radius: float, at: float) -> None:
    """A cap of black plastic with a name and two grips."""
    stuff = Stuff.grey(float(sheet.rng.uniform(0.012, 0.035)), 0.04, 0.55)
    turned(sheet, axis, [Band((radius, at), (radius, at + 0.05), stuff, ribs=120)])
    cap(sheet, axis, radius * 0.86, at + 0.05, replace(stuff, roughness=0.35))
    word = marks.text(marks.name(sheet.rng), (0.5, 0.5, 0.48), 54)
    side = max(word.shape[0], int(word.shape[1] * 1.35))
    square = np.zeros((side, side, 4), np.float32)
    top, left = (side - word.shape[0]) // 2, (side - word.shape[1]) // 2
    square[top : top + word.shape[0], left : left + word.shape[1]] = word
    decal(sheet, axis, (radius * 0.86, at + 0.05), square)


def lens(sheet: Sheet, frame: Frame, tone: str = "") -> str:
    """A lens that stands on its mount or lies on its side; returns its material."""
    rng = sheet.rng
    tone = tone or str(rng.choice(["black", "black", "white", "grey", "chrome"], p=[0.4, 0.15, 0.2, 0.15, 0.1]))
    stuff = barrel_stuff(rng, tone)
    upright = chance(rng, 0.6)
    length, radius = float(rng.uniform(0.8, 1.7)), float(rng.uniform(0.38, 0.62))
    sight = float(rng.uniform(0.12, 0.4) if upright else rng.uniform(0.2, 0.75))
    turn = rng.uniform(-0.03, 0.03) if upright else rng.choice([-1, 1]) * rng.uniform(1.3, 1.75)
    placed = frame.moved(0, 0.85 if upright else 0.35, 1.0, float(turn))
    if not upright:
        placed = placed.moved(0, length / 2, 1.0)
    axis = Axis(placed, sight)
    parts = barrel(rng, stuff, length, radius)
    turned(sheet, axis, parts)
    end, top = parts[-1].high
    if chance(rng, 0.3):
        lens_cap(sheet, axis, end, top)
    else:
        front(sheet, axis, end, top)
    if upright:
        sheet.feet.append(axis.ellipse(parts[0].low[0], 0.0))
    else:
        _lying_feet(sheet, axis, parts)
    return tone


def _lying_feet(sheet: Sheet, axis: Axis, parts: list[Band]) -> None:
    """A barrel on its side touches the floor where it is widest."""
    wide = max(one.high[0] for one in parts)
    touching = [one for one in parts if max(one.low[0], one.high[0]) > wide * 0.93]
    for one in touching:
        points = np.concatenate([axis.ellipse(*one.low), axis.ellipse(*one.high)])
        low, left, right = float(points[:, 1].max()), float(points[:, 0].min()), float(points[:, 0].max())
        thick = (right - left) * 0.02 + 1
        corners = [[left, low - thick], [right, low - thick], [right, low], [left, low]]
        sheet.feet.append(np.array(corners, np.float32))


def hood(sheet: Sheet, frame: Frame) -> str:
    """A lens hood that stands on the table, its inside seen."""
    rng = sheet.rng
    stuff = Stuff.grey(float(rng.uniform(0.012, 0.04)), 0.04, 0.5)
    axis = Axis(frame.moved(0, 0.4), float(rng.uniform(0.3, 0.55)))
    low, high = float(rng.uniform(0.5, 0.7)), float(rng.uniform(0.7, 0.9))
    tall = float(rng.uniform(0.4, 0.8))
    turned(sheet, axis, [Band((low, 0), (low, 0.08), stuff, rings=3), Band((low, 0.08), (high, tall), stuff)])
    cap(sheet, axis, high * 0.96, tall, Stuff.grey(0.006, 0.02, 0.9))
    cap(sheet, axis, low * 0.8, tall * 0.55, Stuff.grey(0.012, 0.02, 0.9))
    sheet.feet.append(axis.ellipse(low, 0.0))
    return "black"


def filter_ring(sheet: Sheet, frame: Frame) -> str:
    """A filter in its ring, clear, tinted or grey: what is behind shows through the glass."""
    rng = sheet.rng
    axis = Axis(frame.moved(0, 0.1), float(rng.uniform(0.35, 0.98)))
    metal = barrel_stuff(rng, str(rng.choice(["black", "black", "chrome"])))
    thick = float(rng.uniform(0.08, 0.16))
    for radius, at, edge in ((0.86, 0.0, thick), (0.82, thick, thick * 1.35)):
        band(sheet, axis, Band((radius, at), (radius, edge), metal, ribs=160))
    _annulus(sheet, axis, (0.82, 0.74), thick * 1.35, metal)
    kind = str(rng.choice(["clear", "grey", "tinted", "polarising"]))
    tint = {"clear": (0.02, 0.03, 0.02), "grey": (0.012,) * 3, "polarising": (0.03, 0.03, 0.035)}.get(
        kind, tuple(rng.uniform(0.02, 0.4, 3).tolist())
    )
    opacity = float(
        {"clear": rng.uniform(0.05, 0.16), "grey": rng.uniform(0.55, 0.92)}.get(kind, rng.uniform(0.3, 0.6))
    )
    dome(sheet, axis, (0.75, thick * 0.9), Stuff((tint[0], tint[1], tint[2]), 0.05, 0.05), 0.12, opacity)
    decal(sheet, axis, (0.82, thick * 1.35), marks.ring(rng, marks.White, 0.905))
    sheet.feet.append(axis.ellipse(0.86, 0.0))
    return "glass"


def _annulus(sheet: Sheet, axis: Axis, radii: tuple[float, float], at: float, stuff: Stuff) -> None:
    """The ring's upper face; the band's own fill inside it is taken away."""
    outer, inner = axis.ellipse(radii[0], at), axis.ellipse(radii[1], at)
    window = sheet.window(outer)
    hole = sheet.cover(window, inner)
    sheet.light[window.slices] *= (1 - hole)[..., None]
    sheet.alpha[window.slices] *= 1 - hole
    flat = np.zeros(window.size, np.float32)
    cover = np.clip(sheet.cover(window, outer) - hole, 0, 1)
    sheet.lay(window, cover, sheet.booth.lit(stuff, axis.normals(flat, 1.0, flat)))
