"""Car-like bodies from the side and from three quarters: a body, a cabin with windows, wheels, lamps."""

from dataclasses import dataclass

import numpy as np

from training.scenes.canvas import Array, blurred, chance, over
from training.scenes.colours import mood, palette
from training.scenes.outlines import ellipse, smooth
from training.scenes.subjects import Canvas, Coat, Stage, Subject


def paintwork(rng: np.random.Generator) -> Coat:
    name = str(rng.choice(["grey", "grey", "pale", "dark", "vivid", mood(rng)]))
    return Coat(
        "car paint",
        palette(rng, name, 2, 0.1),
        ("plain", "gradient"),
        rng.uniform(0.1, 0.35),
        0,
        rng.uniform(0.2, 0.9),
        rng.uniform(0.15, 0.6),
    )


RUBBER = Coat("rubber", np.full((2, 3), 0.012, np.float32), ("plain",), 0.05, 0.2, 0.1)


def _wheel(canvas: Canvas, x: float, y: float, radius: float, squeeze: float) -> None:
    rng = canvas.rng
    canvas.add(canvas.shape(ellipse(radius * squeeze, radius, x, y)), RUBBER)
    rim = Coat("rim", palette(rng, "grey", 2, 0.3), ("plain",), 0.05, 0, 0.5, 0.4)
    canvas.add(canvas.shape(ellipse(radius * squeeze * 0.68, radius * 0.68, x, y)), rim)
    spokes = int(rng.integers(4, 11))
    for spoke in range(spokes):
        angle = (spoke + 0.5) * 2 * np.pi / spokes
        gap = ellipse(radius * 0.2, radius * 0.75 / spokes, 0.4 * radius, 0, 0)
        turned = gap @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        turned[:, 0] *= squeeze
        canvas.paint(canvas.shape((turned + np.array([x, y])).astype(np.float32)), np.full(3, 0.01, np.float32))


def _side(rng: np.random.Generator) -> tuple[Array, Array]:
    """A car's outline and its windows' band, its front to the right."""
    long, roof, belt, low = 0.98, -rng.uniform(0.32, 0.55), -rng.uniform(0.06, 0.16), 0.22
    rear, front = rng.uniform(-0.95, -0.5), rng.uniform(0.15, 0.45)
    nose, boot = belt + rng.uniform(0.02, 0.12), belt + rng.uniform(-0.12, 0.06)
    top = np.array(
        [[-long, low], [-long, boot + 0.1], [-long * 0.94, boot], [rear, boot - 0.02], [rear + 0.2, roof + 0.04],
         [rear + 0.42, roof], [front - 0.25, roof + 0.03], [front + 0.15, belt], [long * 0.85, nose],
         [long, nose + 0.12], [long, low]]
    )  # fmt: skip
    outline = np.concatenate([smooth(top[1:-1], 6, closed=False), top[-1:], top[:1]])
    inset = rng.uniform(0.03, 0.06)
    glass = np.array(
        [[rear + 0.08, belt - 0.01], [rear + 0.22, roof + 0.04 + inset], [rear + 0.42, roof + inset],
         [front - 0.26, roof + 0.03 + inset], [front + 0.06, belt - 0.01]]
    )  # fmt: skip
    return outline.astype(np.float32), glass.astype(np.float32)


def _windows(canvas: Canvas, glass: Array) -> None:
    rng = canvas.rng
    mask = canvas.shape(glass) * canvas.alpha
    pane = Coat("pane", palette(rng, "dark", 2), ("gradient", "clouds"), 0.3, 0, 0.3, rng.uniform(0.2, 0.7))
    before = canvas.alpha
    canvas.add(mask, pane)
    canvas.alpha = before
    for x in rng.uniform(glass[:, 0].min(), glass[:, 0].max(), int(rng.integers(1, 4))):
        pillar = np.array([[x, -1], [x + 0.03, -1], [x + 0.03, 0.3], [x, 0.3]], np.float32)
        canvas.paint(canvas.shape(pillar) * mask, np.asarray(palette(rng, "dark", 1)[0]))


