"""Subjects of no particular kind: solids, rings, glass, boxes, groups, leaves."""

import numpy as np

from training.scenes.canvas import Frame, chance, filled
from training.scenes.colours import from_hsv, palette
from training.scenes.outlines import OUTLINES, ellipse, ribbon, smooth
from training.scenes.subjects import Canvas, Coat, Stage, Subject, coat


def solid(rng: np.random.Generator, stage: Stage) -> Subject:
    """One outline, with a few smaller parts of other materials on it."""
    canvas = Canvas(rng, stage)
    skin = coat(rng)
    outline = OUTLINES[str(rng.choice(list(OUTLINES)))](rng)
    canvas.add(canvas.shape(outline), skin)
    for _ in range(int(rng.integers(0, 4))):
        patch = stage.frame.moved(
            rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5), rng.uniform(0.1, 0.5), rng.uniform(0, 6)
        )
        mark = canvas.shape(OUTLINES[str(rng.choice(list(OUTLINES)))](rng), frame=patch)
        if chance(rng, 0.5):
            mark = mark * canvas.alpha
        canvas.add(mark, coat(rng))
    return canvas.done("solid", skin.name)


def ring(rng: np.random.Generator, stage: Stage) -> Subject:
    """A body with holes: rings, frames, racks, handles."""
    canvas = Canvas(rng, stage)
    skin = coat(rng)
    canvas.add(canvas.shape(OUTLINES[str(rng.choice(["superellipse", "blob", "polygon"]))](rng)), skin)
    count = int(rng.choice([1, 1, 2, 4, 9]))
    reach = 0.0 if count == 1 else 0.45
    for _ in range(count):
        hole = stage.frame.moved(
            rng.uniform(-reach, reach),
            rng.uniform(-reach, reach),
            rng.uniform(0.3, 0.62) / np.sqrt(count),
            rng.uniform(0, 6),
        )
        canvas.cut(canvas.shape(OUTLINES[str(rng.choice(["superellipse", "blob"]))](rng), frame=hole))
    return canvas.done("ring", skin.name)


def box(rng: np.random.Generator, stage: Stage) -> Subject:
    """A carton or a machine: three visible faces of a box in oblique view, printed or plain."""
    canvas = Canvas(rng, stage)
    skin = coat(rng)
    width, height, depth = rng.uniform(0.3, 0.8), rng.uniform(0.25, 0.8), rng.uniform(0.1, 0.45)
    lift = depth * rng.uniform(0.2, 0.8)
    left, right, top, low = -width, width - depth, -height + lift, height
    front = np.array([[left, top], [right, top], [right, low], [left, low]])
    side = np.array([[right, top], [right + depth, top - lift], [right + depth, low - lift], [right, low]])
    lid = np.array([[left, top], [left + depth, top - lift], [right + depth, top - lift], [right, top]])
    print_ = canvas.albedo(skin)
    tones = rng.permutation([0.45, 0.75, 1.1])
    for face, tone in zip((front, side, lid), tones, strict=True):
        mask = canvas.shape(face.astype(np.float32))
        canvas.lay(
            mask, (print_ * np.float32(tone) * (stage.light.colour + stage.light.ambient) * 0.6).astype(np.float32)
        )
    if chance(rng, 0.6):
        label = Frame(stage.size, stage.frame.scale, stage.frame.centre, stage.frame.angle, stage.frame.mirrored)
        patch = canvas.shape(front.astype(np.float32) * rng.uniform(0.3, 0.8), frame=label) * canvas.alpha
        canvas.paint(patch, canvas.albedo(coat(rng, "printed")))
    return canvas.done("box", skin.name)


