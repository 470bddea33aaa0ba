"""Kitchen things: bottles, cups, bowls, pans, trays, boards and plates with food, cutlery."""

import cv2
import numpy as np

from training.scenes.canvas import Array, Frame, chance
from training.scenes.outlines import OUTLINES, blob, ellipse, lathe, ribbon, smooth
from training.scenes.subjects import Canvas, Coat, Stage, Subject, coat


def bottle(rng: np.random.Generator, stage: Stage) -> Subject:
    """A turned body with a cap and a label, opaque."""
    canvas = Canvas(rng, stage)
    skin = coat(rng, str(rng.choice(["glossy", "metal", "white", "matt", "skin"])))
    belly, neck, shoulder = rng.uniform(0.2, 0.42), rng.uniform(0.06, 0.14), rng.uniform(-0.5, 0.0)
    right = np.array(
        [[neck, -0.95], [neck, shoulder - 0.15], [belly, shoulder + 0.1], [belly, 0.9], [belly * 0.9, 0.97]]
    )
    half = smooth(right, 8, closed=False)
    outline = np.concatenate([half, half[::-1] * np.array([-1, 1])]).astype(np.float32)
    canvas.add(canvas.shape(outline), skin)
    label = np.array([[-belly, shoulder + 0.2], [belly, shoulder + 0.2], [belly, 0.7], [-belly, 0.7]], np.float32)
    if chance(rng, 0.7):
        canvas.add(canvas.shape(label) * canvas.alpha, coat(rng, "printed"))
    cap = np.array([[-neck, -1], [neck, -1], [neck, -0.82], [-neck, -0.82]], np.float32) * np.array(
        [1.15, 1], np.float32
    )
    canvas.add(canvas.shape(cap), coat(rng, str(rng.choice(["metal", "glossy"]))))
    return canvas.done("bottle", skin.name)


def _contents(canvas: Canvas, frame: Frame, limit: Array, flat: float) -> None:
    """Food heaped inside `limit`."""
    rng = canvas.rng
    for _ in range(int(rng.integers(2, 12))):
        angle, reach = rng.uniform(0, 6.3), np.sqrt(rng.random()) * 0.6
        piece = frame.moved(np.cos(angle) * reach, np.sin(angle) * reach * flat, rng.uniform(0.1, 0.45))
        shape = blob(rng) if chance(rng, 0.6) else OUTLINES[str(rng.choice(list(OUTLINES)))](rng)
        shape = shape * np.array([1, 0.4 + 0.6 * flat], np.float32)
        mask = canvas.shape(shape, frame=piece) * limit
        canvas.add(mask, coat(rng, "skin"))


def dish(rng: np.random.Generator, stage: Stage) -> Subject:
    """A plate, bowl or pan seen from above or at a slant, with food on it, a handle at times."""
    canvas = Canvas(rng, stage)
    skin = coat(rng, str(rng.choice(["white", "glossy", "metal", "wooden", "stone", "matt"])))
    flat = float(rng.uniform(0.3, 1.0))
    power = chance(rng, 0.75)
    rim = ellipse(0.85, 0.85 * flat) if power else OUTLINES["superellipse"](rng) * np.array([1, flat], np.float32)
    depth = (1 - flat) * rng.uniform(0.1, 0.8)
    if depth > 0.05:
        base = rim * np.array([rng.uniform(0.4, 0.9), 0.6], np.float32) + np.array([0, depth], np.float32)
        canvas.add(canvas.shape(rim, _hull(rim, base)), skin)
    if chance(rng, 0.3):
        handle = ribbon(np.array([[0.7, 0], [1.2, -0.05], [1.7, -0.1]]), np.array([0.07, 0.05, 0.08]))
        canvas.add(canvas.shape(handle @ _turn(rng.uniform(0, 6.3))), coat(rng))
    canvas.add(canvas.shape(rim), skin)
    well = canvas.shape(rim * np.float32(rng.uniform(0.7, 0.93)))
    canvas.add(
        well, Coat(skin.name, skin.colours * np.float32(0.85), skin.textures, 0.8, 0, skin.gloss * 0.3, skin.mirror)
    )
    if chance(rng, 0.75):
        _contents(canvas, stage.frame, well, flat)
    return canvas.done("dish", skin.name)


