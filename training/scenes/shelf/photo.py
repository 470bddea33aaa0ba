"""One exposure of a shelf: everything in the order in which it hides what is behind it, then the camera's movement."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from training.scenes.canvas import Array
from training.scenes.shelf import furniture
from training.scenes.shelf.blockers import Blocker
from training.scenes.shelf.screen import Screen
from training.scenes.shelf.solids import Item, Lamps, place
from training.scenes.shelf.stock import Shelf
from training.scenes.shelf.truth import Truth, truth
from training.scenes.shelf.view import Matrix, Plane, View

FRONT = Plane.upright(0.0, 0.0, -2.0)
TAPS = 16  # at most, of a movement's blur


@dataclass(frozen=True, eq=False)
class World:
    shelf: Shelf
    lamps: Lamps
    shade: float
    blockers: tuple[Blocker, ...]


@dataclass(frozen=True, eq=False)
class Exposure:
    """`light` (h, w, 3) linear, and the truth at the exposure's middle."""

    light: Array
    truth: Truth


def exposed(world: World, view: View, time: float = 0.0) -> Exposure:
    """What a camera that stands still sees at `time` seconds."""
    screen = Screen(view)
    furniture.backdrop(screen, world.shelf)
    eye = view.origin
    for bay in sorted(world.shelf.bays, key=lambda bay: -abs((bay.floor + bay.ceiling) / 2 - eye[1])):
        furniture.interior(screen, world.shelf, bay)
        for item in sorted(bay.items, key=_order(view)):
            place(screen, item, world.lamps)
        furniture.shade(screen, world.shelf, bay, world.shade)
    furniture.edges(screen, world.shelf)
    for blocker in world.blockers:
        blocker.place(screen, time)
    return Exposure(screen.light, truth(screen, world.shelf))


def _order(view: View) -> Callable[[Item], tuple[float, float, float]]:
    """From behind to the front; in a row from the sides to the camera; in a stack towards the camera's height."""
    x, y = float(view.origin[0]), float(view.origin[1])

    def order(item: Item) -> tuple[float, float, float]:
        return -item.row, -abs(float(item.centre[0]) - x), -abs(float(item.centre[1]) - y)

    return order


def moved(before: View, after: View) -> Matrix:
    """(3, 3): where the shelf's front, seen at a pixel of `before`, is seen in `after`."""
    turn = after.plane(FRONT) @ np.linalg.inv(before.plane(FRONT))
    return np.asarray(turn / turn[2, 2], dtype=np.float64)


def shaken(light: Array, views: Callable[[float], View], shutter: float) -> Array:
    """The light while the shutter is open: `views` at -shutter / 2 .. shutter / 2 seconds about the middle."""
    middle, half = views(0.0), shutter / 2
    height, width = light.shape[:2]
    corners = np.array([[[0, 0], [width, 0], [0, height], [width, height], [width / 2, height / 2]]], dtype=np.float64)
    ends = [cv2.perspectiveTransform(corners, moved(middle, views(time))) for time in (-half, half)]
    way = float(np.abs(ends[1] - ends[0]).max())
    taps = min(int(np.ceil(way)), TAPS)
    if taps < 2:
        return light
    total = np.zeros_like(light)
    for time in np.linspace(-half, half, taps).tolist():
        turn = moved(middle, views(time))
        total += cv2.warpPerspective(
            light, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    return total * np.float32(1 / taps)
