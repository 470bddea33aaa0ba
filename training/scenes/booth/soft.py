"""Straps, cables and bags: cloth, webbing, leather, mesh."""

import cv2
import numpy as np

from training.scenes.booth import marks
from training.scenes.booth.cameras import rounded
from training.scenes.booth.lenses import CHROME, RUBBER
from training.scenes.booth.light import Stuff
from training.scenes.booth.sheet import Relief, Sheet, pillow
from training.scenes.booth.supports import rod
from training.scenes.booth.tubes import Band, coil, curve, laid
from training.scenes.booth.turned import Band as Turned
from training.scenes.booth.turned import turned
from training.scenes.canvas import Array, Frame, chance
from training.scenes.outlines import smooth
from training.scenes.textures import noise

CLOTHS = (
    (0.012, 0.012, 0.014),
    (0.05, 0.05, 0.055),
    (0.12, 0.02, 0.018),
    (0.02, 0.035, 0.09),
    (0.16, 0.11, 0.06),
    (0.3, 0.29, 0.27),
)


def cloth(rng: np.random.Generator) -> Stuff:
    red, green, blue = CLOTHS[int(rng.integers(len(CLOTHS)))]
    return Stuff((red, green, blue), 0.025, 0.85)


def strap(sheet: Sheet, frame: Frame) -> str:
    """A camera strap in loops, its pad and buckles; or one or two cables with their plugs."""
    if chance(sheet.rng, 0.45):
        return cable(sheet, frame)
    rng = sheet.rng
    webbing = Band(
        float(rng.uniform(0.035, 0.1)),
        cloth(rng),
        round=False,
        twist=float(rng.uniform(0, 0.8)),
        weave=float(rng.uniform(2, 9)),
        stitch=True,
    )
    thin = Band(float(rng.uniform(0.014, 0.026)), Stuff.grey(0.015, 0.03, 0.7), round=False, twist=0.5, weave=4)
    loop = _loop(rng)
    ends = [(float(x), float(y)) for x, y in (loop[0], loop[-1])]
    laid(sheet, frame, loop, webbing)
    for end in ends:
        tail = curve(rng, end, (float(np.clip(end[0] + rng.normal(0, 0.4), -0.95, 0.95)), 0.9), 0.12, 2)
        laid(sheet, frame, tail, thin)
        buckle = frame.moved(end[0], end[1], 1.0, float(rng.uniform(0, 3)))
        half = webbing.half * 1.25
        sheet.slab(
            buckle,
            rounded(-half, -half * 0.7, half, half * 0.7, half * 0.2),
            CHROME if chance(rng, 0.4) else RUBBER,
            half * 0.3,
        )
    return "cloth"


def _loop(rng: np.random.Generator) -> Array:
    """An open loop of a strap that was put down, (n, 2)."""
    turn = np.linspace(0, float(rng.uniform(4.2, 7.6)), int(rng.integers(6, 9))) + rng.uniform(0, 6.3)
    wobble = 1 + rng.normal(0, 0.12, len(turn))
    wide, tall = rng.uniform([0.5, 0.35], [0.85, 0.7])
    line = np.stack([np.cos(turn) * wobble * wide, np.sin(turn) * wobble * tall], axis=1)
    return (line + np.linspace(-0.12, 0.12, len(turn))[:, None] * rng.normal(0, 1, 2)).astype(np.float32)


def cable(sheet: Sheet, frame: Frame) -> str:
    """A cable in a coil, plugs at its ends; white at times."""
    rng = sheet.rng
    white = chance(rng, 0.25)
    skin = Stuff.grey(float(rng.uniform(0.7, 0.85) if white else rng.uniform(0.01, 0.04)), 0.04, 0.5)
    band = Band(float(rng.uniform(0.012, 0.03)), skin)
    loops = coil(rng, float(rng.uniform(1.5, 4.5)), float(rng.uniform(0.45, 0.75)))
    first, last = (tuple(float(v) for v in rng.uniform([-0.95, 0.3], [0.95, 0.9])) for _ in range(2))
    path = np.concatenate([[first], loops, [last]]).astype(np.float32)
    laid(sheet, frame, path, band)
    for end, before in ((path[0], path[1]), (path[-1], path[-2])):
        way = (end - before) / (np.linalg.norm(end - before) + 1e-6)
        tip = end + way * 0.24
        axis, length = rod(frame, (float(end[0]), float(end[1])), (float(tip[0]), float(tip[1])), 0.2)
        turned(sheet, axis, [
            Turned((band.half * 1.1, -0.06), (band.half * 1.6, 0.0), skin, rings=3),
            Turned((band.half * 2.4, 0.0), (band.half * 2.4, length * 0.6), skin),
            Turned((band.half * 1.5, length * 0.6), (band.half * 1.5, length), CHROME),
        ])  # fmt: skip
    return "white" if white else "rubber"


