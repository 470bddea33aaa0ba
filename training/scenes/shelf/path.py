"""How a camera moves along a shelf: a walk, breath, shake."""

from dataclasses import dataclass

import numpy as np

from training.scenes.canvas import Size
from training.scenes.shelf.view import Matrix, Vector, View, vector


@dataclass(frozen=True, eq=False)
class Path:
    """The camera at second 0 (`origin`, `way`: yaw, pitch, roll), its `speed` in centimetres a second, waves on top.

    `waves` (n, 8): frequency in hertz, phase, amplitudes of x, y, z in centimetres and of yaw, pitch, roll in radians.
    """

    size: Size
    focal: float
    origin: Vector
    way: Vector
    speed: Vector
    waves: Matrix

    def view(self, time: float) -> View:
        swing = np.sin(2 * np.pi * self.waves[:, 0] * time + self.waves[:, 1]) @ self.waves[:, 2:]
        yaw, pitch, roll = (self.way + swing[3:]).tolist()
        return View.looking(self.size, self.focal, self.origin + self.speed * time + swing[:3], (yaw, pitch, roll))


def standing(rng: np.random.Generator, size: Size) -> Path:
    """A photographer: from near or far, the side, above or below; hands that are never quite still."""
    longer = max(size)
    far = float(np.exp(rng.uniform(np.log(48), np.log(210))))
    height = float(np.clip(rng.normal(128, 32), 45, 195))
    looked_at = float(np.clip(rng.normal(105, 36), 35, 180))
    pitch = float(np.clip(np.arctan2(looked_at - height, far), -0.7, 0.5))
    yaw = float(np.clip(rng.normal(0, 0.22), -0.72, 0.72))
    way = np.array([yaw, pitch, rng.normal(0, 0.03)])
    focal = longer * float(rng.uniform(0.72, 1.25))
    return Path(size, focal, vector(float(rng.uniform(-40, 40)), height, far), way, vector(0, 0, 0), hands(rng, 1.0))


def hands(rng: np.random.Generator, strength: float) -> Matrix:
    """The shake of hands, as waves; `strength` 1: a person who holds still."""
    waves = np.zeros((5, 8))
    waves[:, 0] = [0.4, 0.9, 2.3, 5.1, 8.7] * np.exp(rng.normal(0, 0.2, 5))
    waves[:, 1] = rng.uniform(0, 2 * np.pi, 5)
    fade = np.array([1.0, 0.6, 0.3, 0.12, 0.06])[:, None] * strength
    waves[:, 2:5] = rng.normal(0, 0.5, (5, 3)) * fade
    waves[:, 5:8] = rng.normal(0, [0.006, 0.006, 0.003], (5, 3)) * fade
    return waves


def walk(rng: np.random.Generator, size: Size) -> Path:
    """Along the aisle with a phone in hand: steps make it bob, the look turns slowly."""
    start = standing(rng, size)
    speed = vector(float(rng.choice([-1, 1])) * float(rng.uniform(8, 70)), 0, float(rng.normal(0, 5)))
    steps = np.zeros((3, 8))
    pace = float(rng.uniform(1.5, 2.1))
    steps[:, 0] = [pace, pace / 2, 0.15]
    steps[:, 1] = rng.uniform(0, 2 * np.pi, 3)
    steps[0, 3], steps[1, 2] = rng.uniform(0.3, 1.6), rng.uniform(0.2, 1.2)
    steps[0, 6], steps[1, 7] = rng.uniform(0.0, 0.006), rng.uniform(0.0, 0.01)
    steps[2, 5], steps[2, 6] = rng.normal(0, 0.12), rng.normal(0, 0.05)
    origin = start.origin + vector(0, 0, max(0.0, 60 - float(start.origin[2])))
    return Path(size, start.focal, origin, start.way, speed, np.concatenate([steps, hands(rng, rng.uniform(0.5, 3))]))
