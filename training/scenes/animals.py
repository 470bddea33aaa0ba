"""Animal-like bodies: a trunk, a neck, a head with ears, legs and a tail, standing, lying or seen from the front."""

from dataclasses import dataclass

import numpy as np

from training.scenes.canvas import Array, blurred, chance, over
from training.scenes.colours import palette, tinted
from training.scenes.fringe import furred
from training.scenes.outlines import ellipse, ribbon
from training.scenes.shading import Finish
from training.scenes.subjects import Canvas, Coat, Stage, Subject, coat
from training.scenes.textures import noise, texture


@dataclass(frozen=True)
class Hide:
    """An animal's coat over the whole picture: colours with a paler belly, and the length of its hair in pixels."""

    colour: Array
    hair: float
    bump: float
    trim: Array  # (3,) colour of ears' insides, nose, feet
    name: str


def hide(rng: np.random.Generator, stage: Stage) -> Hide:
    sort = str(rng.choice(["plain", "plain", "stripes", "spots", "patches", "wrinkled"]))
    names = {
        "plain": ["plain", "clouds", "grain"],
        "stripes": ["stripes"],
        "spots": ["spots"],
        "patches": ["cells", "clouds", "spots"],
        "wrinkled": ["cells", "clouds", "grain"],
    }[sort]
    mood = str(rng.choice(["fur", "fur", "fur", "grey", "dark", "pale", "muted"]))
    colours = palette(rng, mood, 3, 0.25 if sort == "plain" else 0.8)
    albedo = tinted(texture(rng, stage.size, names), colours)
    streaks = noise(rng, stage.size, rng.uniform(25, 90), 3, stretch=rng.uniform(0.3, 3))
    albedo = albedo * (0.6 + 0.8 * streaks[..., None])
    hair = 0.0 if sort == "wrinkled" else float(stage.frame.scale * np.exp(rng.uniform(-4.6, -2.3)))
    trim = np.asarray(palette(rng, str(rng.choice(["dark", "fur"])), 1)[0], dtype=np.float32)
    return Hide(albedo.astype(np.float32), hair, float(rng.uniform(0.1, 1.0)), trim, sort)


class Beast(Canvas):
    """A canvas whose parts all wear one hide."""

    def __init__(self, rng: np.random.Generator, stage: Stage) -> None:
        super().__init__(rng, stage)
        self.hide = hide(rng, stage)

    def limb(self, *outlines: Array, bulge: float, tone: float = 1.0, hair: float = 1.0) -> Array:
        """Parts merged softly into one body, shaded as one."""
        mask = self.shape(*outlines)
        radius = max(0.6, self.stage.frame.scale * 0.02)
        mask = np.clip((blurred(mask, radius) - 0.5) * radius * 1.8 + 0.5, 0, 1).astype(np.float32)
        mask = furred(self.rng, mask, self.hide.hair * hair)
        finish = Finish(max(2.0, bulge * self.stage.frame.scale), self.hide.bump, 0.0, 0.0)
        self.cover(mask, (self.hide.colour * np.float32(tone)).astype(np.float32), finish)
        return mask

    def face(self, x: float, y: float, size: float, *, front: bool) -> None:
        """Eyes, nose and a muzzle of another tone, painted on."""
        rng = self.rng
        muzzle = self.shape(ellipse(size * 0.55, size * 0.45, x + (0 if front else size * 0.55), y + size * 0.4))
        pale = np.clip(self.light * rng.uniform(0.6, 1.7), 0, 1).astype(np.float32)
        self.light = over(pale, blurred(muzzle, size * self.stage.frame.scale * 0.1) * self.alpha, self.light)
        eyes = (-0.42, 0.42) if front else (0.2,)
        radius = size * rng.uniform(0.08, 0.16)
        for eye in eyes:
            self.paint(self.shape(ellipse(radius, radius, x + eye * size, y - size * 0.15)), self.hide.trim * 0.3)
            glint = ellipse(radius * 0.3, radius * 0.3, x + eye * size + radius * 0.3, y - size * 0.2)
            self.paint(self.shape(glint) * 0.8, np.ones(3, np.float32))
        nose = ellipse(size * 0.2, size * 0.13, x + (0 if front else size * 0.95), y + size * (0.45 if front else 0.3))
        self.paint(self.shape(nose) * self.alpha, self.hide.trim * 0.5)


