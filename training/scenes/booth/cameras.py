"""Camera bodies, from the front, with or without a lens; flashes; what belongs to them."""

import numpy as np

from training.scenes.booth import marks
from training.scenes.booth.lenses import CHROME, barrel, barrel_stuff, front, lens_cap
from training.scenes.booth.light import Stuff
from training.scenes.booth.sheet import Relief, Sheet
from training.scenes.booth.turned import Axis, Band, cap, turned
from training.scenes.canvas import Array, Frame, chance
from training.scenes.outlines import smooth

BASE = 0.62  # where the bodies stand, in units


def rounded(left: float, top: float, right: float, low: float, corner: float = 0.05) -> Array:
    """A rectangle with round corners, (n, 2) units."""
    turn = np.linspace(0, np.pi / 2, 7)
    corners = [(right, low, 0), (left, low, 1), (left, top, 2), (right, top, 3)]
    parts = []
    for x, y, quarter in corners:
        angle = turn + quarter * np.pi / 2
        cx, cy = x - np.copysign(corner, x - left - 1e-6), y - np.copysign(corner, y - top - 1e-6)
        parts.append(np.stack([cx + np.cos(angle) * corner, cy + np.sin(angle) * corner], axis=1))
    return np.asarray(np.concatenate(parts), np.float32)


def camera(sheet: Sheet, frame: Frame) -> str:
    """A body with a prism, dials, a grip, markings; before it a lens, a cap or the bare mount."""
    rng = sheet.rng
    silver = chance(rng, 0.3)
    body = Stuff.grey(float(rng.uniform(0.012, 0.035)), 0.045, 0.5)
    top = Stuff.metal((0.68, 0.67, 0.65), float(rng.uniform(0.3, 0.5))) if silver else body
    left, right, shoulder = (
        -float(rng.uniform(0.78, 0.95)),
        float(rng.uniform(0.75, 0.92)),
        -float(rng.uniform(0.18, 0.32)),
    )
    _dials(sheet, frame, (left, right, shoulder), top)
    hump = _hump(sheet, frame, shoulder, top)
    sheet.slab(frame, rounded(left, shoulder, right, BASE, 0.09), body, 0.07, Relief(bump=0.1, grain=0.004))
    sheet.slab(frame, rounded(left, shoulder, right, shoulder + 0.14, 0.06), top, 0.06)
    sheet.slab(
        frame,
        rounded(left + 0.02, shoulder + 0.15, right - 0.02, BASE - 0.08, 0.03),
        Stuff.grey(0.02, 0.035, 0.6),
        0.02,
        Relief(bump=0.5, grain=0.012),
    )
    if chance(rng, 0.75):
        grip = rounded(left - 0.03, shoulder + 0.04, left + 0.34, BASE, 0.12)
        sheet.shadowed(frame, grip, 0.03, 0.5)
        sheet.slab(frame, grip, Stuff.grey(0.018, 0.035, 0.62), 0.17, Relief(bump=0.3, grain=0.01))
    _marks(sheet, frame, (left, right, shoulder), hump, silver=silver)
    mount(sheet, frame.moved(float(rng.uniform(-0.05, 0.16)), 0.2))
    foot = rounded(left + 0.08, BASE - 0.06, right - 0.08, BASE, 0.02)
    sheet.feet.append(frame.pixels(foot))
    return "silver" if silver else "black"


def _hump(sheet: Sheet, frame: Frame, shoulder: float, stuff: Stuff) -> tuple[float, float]:
    """The prism's housing with a hot shoe on it; returns its middle and its top."""
    rng = sheet.rng
    middle, half, tall = float(rng.uniform(-0.08, 0.15)), float(rng.uniform(0.24, 0.38)), float(rng.uniform(0.12, 0.36))
    peak = shoulder - tall
    shoe = rounded(middle - 0.13, peak - 0.05, middle + 0.13, peak + 0.03, 0.01)
    sheet.slab(frame, shoe, CHROME, 0.02)
    corners = np.array([
        [middle - half, shoulder + 0.2], [middle - half * 0.95, shoulder], [middle - half * 0.62, peak + 0.02],
        [middle + half * 0.62, peak + 0.02], [middle + half * 0.95, shoulder], [middle + half, shoulder + 0.2],
    ])  # fmt: skip
    sheet.slab(frame, smooth(corners, 6), stuff, 0.08, Relief(bump=0.05, grain=0.004))
    return middle, peak


def _dials(sheet: Sheet, frame: Frame, body: tuple[float, float, float], stuff: Stuff) -> None:
    rng = sheet.rng
    left, right, shoulder = body
    for x in rng.uniform([left + 0.14, right - 0.4, right - 0.22], [left + 0.3, right - 0.3, right - 0.12]):
        if chance(rng, 0.25):
            continue
        radius, tall = float(rng.uniform(0.06, 0.14)), float(rng.uniform(0.06, 0.14))
        axis = Axis(frame.moved(float(x), shoulder + 0.04), 0.18)
        skin = CHROME if chance(rng, 0.25) else stuff
        turned(sheet, axis, [Band((radius, 0), (radius, tall), skin, ribs=int(rng.integers(36, 70)), depth=0.8)])
        cap(sheet, axis, radius * 0.8, tall, Stuff.grey(0.03, 0.05, 0.3))