def glass(rng: np.random.Generator, stage: Stage) -> Subject:
    """Clear or tinted glass: the ground shows through the middle, the rim and sparkles of light are opaque.

    Alpha stays above a half: whoever cuts out a glass wants the glass, and a mask cut at a half must keep it.
    """
    canvas = Canvas(rng, stage)
    tint = from_hsv(rng.random(), rng.uniform(0, 0.35), rng.uniform(0.6, 1.0))
    clear = Coat(
        "glass", np.stack([tint, tint * 0.8]), ("plain", "gradient"), float(rng.uniform(0.1, 0.3)), 0, 0.9, 0.4
    )
    outline = OUTLINES[str(rng.choice(["lathe", "superellipse", "lathe"]))](rng)
    mask = canvas.shape(outline)
    inner = canvas.shape(outline * rng.uniform(0.86, 0.95))
    canvas.add(mask, clear)
    thin = float(rng.uniform(0.58, 0.9))
    spark = np.clip((canvas.light.max(axis=2) - 0.55) * 2, 0, 1)
    canvas.alpha = (mask * np.clip(np.maximum(thin + (1 - thin) * (1 - inner) * 0.75, spark), 0, 1)).astype(np.float32)
    if chance(rng, 0.5):
        level = rng.uniform(-0.4, 0.5)
        drink = outline * np.float32(0.88)
        drink[:, 1] = np.maximum(drink[:, 1], level)
        canvas.add(
            canvas.shape(drink), coat(rng, str(rng.choice(["glossy", "skin", "white"]))), opacity=rng.uniform(0.6, 1)
        )
    return canvas.done("glass", "glass")


def group(rng: np.random.Generator, stage: Stage) -> Subject:
    """Several things side by side and over one another."""
    canvas = Canvas(rng, stage)
    count = int(rng.integers(2, 7))
    skin = coat(rng)
    alike = chance(rng, 0.5)
    outline = OUTLINES[str(rng.choice(list(OUTLINES)))](rng)
    for index in range(count):
        if not alike:
            skin, outline = coat(rng), OUTLINES[str(rng.choice(list(OUTLINES)))](rng)
        x = (index + 0.5) / count * 1.7 - 0.85 + rng.normal(0, 0.1)
        part = stage.frame.moved(x, rng.uniform(-0.3, 0.35), rng.uniform(0.25, 0.5), rng.uniform(-0.6, 0.6))
        canvas.add(canvas.shape(outline, frame=part), skin)
    return canvas.done("group", skin.name)


def plant(rng: np.random.Generator, stage: Stage) -> Subject:
    """Stems with leaves or petals: thin parts and many small holes."""
    canvas = Canvas(rng, stage)
    green = Coat(
        "leaf",
        palette(rng, str(rng.choice(["foliage", "foliage", "vivid"])), 3),
        ("gradient", "clouds"),
        0.05,
        0.1,
        0.2,
    )
    stems, leaves = [], []
    for _ in range(int(rng.integers(2, 9))):
        lean, top = rng.normal(0, 0.45), rng.uniform(-0.95, 0.1)
        path = np.array([[0, 0.9], [lean * 0.3, (0.9 + top) / 2], [lean, top]])
        stems.append(ribbon(path, np.array([0.025, 0.01])))
        for share in np.linspace(0.35, 1, int(rng.integers(2, 7))):
            x, y = path[0] * (1 - share) ** 2 + path[1] * 2 * share * (1 - share) + path[2] * share**2
            length, angle = rng.uniform(0.08, 0.3), rng.uniform(0, 2 * np.pi)
            leaves.append(
                ellipse(
                    length,
                    length * rng.uniform(0.2, 0.5),
                    x + np.cos(angle) * length,
                    y + np.sin(angle) * length,
                    angle,
                )
            )
    canvas.add(canvas.shape(*stems), green)
    canvas.add(canvas.shape(*leaves[::2]), green)
    if leaves[1::2]:
        canvas.add(canvas.shape(*leaves[1::2]), coat(rng, "skin") if chance(rng, 0.3) else green)
    if chance(rng, 0.4):
        pot = smooth(np.array([[-0.28, 0.5], [0.28, 0.5], [0.2, 0.95], [-0.2, 0.95]]), 6)
        canvas.add(canvas.shape(pot), coat(rng))
    return canvas.done("plant", "leaf")


def wire(rng: np.random.Generator, stage: Stage) -> Subject:
    """Thin bent things: whisks, wires, glasses' frames, branches."""
    canvas = Canvas(rng, stage)
    skin = coat(rng, str(rng.choice(["metal", "wooden", "glossy"])))
    for _ in range(int(rng.integers(2, 8))):
        path = rng.uniform(-0.9, 0.9, (int(rng.integers(3, 6)), 2))
        width = float(np.exp(rng.uniform(-4.2, -2.3)))
        canvas.add(
            filled(stage.size, stage.frame.pixels(ribbon(path, np.array([width, width * rng.uniform(0.3, 1)])))), skin
        )
    return canvas.done("wire", skin.name)