def _leg(rng: np.random.Generator, x: float, top: float, floor: float, width: float) -> Array:
    bend = rng.normal(0, 0.05)
    line = np.array([[x, top], [x + bend, (top + floor) / 2], [x + rng.normal(0, 0.06), floor]])
    return ribbon(line, np.array([width * 1.6, width, width * rng.uniform(0.8, 1.2)]))


def _ears(rng: np.random.Generator, x: float, y: float, size: float, gaps: tuple[float, ...]) -> list[Array]:
    long, wide = size * rng.uniform(0.3, 1.3), size * rng.uniform(0.18, 0.5)
    return [ellipse(wide, long, x + gap * size, y - size * 0.75, np.sign(gap) * rng.uniform(0, 0.9)) for gap in gaps]


def standing(rng: np.random.Generator, stage: Stage) -> Subject:
    """A four-legged animal from the side."""
    beast = Beast(rng, stage)
    girth, floor, leg = rng.uniform(0.18, 0.34), rng.uniform(0.45, 0.85), rng.uniform(0.035, 0.1)
    hips, chest = -0.5, rng.uniform(0.3, 0.5)
    far = [_leg(rng, x + rng.normal(0.06, 0.06), 0.1, floor - 0.04, leg) for x in (hips, chest)]
    beast.limb(*far, bulge=leg, tone=rng.uniform(0.4, 0.8))
    tail = np.array(
        [
            [hips - 0.15, -0.1],
            [hips - rng.uniform(0.2, 0.4), rng.uniform(-0.3, 0.2)],
            [hips - 0.3, rng.uniform(-0.4, 0.5)],
        ]
    )
    head, neck = rng.uniform(0.12, 0.24), rng.uniform(0.08, 0.2)
    hx, hy = chest + rng.uniform(0.25, 0.5), rng.uniform(-0.75, 0.15)
    beast.limb(ribbon(tail, np.array([0.05, 0.03, rng.uniform(0.01, 0.06)])), bulge=0.05)
    beast.limb(*_ears(rng, hx - 0.05, hy, head, (-0.1,)), bulge=0.1, tone=0.8)
    body = [
        ellipse(0.32, girth, hips * 0.7, -0.02),
        ellipse(0.34, girth * rng.uniform(0.8, 1.15), chest * 0.6, 0),
        ellipse(0.5, girth * 0.85, -0.03, 0),
        ribbon(
            np.array([[chest * 0.8, -0.05], [(chest + hx) / 2, hy * 0.5], [hx, hy]]),
            np.array([girth, (girth + neck) / 2, neck]),
        ),
        ellipse(head, head * rng.uniform(0.6, 0.9), hx, hy, 0.3),
        ellipse(head * rng.uniform(0.5, 1.0), head * 0.5, hx + head * 0.7, hy + head * 0.35, 0.4),
    ]
    legs = [_leg(rng, x + rng.normal(0, 0.05), 0.05, floor, leg) for x in (hips, chest)]
    beast.limb(*body, *legs, bulge=girth * rng.uniform(0.7, 1.1))
    beast.limb(*_ears(rng, hx - head * 0.3, hy, head, (0.05,)), bulge=0.08)
    beast.face(hx, hy, head, front=False)
    return beast.done("animal standing", beast.hide.name)