def car(rng: np.random.Generator, stage: Stage) -> Subject:
    """From the side, sheared and squeezed a little so that few cars look alike."""
    canvas = Canvas(rng, stage)
    paint = paintwork(rng)
    outline, glass = _side(rng)
    shear, tall = rng.normal(0, 0.06), rng.uniform(0.8, 1.4)
    warp = np.array([[1, shear], [0, tall]], np.float32)
    radius = rng.uniform(0.14, 0.2)
    wheels = [rng.uniform(-0.68, -0.52), rng.uniform(0.52, 0.66)]
    shadow = np.array([[-0.9, 0.05], [0.9, 0.05], [0.85, 0.27], [-0.85, 0.27]], np.float32)
    canvas.add(canvas.shape(shadow @ warp.T), RUBBER)
    canvas.add(canvas.shape(outline @ warp.T), paint)
    _windows(canvas, (glass @ warp.T).astype(np.float32))
    _lines(canvas, warp)
    for x in wheels:
        y = 0.2
        arch = canvas.shape(ellipse(radius * 1.18, radius * 1.18, *(warp @ [x, y]))) * canvas.alpha
        canvas.paint(arch, np.full(3, 0.008, np.float32))
        centre = warp @ [x, y + 0.03]
        _wheel(canvas, float(centre[0]), float(centre[1]), radius, 1.0)
    return canvas.done("car", paint.name)


def _lines(canvas: Canvas, warp: Array) -> None:
    """Door seams, sills, lamps, a bumper: dark and bright strokes on the body."""
    rng = canvas.rng
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.uniform(-0.5, 0.4), rng.uniform(-0.05, 0.15)
        seam = (
            np.array([[x, -0.1], [x + 0.012, -0.1], [x + 0.02, 0.18], [x, 0.18]])
            if chance(rng, 0.5)
            else np.array([[-0.9, y], [0.9, y - 0.04], [0.9, y - 0.02], [-0.9, y + 0.02]])
        )
        mark = canvas.shape((seam @ warp.T).astype(np.float32)) * canvas.alpha
        canvas.light = over(canvas.light * rng.uniform(0.2, 1.5), mark, canvas.light)
    for x, y in ((0.9, 0.0), (-0.93, -0.02)):
        at_x, at_y = (warp @ [x, y]).tolist()
        lamp = ellipse(rng.uniform(0.04, 0.12), rng.uniform(0.02, 0.05), at_x, at_y, rng.normal(0, 0.3))
        canvas.paint(
            canvas.shape(lamp) * canvas.alpha,
            np.asarray(palette(rng, str(rng.choice(["pale", "dark", "vivid"])), 1)[0]),
        )


@dataclass(frozen=True)
class _Corner:
    """A car from three quarters, unit coordinates: `split` is where its face meets its flank, `far` its other end."""

    split: float
    far: float
    belt: float
    roof: float
    low: float
    rise: float

    @property
    def body(self) -> Array:
        s, f, b, low, r = self.split, self.far, self.belt, self.low, self.rise
        points = [[f, b - r + 0.1], [f + 0.1, b - r], [s * 0.3, b], [0.9, b + 0.08], [0.96, b + 0.2], [0.93, low],
                  [s, low + 0.05], [f + 0.08, low - r * 1.6], [f, 0.05]]  # fmt: skip
        return smooth(np.array(points), 6)

    @property
    def cabin(self) -> np.ndarray:
        s, f, b, top, r = self.split, self.far, self.belt, self.roof, self.rise
        return np.array(
            [[f + 0.2, b - r + 0.05], [f + 0.42, top - r * 0.3], [s * 0.5, top], [s + 0.35, b + 0.03], [s, b + 0.1]]
        )

    @property
    def underside(self) -> Array:
        s, f, low = self.split, self.far, self.low
        return np.array(
            [[f + 0.1, 0.0], [0.9, 0.0], [0.88, low + 0.06], [s, low + 0.1], [f + 0.1, low - 0.1]], np.float32
        )

    @property
    def flank(self) -> Array:
        return np.array([[self.far, -1], [self.split, -1], [self.split - 0.05, 1], [self.far, 1]], np.float32)