def bag(sheet: Sheet, frame: Frame) -> str:
    """A pouch of cloth with folds, zip, label and strap; or a drawstring bag of mesh, which one sees through."""
    rng = sheet.rng
    if chance(rng, 0.4):
        return _mesh(sheet, frame)
    skin = cloth(rng)
    half, tall = float(rng.uniform(0.6, 0.88)), float(rng.uniform(0.45, 0.75))
    low = 0.82
    top = low - 2 * tall * 0.85
    if chance(rng, 0.7):
        arch = np.array(
            [[-half * 0.7, top + 0.1], [-half * 0.5, top - 0.3], [half * 0.4, top - 0.32], [half * 0.7, top + 0.1]],
            np.float32,
        )
        laid(
            sheet, frame, arch, Band(float(rng.uniform(0.03, 0.06)), skin, round=False, twist=0.3, weave=5, stitch=True)
        )
    body = smooth(rounded(-half, top, half, low, 0.2)[::4] + rng.normal(0, 0.012, (7, 2)), 8)
    sheet.slab(frame, body, skin, 0.24, Relief(bump=1.3, grain=0.42, steepness=0.9))
    pocket = rounded(-half * 0.72, top + tall * 0.75, half * 0.72, low - 0.12, 0.1)
    sheet.shadowed(frame, pocket, 0.02, 0.6)
    sheet.slab(frame, pocket, skin, 0.1, Relief(bump=0.8, grain=0.3))
    zip_line = np.array(
        [[-half * 0.8, top + tall * 0.5], [0, top + tall * 0.5 - 0.03], [half * 0.8, top + tall * 0.5]], np.float32
    )
    laid(sheet, frame, zip_line, Band(0.016, CHROME if chance(rng, 0.4) else RUBBER, weave=14))
    label = marks.text(marks.name(rng), (0.6, 0.6, 0.6), 60)
    marks.stamped(sheet, frame, marks.line((-half * 0.3, low - 0.34), 0.1, label, half), label)
    sheet.feet.append(frame.pixels(rounded(-half * 0.85, low - 0.08, half * 0.85, low, 0.03)))
    return "cloth"


def _mesh(sheet: Sheet, frame: Frame) -> str:
    """Threads with the ground between them; behind the front layer shows a darker back layer at times."""
    rng = sheet.rng
    half, low = float(rng.uniform(0.5, 0.75)), 0.85
    top = float(rng.uniform(-0.8, -0.4))
    corners = np.array(
        [
            [-half * 0.6, top],
            [half * 0.6, top],
            [half, (top + low) / 2],
            [half * 0.85, low],
            [-half * 0.85, low],
            [-half, (top + low) / 2],
        ]
    )
    outline = frame.pixels(smooth(corners + rng.normal(0, 0.03, corners.shape), 8))
    window = sheet.window(outline)
    cover = sheet.cover(window, outline)
    skin = Stuff.grey(float(rng.choice([0.012, 0.03, 0.2])), 0.03, 0.7)
    normals = pillow(cover, 0.3 * frame.scale).bumped(noise(rng, window.size, 7, 3), 14)
    light = sheet.booth.lit(skin, normals)
    pitch = max(3.5, float(rng.uniform(0.012, 0.03)) * frame.scale)
    for _ in range(2):
        threads = _net(rng, window.size, pitch, float(rng.uniform(0.3, 0.5)))
        edge = np.clip(1 - cv2.blur(cover, (9, 9)), 0, 1) * 2
        sheet.lay(window, cover * np.clip(np.maximum(threads, edge), 0, 1).astype(np.float32), light)
    hem = np.array([[-half * 0.62, top + 0.05], [0, top + 0.03], [half * 0.62, top + 0.05]], np.float32)
    laid(sheet, frame, hem, Band(0.035, skin, weave=6))
    laid(
        sheet,
        frame,
        curve(rng, (0.0, top + 0.03), (float(rng.uniform(-0.9, 0.9)), top - 0.1), 0.15, 3),
        Band(0.012, CHROME if chance(rng, 0.1) else RUBBER),
    )
    sheet.feet.append(frame.pixels(rounded(-half * 0.8, low - 0.05, half * 0.8, low, 0.02)))
    return "mesh"


def _net(rng: np.random.Generator, size: tuple[int, int], pitch: float, thread: float) -> Array:
    """A warped net of threads as the share of each pixel that they cover: drawn 3 times finer and reduced."""
    height, width = size[0] * 3, size[1] * 3
    y, x = np.mgrid[:height, :width].astype(np.float32)
    warp = [
        cv2.resize(rng.normal(0, 1, (5, 5)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        for _ in range(2)
    ]
    u, v = (x + y + warp[0] * pitch * 4) / (pitch * 4.2), (x - y + warp[1] * pitch * 4) / (pitch * 4.2)
    near = np.minimum(np.abs(u - np.round(u)), np.abs(v - np.round(v)))
    fine = (near < thread / 2).astype(np.float32)
    return np.asarray(cv2.resize(fine, (size[1], size[0]), interpolation=cv2.INTER_AREA), np.float32)