def _hull(a: Array, b: Array) -> Array:
    return np.asarray(cv2.convexHull(np.concatenate([a, b]).astype(np.float32))[:, 0], dtype=np.float32)


def _turn(angle: float) -> Array:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)


def cup(rng: np.random.Generator, stage: Stage) -> Subject:
    """A mug or pot with a ring for a handle and a drink in it."""
    canvas = Canvas(rng, stage)
    skin = coat(rng, str(rng.choice(["white", "glossy", "metal", "printed", "matt", "stone"])))
    top, base, tall, flat = (
        rng.uniform(0.35, 0.6),
        rng.uniform(0.2, 0.55),
        rng.uniform(0.4, 0.85),
        rng.uniform(0.1, 0.35),
    )
    if chance(rng, 0.75):
        outer = ellipse(0.3, tall * 0.5, top, 0)
        ring = canvas.shape(outer) * (1 - canvas.shape(ellipse(0.19, tall * 0.33, top, 0)))
        canvas.add(ring, skin)
    mouth = ellipse(top, top * flat, 0, -tall)
    bottom = ellipse(base, base * flat, 0, tall)
    canvas.add(canvas.shape(_hull(mouth, bottom)), skin)
    inner = ellipse(top * 0.9, top * flat * 0.85, 0, -tall)
    canvas.add(canvas.shape(inner), coat(rng, str(rng.choice(["skin", "glossy", "white"]))))
    return canvas.done("cup", skin.name)


def board(rng: np.random.Generator, stage: Stage) -> Subject:
    """A board or tray in perspective with things on it."""
    canvas = Canvas(rng, stage)
    skin = coat(rng, str(rng.choice(["wooden", "wooden", "stone", "metal", "white"])))
    flat, taper = rng.uniform(0.3, 0.8), rng.uniform(0.7, 1.0)
    slab = np.array(
        [[-0.95 * taper, -flat], [0.95 * taper, -flat], [0.95, flat * 0.6], [-0.95, flat * 0.6]], np.float32
    )
    canvas.add(canvas.shape(slab, slab + np.array([0, rng.uniform(0.03, 0.12)], np.float32)), skin)
    for _ in range(int(rng.integers(1, 6))):
        part = stage.frame.moved(
            rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 0.3) * flat, rng.uniform(0.12, 0.45), rng.uniform(-0.5, 0.5)
        )
        shape = OUTLINES[str(rng.choice(list(OUTLINES)))](rng)
        canvas.add(canvas.shape(shape, frame=part), coat(rng))
    return canvas.done("board", skin.name)


def cutlery(rng: np.random.Generator, stage: Stage) -> Subject:
    """Spoons, forks, knives, spatulas: a head on a thin handle, one or several."""
    canvas = Canvas(rng, stage)
    skin = coat(rng, str(rng.choice(["metal", "metal", "wooden", "glossy", "white"])))
    count = int(rng.integers(1, 5))
    for index in range(count):
        tool = stage.frame.moved((index - (count - 1) / 2) * 0.35, 0, 1.0, rng.normal(0, 0.25))
        width = rng.uniform(0.02, 0.05)
        handle = ribbon(
            np.array([[0, -0.3], [rng.normal(0, 0.03), 0.3], [0, 0.95]]), np.array([width, width * 0.8, width * 1.5])
        )
        head = ellipse(rng.uniform(0.08, 0.2), rng.uniform(0.18, 0.35), 0, -0.6)
        mask = canvas.shape(handle, head, frame=tool)
        if chance(rng, 0.4):
            gaps = [
                np.array([[x, -1.1], [x + 0.025, -1.1], [x + 0.025, -0.6], [x, -0.6]], np.float32)
                for x in (-0.07, -0.012, 0.046)
            ]
            mask = mask * (1 - canvas.shape(*gaps, frame=tool))
        canvas.add(mask.astype(np.float32), skin)
    return canvas.done("cutlery", skin.name)


def vase(rng: np.random.Generator, stage: Stage) -> Subject:
    canvas = Canvas(rng, stage)
    skin = coat(rng)
    canvas.add(canvas.shape(lathe(rng)), skin)
    return canvas.done("vase", skin.name)