def _corner(rng: np.random.Generator) -> _Corner:
    face, deep = rng.uniform(0.3, 0.6), rng.uniform(0.5, 0.9)
    belt, roof = -rng.uniform(0.05, 0.2), -rng.uniform(0.4, 0.6)
    return _Corner(split=0.95 - 2 * face * 0.6, far=-0.95, belt=belt, roof=roof, low=0.32, rise=deep * 0.12)


def front(rng: np.random.Generator, stage: Stage) -> Subject:
    """From three quarters: a face with grille and lamps, a flank that recedes, two or three wheels."""
    canvas = Canvas(rng, stage)
    paint = paintwork(rng)
    car = _corner(rng)
    radius = rng.uniform(0.14, 0.19)
    canvas.add(canvas.shape(car.underside), RUBBER)
    _wheel(canvas, 0.86, car.low - 0.04, radius * 0.9, 0.4)
    canvas.add(canvas.shape(car.body, smooth(car.cabin, 6)), paint)
    middle = car.cabin.mean(0)
    pane = (car.cabin - middle) * 0.8 + middle + np.array([0.0, -0.01])
    _windows(canvas, smooth(pane, 4))
    shade = blurred(canvas.shape(car.flank), stage.frame.scale * 0.06)
    canvas.light = over(canvas.light * np.float32(rng.uniform(0.4, 1.4)), shade * 0.7, canvas.light)
    _grille(canvas, car.split, car.belt, car.low)
    for x, y in ((car.split - 0.22, car.low - 0.06), (car.far + 0.3, car.low - car.rise * 1.5 - 0.02)):
        arch = canvas.shape(ellipse(radius * 0.85, radius * 1.15, x, y)) * canvas.alpha
        canvas.paint(arch, np.full(3, 0.008, np.float32))
        _wheel(canvas, x, y + 0.03, radius, rng.uniform(0.55, 0.8))
    if chance(rng, 0.6):
        for x in (car.split + 0.42, car.far + 0.32):
            canvas.add(canvas.shape(ellipse(0.06, 0.04, x, car.belt - 0.06)), paint)
    return canvas.done("car three-quarter", paint.name)


def _grille(canvas: Canvas, split: float, belt: float, low: float) -> None:
    rng = canvas.rng
    middle = (split + 0.95) / 2
    for y, width, height in ((low - 0.05, 0.28, 0.05), (low - 0.2, rng.uniform(0.1, 0.25), rng.uniform(0.03, 0.09))):
        canvas.paint(canvas.shape(ellipse(width, height, middle, y)) * canvas.alpha, np.full(3, 0.01, np.float32))
    for x in (split + 0.06, 0.86):
        lamp = ellipse(rng.uniform(0.06, 0.12), rng.uniform(0.03, 0.06), x, belt + 0.14, rng.normal(0.2, 0.2))
        canvas.paint(canvas.shape(lamp) * canvas.alpha, np.full(3, 0.02, np.float32))
        canvas.paint(
            canvas.shape((lamp - lamp.mean(0)) * 0.5 + lamp.mean(0)) * canvas.alpha,
            np.full(3, rng.uniform(0.5, 1), np.float32),
        )
    if chance(rng, 0.5):
        plate = np.array([[-0.12, -0.03], [0.12, -0.03], [0.12, 0.03], [-0.12, 0.03]]) + np.array([middle, low - 0.1])
        canvas.paint(canvas.shape(plate.astype(np.float32)) * canvas.alpha, np.full(3, 0.8, np.float32))