def _marks(
    sheet: Sheet, frame: Frame, body: tuple[float, float, float], hump: tuple[float, float], *, silver: bool
) -> None:
    rng = sheet.rng
    left, right, shoulder = body
    ink = (0.015, 0.015, 0.015) if silver else marks.White
    logo = marks.text(marks.name(rng), ink, 64)
    tall = float(rng.uniform(0.06, 0.1))
    wide = min(tall * logo.shape[1] / logo.shape[0], 0.42)
    corner = (hump[0] - wide / 2, max(hump[1] + 0.1, shoulder - 0.1))
    marks.stamped(sheet, frame, marks.line(corner, tall, logo, 0.42), logo)
    model = marks.text(f"{rng.choice(marks.WORDS)}{int(rng.integers(1, 999))}", ink, 48)
    marks.stamped(sheet, frame, marks.line((right - 0.3, shoulder + 0.05), 0.06, model, 0.24), model)
    lamp = frame.moved(left + 0.42, shoulder + 0.08)
    dot = (
        np.stack([np.cos(np.linspace(0, 6.2, 20)), np.sin(np.linspace(0, 6.2, 20))], axis=1).astype(np.float32) * 0.025
    )
    sheet.slab(lamp, dot, Stuff((0.5, 0.06, 0.02) if chance(rng, 0.5) else (0.02, 0.02, 0.02), 0.06, 0.1), 0.02)


def mount(sheet: Sheet, frame: Frame) -> None:
    """A lens seen from the front, a body cap, or the open mount."""
    rng = sheet.rng
    radius = float(rng.uniform(0.34, 0.44))
    axis = Axis(
        Frame(frame.size, frame.scale, frame.centre, frame.angle + float(rng.normal(0.3, 0.8)), frame.mirrored),
        float(rng.uniform(0.93, 0.995)),
    )
    sheet.shadowed(frame, axis_outline(radius), 0.05, 0.55)
    turned(sheet, axis, [Band((radius, 0.0), (radius, 0.05), CHROME)])
    draw = rng.random()
    if draw < 0.15:
        cap(sheet, axis, radius * 0.78, 0.02, Stuff.grey(0.004, 0.03, 0.4))
        cap(sheet, axis, radius * 0.5, -0.1, Stuff((0.02, 0.015, 0.03), 0.3, 0.05))
    elif draw < 0.3:
        lens_cap(sheet, axis, radius * 1.02, 0.05)
    else:
        stuff = barrel_stuff(rng, str(rng.choice(["black", "black", "grey", "chrome"])))
        parts = barrel(rng, stuff, float(rng.uniform(0.4, 1.1)), radius * float(rng.uniform(1.0, 1.2)))
        turned(sheet, axis, parts)
        front(sheet, axis, parts[-1].high[0], parts[-1].high[1])


def axis_outline(radius: float) -> Array:
    turn = np.linspace(0, 2 * np.pi, 49)[:-1]
    return (np.stack([np.cos(turn), np.sin(turn)], axis=1) * radius * 1.05).astype(np.float32)


def flash(sheet: Sheet, frame: Frame) -> str:
    """A speedlight on its foot: body, tilted head with a ribbed window, sensor, marks."""
    rng = sheet.rng
    white = chance(rng, 0.15)
    shade = float(rng.uniform(0.6, 0.8) if white else rng.uniform(0.012, 0.04))
    skin = Stuff.grey(shade, 0.045, 0.45)
    half, low = float(rng.uniform(0.3, 0.4)), 0.86
    middle, peak = float(rng.uniform(-0.05, 0.1)), float(-rng.uniform(0.75, 0.95))
    sheet.slab(frame, rounded(-0.2, low - 0.1, 0.2, low, 0.02), CHROME if chance(rng, 0.5) else skin, 0.03)
    sheet.slab(frame, rounded(-0.14, low - 0.2, 0.14, low - 0.06, 0.02), Stuff.grey(0.015, 0.04, 0.5), 0.05)
    sheet.slab(frame, rounded(-half, middle, half, low - 0.14, 0.08), skin, 0.1, Relief(bump=0.06, grain=0.004))
    sheet.slab(
        frame,
        rounded(-half * 0.8, middle + 0.3, half * 0.8, low - 0.24, 0.04),
        Stuff((0.1, 0.004, 0.006) if chance(rng, 0.5) else (0.006, 0.006, 0.007), 0.06, 0.06),
        0.03,
    )
    word = marks.text(marks.name(rng), (0.02, 0.02, 0.02) if white else marks.White, 64)
    marks.stamped(sheet, frame, marks.line((-half * 0.7, middle + 0.12), 0.09, word, half * 1.4), word)
    head = Frame(
        frame.size,
        frame.scale,
        tuple(frame.pixels([[0, middle]])[0].tolist()),
        frame.angle + float(rng.normal(0, 0.12)),
        frame.mirrored,
    )
    wide, reach = half * float(rng.uniform(1.05, 1.3)), peak - middle
    sheet.slab(head, rounded(-0.16, -0.08, 0.16, 0.12, 0.03), skin, 0.08)
    sheet.slab(head, rounded(-wide, reach, wide, -0.03, 0.08), skin, 0.1, Relief(bump=0.06, grain=0.004))
    window = rounded(-wide * 0.86, reach + 0.08, wide * 0.86, reach + 0.08 + float(rng.uniform(0.3, 0.45)), 0.03)
    sheet.slab(head, window, Stuff.grey(0.7, 0.06, 0.15), 0.05)
    _ribs(sheet, head, window)
    sheet.feet.append(frame.pixels(rounded(-0.2, low - 0.05, 0.2, low, 0.02)))
    return "white" if white else "black"


def _ribs(sheet: Sheet, frame: Frame, window: Array) -> None:
    """The fine lines of a flash's front glass."""
    left, top = window.min(0) + 0.02
    right, low = window.max(0) - 0.02
    for y in np.arange(top, low, 0.035):
        line = np.array([[left, y], [right, y], [right, y + 0.012], [left, y + 0.012]], np.float32)
        points = frame.pixels(line)
        place = sheet.window(points)
        sheet.paint(place, sheet.cover(place, points) * np.float32(0.5), np.array([0.28, 0.27, 0.24], np.float32))
