"""Tripods, with three legs, a column and a head; and the chrome and dark small parts beside them."""

import numpy as np

from training.scenes.booth import marks
from training.scenes.booth.cameras import rounded
from training.scenes.booth.lenses import CHROME, RUBBER, barrel_stuff
from training.scenes.booth.light import Stuff
from training.scenes.booth.sheet import Relief, Sheet
from training.scenes.booth.turned import Axis, Band, band, cap, dome, turned
from training.scenes.canvas import Frame, chance

Point = tuple[float, float]


def rod(frame: Frame, start: Point, end: Point, sight: float = 0.08) -> tuple[Axis, float]:
    """The axis of a rod from one place to another in units, and its length."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    turn = float(np.arctan2(dx, -dy))
    axis = Axis(frame.moved(start[0], start[1], 1.0, -turn if frame.mirrored else turn), sight)
    return axis, float(np.hypot(dx, dy)) / axis.shorter


def tripod(sheet: Sheet, frame: Frame) -> str:
    """Three legs of three sections each with clamps, spread from a hub; a column; a ball or pan head."""
    rng = sheet.rng
    kind = str(rng.choice(["black", "carbon", "chrome", "white"], p=[0.45, 0.2, 0.25, 0.1]))
    skin = (
        Stuff.grey(0.02, 0.06, 0.25) if kind == "carbon" else barrel_stuff(rng, "black" if kind == "carbon" else kind)
    )
    hub = (0.0, float(rng.uniform(-0.45, -0.25)))
    spread, low = float(rng.uniform(0.42, 0.8)), 0.92
    wide = float(rng.uniform(0.024, 0.042))
    back = (float(rng.uniform(-0.2, 0.2)), low - float(rng.uniform(0.1, 0.2)))
    feet = [back, (-spread, low - float(rng.uniform(0, 0.06))), (spread * float(rng.uniform(0.85, 1.1)), low)]
    if chance(rng, 0.5):
        feet = [feet[1], feet[2], (back[0], low + 0.02)]
    _column(sheet, frame, hub, skin, wide)
    for number, foot in enumerate(feet):
        _leg(sheet, frame, (hub, foot), skin, wide * (0.92 if number == 0 else 1.0))
    sheet.slab(
        frame,
        rounded(hub[0] - 0.13, hub[1] - 0.07, hub[0] + 0.13, hub[1] + 0.09, 0.05),
        Stuff.grey(0.016, 0.05, 0.4),
        0.06,
    )
    _head(sheet, frame, (hub[0], hub[1] - 0.28))
    return kind


def _column(sheet: Sheet, frame: Frame, hub: Point, skin: Stuff, wide: float) -> None:
    down = hub[1] + float(sheet.rng.uniform(0.15, 0.5))
    axis, length = rod(frame, (hub[0], down), (hub[0], hub[1] - 0.3), 0.1)
    turned(sheet, axis, [Band((wide, 0), (wide, length), skin)])


def _leg(sheet: Sheet, frame: Frame, ends: tuple[Point, Point], skin: Stuff, wide: float) -> None:
    """From the foot upwards: rubber, thin section, clamp, wider section, clamp, widest."""
    rng = sheet.rng
    (hub, foot) = ends
    axis, length = rod(frame, foot, hub)
    joints = [0.0, *np.sort(rng.uniform([0.2, 0.5], [0.38, 0.68])).tolist(), 1.0]
    turned(sheet, axis, [Band((wide * 0.75, 0), (wide * 0.7, 0.06), RUBBER, rings=3)])
    for number in range(3):
        radius = wide * (0.55 + 0.2 * number)
        start, end = joints[number] * length + (0.05 if number == 0 else 0.0), joints[number + 1] * length
        band(sheet, axis, Band((radius, start), (radius, end), skin))
        if number < 2:
            clamp = Band(
                (radius * 1.6, end - 0.05),
                (radius * 1.6, end + 0.05),
                Stuff.grey(0.015, 0.05, 0.45),
                ribs=18,
                depth=0.4,
            )
            turned(sheet, axis, [clamp])
    if chance(rng, 0.35):
        band(sheet, axis, Band((wide * 1.5, length * 0.72), (wide * 1.5, length * 0.95), Stuff.grey(0.014, 0.03, 0.9)))
    sheet.feet.append(axis.ellipse(wide * 0.9, 0.0))


def _head(sheet: Sheet, frame: Frame, base: Point) -> None:
    rng = sheet.rng
    black = Stuff.grey(0.016, 0.05, 0.35)
    axis = Axis(frame.moved(base[0], base[1] + 0.02, 1.0, 0.0), 0.15)
    turned(sheet, axis, [Band((0.09, 0.0), (0.1, 0.12), black, rings=2), Band((0.085, 0.12), (0.085, 0.15), CHROME)])
    ball = Axis(frame.moved(base[0], base[1] - 0.16), 0.99)
    dome(sheet, ball, (0.085, 0.0), CHROME if chance(rng, 0.6) else black, 0.97)
    side = float(rng.choice([-1, 1]))
    knob, length = rod(frame, (base[0] + side * 0.08, base[1] - 0.05), (base[0] + side * 0.2, base[1] - 0.06), 0.3)
    turned(
        sheet,
        knob,
        [
            Band((0.02, 0), (0.02, length * 0.5), CHROME),
            Band((0.05, length * 0.5), (0.055, length), black, ribs=22, depth=0.9),
        ],
    )
    if chance(rng, 0.4):
        handle, length = rod(
            frame,
            (base[0] - side * 0.05, base[1] - 0.1),
            (base[0] - side * 0.75, base[1] + float(rng.uniform(0.0, 0.35))),
        )
        turned(
            sheet,
            handle,
            [
                Band((0.016, 0), (0.016, length * 0.6), CHROME),
                Band((0.036, length * 0.6), (0.03, length), RUBBER, rings=8),
            ],
        )
    sheet.slab(frame, rounded(base[0] - 0.16, base[1] - 0.3, base[0] + 0.16, base[1] - 0.22, 0.02), black, 0.03)


def chrome(sheet: Sheet, frame: Frame) -> str:
    """Polished metal: stacked adapter rings, a clamp with knobs, a tin."""
    rng = sheet.rng
    metal = Stuff.metal(
        *[((0.9, 0.89, 0.87), 0.06), ((0.8, 0.78, 0.74), 0.16), ((0.85, 0.7, 0.45), 0.12)][int(rng.integers(3))]
    )
    axis = Axis(frame.moved(0, 0.6), float(rng.uniform(0.2, 0.5)))
    at, radius = 0.0, float(rng.uniform(0.6, 0.8))
    for number in range(int(rng.integers(2, 6))):
        radius *= float(rng.uniform(0.75, 1.02))
        tall = float(rng.uniform(0.08, 0.34))
        ribs, rings = int(rng.choice([0, 0, 90, 140])), int(rng.choice([0, 2, 4]))
        turned(
            sheet,
            axis,
            [
                Band(
                    (radius, at),
                    (radius * float(rng.uniform(0.92, 1.0)), at + tall),
                    metal,
                    ribs=ribs,
                    rings=rings,
                    depth=0.5,
                )
            ],
        )
        if number == 0:
            sheet.feet.append(axis.ellipse(radius, 0.0))
        at += tall
    if chance(rng, 0.5):
        cap(sheet, axis, radius * 0.75, at, Stuff.grey(0.01, 0.03, 0.5))
        cap(sheet, axis, radius * 0.7, at - 0.08, metal)
    else:
        ball = Axis(axis.frame.moved(0, -at * axis.shorter - radius * 0.45), 0.99)
        dome(sheet, ball, (radius * 0.6, 0.0), metal, 0.98)
    return "metal"


def dark(sheet: Sheet, frame: Frame) -> str:
    """Black plastic: a battery, a remote, a charger, with print and contacts."""
    rng = sheet.rng
    skin = Stuff.grey(float(rng.uniform(0.004, 0.03)), float(rng.uniform(0.012, 0.05)), float(rng.uniform(0.15, 0.6)))
    half, tall = float(rng.uniform(0.35, 0.75)), float(rng.uniform(0.4, 0.85))
    low, corner = 0.75, float(rng.uniform(0.04, 0.16))
    top = low - 2 * tall * 0.9
    sheet.slab(
        frame,
        rounded(-half, top, half, low, corner),
        skin,
        float(rng.uniform(0.03, 0.12)),
        Relief(bump=0.05, grain=0.004),
    )
    panel = rounded(-half * 0.8, top + 0.12, half * 0.8, top + tall, 0.03)
    sheet.slab(frame, panel, Stuff.grey(float(rng.uniform(0.01, 0.08)), 0.05, 0.3), 0.01)
    for row in range(int(rng.integers(2, 6))):
        word = marks.text(f"{marks.name(rng)} {marks.words(rng, 2)}", marks.White, 40)
        corner_at = (-half * 0.7, top + 0.18 + row * 0.11)
        marks.stamped(sheet, frame, marks.line(corner_at, float(rng.uniform(0.05, 0.08)), word, half * 1.4), word)
    for column in range(int(rng.integers(0, 6))):
        x = -half * 0.6 + column * 0.16
        sheet.slab(frame, rounded(x, low - 0.24, x + 0.1, low - 0.1, 0.02), CHROME if chance(rng, 0.4) else skin, 0.03)
    sheet.feet.append(frame.pixels(rounded(-half + corner, low - 0.05, half - corner, low, 0.02)))
    return "black"