def lying(rng: np.random.Generator, stage: Stage) -> Subject:
    """Resting: a long body on the ground, the head up at one end, the forelegs in front."""
    beast = Beast(rng, stage)
    floor, girth, head = 0.4, rng.uniform(0.24, 0.36), rng.uniform(0.18, 0.32)
    hx, hy = rng.uniform(-0.6, -0.35), rng.uniform(-0.7, -0.15)
    mane = chance(rng, 0.35)
    paw = rng.uniform(0.05, 0.1)
    body = [
        ellipse(0.55, girth, 0.2, floor - girth),
        ellipse(0.28, girth * rng.uniform(0.9, 1.2), 0.6, floor - girth, rng.normal(0, 0.2)),
        ribbon(
            np.array([[-0.2, 0.1], [(hx - 0.2) / 2, hy * 0.4], [hx, hy + 0.1]]),
            np.array([girth * 1.1, girth, head * 0.8]),
        ),
        ribbon(np.array([[0.5, floor - 0.05], [0.25, floor], [0.1, floor + 0.02]]), np.array([0.14, paw, paw])),
        ribbon(np.array([[0.8, 0.2], [0.98, floor], [0.6, floor + 0.05]]), np.array([0.07, 0.05, 0.04])),
    ]
    beast.limb(*body, bulge=girth)
    arms = [
        ribbon(np.array([[-0.3, 0.15], [-0.5, floor - 0.06], [x, floor]]), np.array([0.16, paw * 1.2, paw]))
        for x in (rng.uniform(-1.0, -0.8), rng.uniform(-0.85, -0.6))
    ]
    beast.limb(arms[0], bulge=paw * 1.3, tone=0.9)
    beast.limb(arms[1], bulge=paw * 1.3)
    beast.limb(*_ears(rng, hx, hy, head, (-0.65, 0.65)), bulge=0.08, tone=0.9)
    if mane:
        beast.limb(
            ellipse(head * 1.7, head * 2.0, hx, hy + head * 0.5), bulge=0.4, tone=rng.uniform(0.4, 0.9), hair=2.5
        )
    beast.limb(ellipse(head, head * rng.uniform(0.9, 1.15), hx, hy), bulge=head)
    beast.face(hx, hy, head, front=True)
    return beast.done("animal lying", beast.hide.name)


def frontal(rng: np.random.Generator, stage: Stage) -> Subject:
    """Seen from the front: a broad body on two or four legs, a head with wide ears, perhaps a trunk or horns."""
    beast = Beast(rng, stage)
    wide, leg, head = rng.uniform(0.3, 0.5), rng.uniform(0.08, 0.17), rng.uniform(0.2, 0.36)
    hy = rng.uniform(-0.6, -0.25)
    rear = [_leg(rng, side * wide * 0.9, 0.1, 0.8, leg) for side in (-1, 1)]
    beast.limb(ellipse(wide * 1.1, 0.45, rng.normal(0, 0.1), -0.1), *rear, bulge=0.3, tone=0.6)
    front = [_leg(rng, side * wide * rng.uniform(0.35, 0.7), 0.1, 0.92, leg) for side in (-1, 1)]
    beast.limb(ellipse(wide, 0.5, 0, -0.05), *front, bulge=0.3)
    reach = rng.uniform(0.15, 0.55)
    ears = [
        ellipse(
            reach, reach * rng.uniform(0.4, 0.9), side * (head + reach * 0.6), hy - 0.05, side * rng.uniform(-0.6, 0.4)
        )
        for side in (-1, 1)
    ]
    beast.limb(*ears, bulge=0.06, tone=rng.uniform(0.7, 1.1))
    beast.limb(ellipse(head, head * rng.uniform(1, 1.5), 0, hy + 0.05), bulge=head * 0.8)
    if chance(rng, 0.4):
        trunk = np.array([[0, hy + head * 0.5], [rng.normal(0, 0.06), 0.3], [rng.normal(0, 0.2), 0.75]])
        beast.limb(ribbon(trunk, np.array([head * 0.5, 0.1, 0.06])), bulge=0.1)
    else:
        beast.limb(ellipse(head * 0.6, head * 0.5, 0, hy + head * 0.8), bulge=head * 0.5)
    if chance(rng, 0.4):
        _horns(beast, head, hy)
    beast.face(0, hy, head, front=True)
    return beast.done("animal frontal", beast.hide.name)


