"""Photos and clips of shelves with everything that is true of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from training.scenes.camera import Defects, Picture, developed
from training.scenes.canvas import Size, chance
from training.scenes.shelf.assortment import Assortment
from training.scenes.shelf.blockers import Aim, Blocker, blockers, glass
from training.scenes.shelf.path import Path, standing, walk
from training.scenes.shelf.photo import World, exposed, moved, shaken
from training.scenes.shelf.solids import Lamps
from training.scenes.shelf.stock import stocked
from training.scenes.shelf.truth import Truth
from training.scenes.shelf.view import Matrix

SHAPES = ((3, 4), (9, 16), (4, 3))  # height to width
MEETING = 2.5  # seconds of a walk from what is before the shelf to what is before it next
FARTHEST = 260.0  # centimetres of shelf to each side of the camera, at most


@dataclass(frozen=True, eq=False)
class Frame:
    """`photo` (h, w, 3) before JPEG; `moved` (3, 3): where the shelf's front went since the frame before, in pixels."""

    photo: Picture
    truth: Truth
    blockers: tuple[str, ...]
    defects: Defects
    moved: Matrix


@dataclass(frozen=True, eq=False)
class Take:
    """A shelf, a camera's path along it, and what the camera does to light."""

    world: World
    path: Path
    defects: Defects
    shutter: float
    """Seconds."""
    glass: int | None
    """What its reflections are drawn from where the shelf has a door of glass."""

    def frame(self, rng: np.random.Generator, time: float, since: float, exposure: float) -> Frame:
        """The frame at `time`, the one before `since` seconds earlier; `rng` is of what differs from frame to frame."""
        shot = exposed(self.world, self.path.view(time), time)
        light = shaken(shot.light, lambda offset: self.path.view(time + offset), self.shutter)
        if self.glass is not None:
            light = glass(np.random.default_rng(self.glass), light)
        defects = replace(self.defects, exposure=exposure)
        photo = developed(rng, light, defects)
        step = moved(self.path.view(time - since), self.path.view(time))
        return Frame(photo, shot.truth, tuple(one.kind for one in self.world.blockers), defects, step)


def canvas_size(rng: np.random.Generator, longer: int) -> Size:
    height, width = SHAPES[int(rng.choice(len(SHAPES), p=[0.5, 0.25, 0.25]))]
    scale = longer / max(height, width)
    return max(16, round(height * scale)), max(16, round(width * scale))


def _defects(rng: np.random.Generator, longer: int) -> Defects:
    """Phones indoors: less extreme than what cameras do elsewhere."""
    drawn = Defects.drawn(rng, longer)
    return replace(
        drawn,
        blur=round(drawn.blur * 0.8, 3),
        noise=round(min(drawn.noise * 0.8, 0.05), 4),
        exposure=round(float(np.clip(drawn.exposure + 0.04, 0.25, 0.72)), 3),
        contrast=round(float(np.clip(drawn.contrast, 0.8, 1.3)), 3),
        saturation=round(float(np.clip(drawn.saturation, 0.6, 1.35)), 3),
        vignette=round(drawn.vignette * 0.7, 3),
    )


def _door(rng: np.random.Generator) -> int | None:
    return int(rng.integers(1 << 30)) if chance(rng, 0.1) else None


def _world(rng: np.random.Generator, assortment: Assortment, path: Path, seconds: float) -> World:
    """The stretch of shelf that the camera passes, at times with its end."""
    times = np.linspace(0, seconds, 1 + int(seconds * 4)).tolist()
    reach = np.array([path.view(time).reach(FARTHEST) for time in times])
    left, right = float(reach[:, 0].min()) - 25, float(reach[:, 1].max()) + 25
    if chance(rng, 0.12):
        inside = float(rng.uniform(0.05, 0.3)) * (right - left)
        left, right = (left + inside, right) if chance(rng, 0.5) else (left, right - inside)
    shelf = stocked(rng, assortment, left, right)
    lamps = Lamps(float(rng.uniform(-1, 1)), float(rng.random()), float(rng.uniform(0.3, 1.8)))
    return World(shelf, lamps, float(rng.uniform(0.25, 0.75)), _blockers(rng, path, seconds))


def _blockers(rng: np.random.Generator, path: Path, seconds: float) -> tuple[Blocker, ...]:
    """Of a clip others every few seconds."""
    starts = np.arange(0, seconds + 0.01, MEETING).tolist()
    met = [replace(one, since=start) for start in starts for one in blockers(rng, _aim(path, start))]
    return tuple(sorted(met, key=lambda one: one.corner[2]))


def _aim(path: Path, time: float) -> Aim:
    height, width = path.size
    origin = path.origin + path.speed * time
    far = float(origin[2])
    x, y = far * np.tan(path.way[0]), far * np.tan(path.way[1])
    return Aim(
        float(origin[0] + x),
        float(origin[1] + y),
        far * width / path.focal / 2,
        far * height / path.focal / 2,
        far,
    )


def photo(rng: np.random.Generator, assortment: Assortment, longer: int) -> Frame:
    """A photo whose longer side is `longer` pixels. Its products are numbered 1..n."""
    path = standing(rng, canvas_size(rng, longer))
    shutter = float(rng.choice([0.0, 1 / 60, 1 / 20, 1 / 8], p=[0.5, 0.25, 0.17, 0.08]))
    path = replace(path, speed=rng.normal(0, 8, 3), waves=path.waves * np.array([1, 1, *[1.5] * 6]))
    take = Take(_world(rng, assortment, path, 0), path, _defects(rng, longer), shutter, _door(rng))
    frame = take.frame(rng, 0.0, 0.0, take.defects.exposure)
    return replace(frame, truth=frame.truth.counted())


def clip(rng: np.random.Generator, assortment: Assortment, longer: int, frames: int, rate: float) -> Iterator[Frame]:
    """`frames` frames, `rate` a second. A product keeps its number throughout the clip."""
    path = walk(rng, canvas_size(rng, longer))
    world = _world(rng, assortment, path, frames / rate)
    shutter = min(float(np.exp(rng.uniform(np.log(1 / 250), np.log(1 / 24)))), 1 / rate)
    take = Take(world, path, _defects(rng, longer), shutter, _door(rng))
    drift = _drift(rng)
    for number in range(frames):
        time = number / rate
        exposure = float(take.defects.exposure * np.exp(drift(time)))
        yield take.frame(
            np.random.default_rng([int(rng.integers(1 << 30)), number]), time, 1 / rate if number else 0.0, exposure
        )


def _drift(rng: np.random.Generator) -> Callable[[float], float]:
    """How a camera's exposure wanders: the logarithm of its factor over seconds."""
    speeds, starts = rng.uniform(0.1, 0.8, 3), rng.uniform(0, 2 * np.pi, 3)
    depth = rng.uniform(0.02, 0.12, 3)
    return lambda time: float((depth * np.sin(2 * np.pi * speeds * time + starts)).sum())
