"""The shelf itself: back wall, boards with their edges and tags, end panels, floor; and the shade under its boards."""

import numpy as np

from training.scenes.canvas import Array
from training.scenes.shelf.assortment import Furniture
from training.scenes.shelf.classes import ShelfClass
from training.scenes.shelf.screen import Mark, Screen, Skin
from training.scenes.shelf.stock import Bay, Shelf
from training.scenes.shelf.view import Plane, rectangle

BOARD = Mark(ShelfClass.BOARD)
BACK = Mark(ShelfClass.BACKGROUND)
THICK = 1.2  # of an end panel and an upright, in centimetres
BAYS = 100.0  # centimetres from upright to upright
WIDE, HIGH, AWAY = 900.0, 330.0, 260.0  # centimetres: half of the shop, its ceiling, its far wall
FULL = 255
STRIDE = 130.0  # a quad is cut into pieces of this length, so that textures keep their proportions


def backdrop(screen: Screen, shelf: Shelf) -> None:
    """What is seen where no bay is: the rest of the shop, the floor, the plinth."""
    furniture = shelf.assortment.furniture
    screen.light[:] = 0.25
    middle, top = (shelf.left + shelf.right) / 2, shelf.bays[-1].ceiling
    front = screen.window(screen.shape(Plane.upright(shelf.left, top, 0), rectangle(shelf.right - shelf.left, top)))
    if front is not None and front.alpha.shape == screen.size and front.alpha.min() == FULL:
        return
    screen.paint(Plane.upright(middle - WIDE, HIGH, -AWAY), rectangle(2 * WIDE, HIGH), furniture.beyond, 0.8, BACK)
    screen.paint(Plane.level(middle - WIDE, HIGH, -AWAY), rectangle(2 * WIDE, 600), furniture.ceiling, 1.0, BACK)
    for left in np.arange(middle - WIDE, middle + WIDE, 240.0).tolist():
        screen.paint(Plane.level(left, 0, -60), rectangle(240, 240), furniture.floor, 0.8, BACK)
    bottom = shelf.bays[0].floor
    plinth = rectangle(shelf.right - shelf.left, bottom)
    screen.paint(Plane.upright(shelf.left, bottom, -3), plinth, Skin.flat(furniture.edge), 0.35, BOARD)


def interior(screen: Screen, shelf: Shelf, bay: Bay) -> None:
    """Back wall, ends, uprights, the board below and the one above, empty places; products come upon it."""
    furniture = shelf.assortment.furniture
    tall = bay.ceiling - bay.floor
    for left in np.arange(shelf.left, shelf.right, STRIDE).tolist():
        width = min(STRIDE, shelf.right - left)
        plane = Plane.upright(left, bay.ceiling, -furniture.depth)
        screen.paint(plane, rectangle(width, tall), furniture.wall, 0.42, BACK)
    _ends(screen, shelf, bay)
    if screen.view.origin[1] > bay.floor:
        _floor(screen, shelf, bay)
    if bay is not shelf.bays[-1] and screen.view.origin[1] < bay.ceiling:
        plane = Plane.level(shelf.left, bay.ceiling, -furniture.depth)
        skin = Skin.flat(furniture.board)
        screen.paint(plane, rectangle(shelf.right - shelf.left, furniture.depth), skin, 0.22, BOARD)
    for gap in bay.gaps:
        plane = Plane.upright(gap.left, bay.floor + gap.height, -2.0)
        window = screen.window(screen.shape(plane, rectangle(gap.width, gap.height)))
        if window is not None:
            screen.note(window, Mark(ShelfClass.EMPTY))


def _floor(screen: Screen, shelf: Shelf, bay: Bay) -> None:
    furniture = shelf.assortment.furniture
    ramp = np.linspace(0.35, 0.95, 16, dtype=np.float32)[:, None, None]
    skin = Skin.of(np.broadcast_to(furniture.board * ramp, (16, 16, 3)))
    plane = Plane.level(shelf.left, bay.floor, -furniture.depth)
    screen.paint(plane, rectangle(shelf.right - shelf.left, furniture.depth), skin, 1.0, BOARD)