def _horns(beast: Beast, head: float, hy: float) -> None:
    rng = beast.rng
    rise = rng.uniform(-0.5, 0.4)
    horns = [
        ribbon(
            np.array(
                [
                    [s * head * 0.5, hy - head * 0.4],
                    [s * head * 1.4, hy - 0.2 + rise * 0.3],
                    [s * head * 1.5, hy - 0.3 + rise],
                ]
            ),
            np.array([0.05, 0.04, 0.01]),
        )
        for s in (-1, 1)
    ]
    colour = np.broadcast_to(palette(rng, "dry", 1)[0], beast.light.shape).astype(np.float32)
    mask = beast.shape(*horns)
    finish = Finish(max(2.0, 0.05 * beast.stage.frame.scale), 0.1, 0.3)
    beast.cover(mask, colour, finish)


def bird(rng: np.random.Generator, stage: Stage) -> Subject:
    """An egg of a body on thin legs, a beak, a wing of another tone."""
    beast = Beast(rng, stage)
    legs = [_leg(rng, x, 0.3, rng.uniform(0.75, 0.95), 0.018) for x in (-0.08, 0.12)]
    beast.limb(*legs, bulge=0.02, hair=0)
    neck, head = rng.uniform(0.05, 0.7), rng.uniform(0.12, 0.2)
    hx, hy = 0.45, -0.25 - neck
    beak = np.array([[hx, hy - 0.05], [hx + rng.uniform(0.2, 0.5), hy + rng.uniform(0, 0.1)], [hx, hy + 0.08]])
    beast.add(beast.shape(beak.astype(np.float32)), coat(rng, "glossy"))
    tail = np.array([[-0.3, 0], [-0.95, rng.uniform(-0.2, 0.3)], [-0.9, rng.uniform(0.3, 0.5)], [-0.3, 0.25]])
    body = [
        ellipse(0.5, 0.33, 0, 0.08, -0.25),
        tail.astype(np.float32),
        ribbon(np.array([[0.3, 0.0], [0.42, hy * 0.5], [hx, hy]]), np.array([0.22, 0.12, head * 0.7])),
        ellipse(head, head * 0.9, hx, hy),
    ]
    beast.limb(*body, bulge=0.3)
    beast.limb(ellipse(0.42, 0.2, -0.1, 0.1, -0.15), bulge=0.1, tone=rng.uniform(0.3, 1.5))
    eye = ellipse(0.03, 0.03, hx + head * 0.3, hy - 0.03)
    beast.paint(beast.shape(eye), np.full(3, 0.01, np.float32))
    return beast.done("bird", beast.hide.name)


def person(rng: np.random.Generator, stage: Stage) -> Subject:
    """A clothed figure: legs, torso, arms, head, hair."""
    canvas = Canvas(rng, stage)
    skin = Coat("skin", palette(rng, "fur", 2, 0.1), ("plain",), 0.1, 0.1, 0.1)
    trousers, shirt, hair = coat(rng, "cloth"), coat(rng, str(rng.choice(["cloth", "printed"]))), coat(rng, "cloth")
    spread = rng.uniform(0.05, 0.2)
    legs = [_leg(rng, side * spread, 0.0, 0.9, rng.uniform(0.05, 0.08)) for side in (-1, 1)]
    canvas.add(canvas.shape(*legs), trousers)
    for side in (-1, 1):
        hand = (side * rng.uniform(0.15, 0.5), rng.uniform(-0.4, 0.25))
        elbow = (side * rng.uniform(0.2, 0.4), rng.uniform(-0.3, -0.1))
        arm = np.array([[side * 0.14, -0.5], elbow, hand])
        canvas.add(canvas.shape(ribbon(arm, np.array([0.06, 0.045, 0.04]))), shirt)
        canvas.add(canvas.shape(ellipse(0.045, 0.045, *hand)), skin)
    canvas.add(canvas.shape(ellipse(0.19, 0.33, 0, -0.28), ellipse(0.17, 0.2, 0, -0.05)), shirt)
    canvas.add(furred(rng, canvas.shape(ellipse(0.13, 0.16, 0, -0.76)), stage.frame.scale * 0.05), hair)
    canvas.add(canvas.shape(ellipse(0.095, 0.125, rng.normal(0, 0.02), -0.72), ellipse(0.05, 0.1, 0, -0.6)), skin)
    return canvas.done("person", "cloth")