def _ends(screen: Screen, shelf: Shelf, bay: Bay) -> None:
    """Panels at both ends, seen from inside, and uprights on the back wall."""
    furniture = shelf.assortment.furniture
    tall = bay.ceiling - bay.floor
    skin = Skin.flat(furniture.board)
    for x in (shelf.left, shelf.right):
        screen.paint(
            Plane.sideways(x, bay.ceiling, -furniture.depth), rectangle(furniture.depth, tall), skin, 0.4, BOARD
        )
    for x in np.arange(np.ceil(shelf.left / BAYS) * BAYS, shelf.right, BAYS).tolist():
        plane = Plane.upright(x - 1.5, bay.ceiling, 0.5 - furniture.depth)
        screen.paint(plane, rectangle(3, tall), skin, 0.3, BOARD)


def edges(screen: Screen, shelf: Shelf) -> None:
    """The boards' front edges, with their tags, and the end panels' fronts."""
    furniture = shelf.assortment.furniture
    width = shelf.right - shelf.left
    skin = Skin.of(_rail(furniture))
    for bay in shelf.bays:
        plane = Plane.upright(shelf.left, bay.floor + 0.3, 0)
        screen.paint(plane, rectangle(width, furniture.rail_height), skin, 0.95, BOARD)
    top = shelf.bays[-1].ceiling
    for x in (shelf.left - THICK, shelf.right):
        screen.paint(Plane.upright(x, top, 0.1), rectangle(THICK * 2, top), Skin.flat(furniture.edge), 0.8, BOARD)
    for bay in shelf.bays:
        _tags(screen, bay, furniture)


def _rail(furniture: Furniture) -> Array:
    """A strip from above to below: the board's edge, the rail for tags, a dark lower rim."""
    rows = np.empty((24, 4, 3), np.float32)
    rows[:] = furniture.rail
    rows[:5] = furniture.edge
    rows[5] *= 0.6
    rows[6:9] *= 1.1
    rows[-3:] = furniture.edge * np.float32(0.5)
    return rows


def _tags(screen: Screen, bay: Bay, furniture: Furniture) -> None:
    for hung in bay.tags:
        width, height = hung.tag.size
        y = bay.floor + 0.3 - max(furniture.rail_height - height, 0) / 2
        plane = Plane.upright(hung.x, y - hung.drop, 0.4)
        shadow = Plane.upright(hung.x + 0.3, y - hung.drop - 0.4, 0.2)
        screen.paint(shadow, rectangle(width, height), Skin.flat((0.0, 0.0, 0.0, 0.4)), 1.0)
        screen.paint(plane, rectangle(width, height), hung.tag.skin, 1.0, Mark(ShelfClass.TAG))


def shade(screen: Screen, shelf: Shelf, bay: Bay, strength: float) -> None:
    """The upper part of an opening gets less light, lower openings less than upper ones; the uppermost has no shade."""
    tall = bay.ceiling - bay.floor
    plane = Plane.upright(shelf.left, bay.ceiling, -2.0)
    outline = rectangle(shelf.right - shelf.left, tall)
    pixels = screen.shape(plane, outline)
    window = screen.window(pixels)
    if window is None:
        return
    down = np.linspace(0, tall, 64, dtype=np.float32)[:, None, None]
    under = 0.0 if bay is shelf.bays[-1] else strength
    light = (1 - under * np.exp(-down / 9)) * min(1.0, 0.72 + bay.floor / 450)
    skin = Skin.of(np.broadcast_to(light, (64, 2, 1)))
    dark = screen.warped(plane, outline, skin, pixels, window).reshape(window.alpha.shape)
    covered = window.alpha * np.float32(1 / 255)
    screen.light[window.place] *= (1 - (1 - dark) * covered)[..., None]
