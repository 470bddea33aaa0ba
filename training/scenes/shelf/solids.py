"""Products under light on the screen: boxes, round things and bags, each as one instance."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from training.scenes.canvas import Array, blurred
from training.scenes.shelf.classes import ShelfClass
from training.scenes.shelf.products import STEPS, Product
from training.scenes.shelf.screen import Mark, Screen, Skin, Window
from training.scenes.shelf.view import NEAR, Matrix, Plane, Points, Vector, rectangle

STEEPEST = 1.2  # tangent of the steepest look upon round things
CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
ARC = np.linspace(0, np.pi, 13)
SINES = np.linspace(-1, 1, 256, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Item:
    """A product at its place. `pose` (3, 3): columns to its right, up and front; `row` 0 stands foremost.

    `spin` turns round things about themselves, in turns; `gain` is the light that reaches it.
    """

    product: Product
    number: int
    centre: Vector
    pose: Matrix
    row: int
    level: int
    spin: float
    gain: float

    @property
    def mark(self) -> Mark:
        return Mark(ShelfClass.PRODUCT, self.number)

    def at(self, x: float, y: float, z: float) -> Vector:
        """A point of the product; its own measures reach from -0.5 to 0.5."""
        return np.asarray(self.centre + self.pose @ (np.array([x, y, z]) * self.product.size), dtype=np.float64)


@dataclass(frozen=True)
class Lamps:
    """`side` is where along x the light comes from, -1..1; `soft` 0..1; `spark` how strong highlights are."""

    side: float
    soft: float
    spark: float


def place(screen: Screen, item: Item, lamps: Lamps) -> None:
    corners = item.centre + (CORNERS * item.product.size) @ item.pose.T
    pixels, far = screen.view.seen(corners)
    if far.min() < NEAR or _beyond(screen, pixels):
        return
    if item.level == 0 and item.row == 0:
        _shadow(screen, item)
    if item.product.shape == "round":
        _round(screen, item, lamps)
    elif item.product.shape == "bag":
        _bag(screen, item)
    else:
        _box(screen, item, pixels, lamps)


@lru_cache(maxsize=1)
def _soft() -> Skin:
    """A dark patch (32, 32, 4) with soft edges."""
    patch = np.zeros((32, 32, 4), np.float32)
    patch[8:24, 8:24, 3] = 0.75
    return Skin((blurred(patch, 4.0),))


def _shadow(screen: Screen, item: Item) -> None:
    """Upon the board around a product's foot."""
    reach = np.abs(item.pose) @ np.array(item.product.size)
    foot = float(item.centre[1] - reach[1] / 2)
    if screen.view.origin[1] <= foot:
        return
    width, depth = float(reach[0]) + 6, float(reach[2]) + 6
    plane = Plane.level(float(item.centre[0]) - width / 2, foot, float(item.centre[2]) - depth / 2 + 0.8)
    depth = min(depth, -0.2 - float(plane.origin[2]))
    screen.paint(plane, rectangle(width, depth), _soft(), 1.0)


def _beyond(screen: Screen, pixels: Points) -> bool:
    height, width = screen.size
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    return bool(high[0] < -2 or high[1] < -2 or low[0] > width + 2 or low[1] > height + 2)


def _faces(item: Item) -> list[tuple[str, Plane, Points, Vector]]:
    """Skin, plane, outline and outward direction of a box's faces that are ever seen."""
    width, height, depth = item.product.size
    right, up, front = item.pose.T
    return [
        ("top", Plane(item.at(-0.5, 0.5, -0.5), right, front), rectangle(width, depth), up),
        ("side", Plane(item.at(0.5, 0.5, 0.5), -front, -up), rectangle(depth, height), right),
        ("side", Plane(item.at(-0.5, 0.5, -0.5), front, -up), rectangle(depth, height), -right),
        ("side", Plane(item.at(0.5, 0.5, -0.5), -right, -up), rectangle(width, height), -front),
        ("top", Plane(item.at(-0.5, -0.5, 0.5), right, -front), rectangle(width, depth), -up),
        ("front", Plane(item.at(-0.5, 0.5, 0.5), right, -up), rectangle(width, height), front),
    ]


def _facing(way: Vector, lamps: Lamps) -> float:
    """How much light a surface gets that looks this way."""
    return float(
        0.62 + 0.36 * max(way[2], 0) + 0.2 * way[1] + 0.14 * way[0] * lamps.side - 0.2 * abs(way[0]) * (1 - lamps.soft)
    )


def _hull(pixels: Points) -> Points:
    return np.asarray(cv2.convexHull(pixels.astype(np.float32))[:, 0], dtype=np.float64)


def _box(screen: Screen, item: Item, pixels: Points, lamps: Lamps) -> None:
    hull = _hull(pixels)
    screen.whole(item.number, hull)
    window = screen.window(hull)
    if window is None:
        return
    screen.lay(window, item.product.skins["side"].levels[-1].mean(axis=(0, 1)) * np.float32(0.5 * item.gain), item.mark)
    for skin, plane, outline, way in _faces(item):
        if float(way @ (screen.view.origin - plane.origin)) <= 0:
            continue
        gain = item.gain * _facing(way, lamps)
        painted = screen.paint(plane, outline, item.product.skins[skin], gain)
        if painted is not None and skin == "front" and item.product.gloss > 0:
            _sheen(screen, painted, item.product.gloss * lamps.spark * item.gain, item.spin)


def _sheen(screen: Screen, window: Window, strength: float, where: float) -> None:
    """A slanting streak of a lamp on something flat and glossy."""
    height, width = window.alpha.shape
    y, x = np.arange(height, dtype=np.float32)[:, None] / height, np.arange(width, dtype=np.float32)[None] / width
    away = (x + y * 0.35 - np.float32(where * 2.4 - 0.4)) * 5
    streak = np.exp(-away * away) * (window.alpha * np.float32(strength * 0.25 / 255))
    screen.light[window.place] += streak[..., None]


def _bag(screen: Screen, item: Item) -> None:
    right, up = item.pose[:, 0], item.pose[:, 1]
    near = Plane(item.at(-0.5, 0.5, 0.25), right, -up)
    shapes = [screen.shape(Plane(item.at(-0.5, 0.5, z), right, -up), item.product.outline) for z in (0.25, -0.25)]
    hull = _hull(np.concatenate(shapes))
    screen.whole(item.number, hull)
    window = screen.window(hull)
    if window is None:
        return
    screen.lay(window, item.product.skins["side"].levels[-1].mean(axis=(0, 1)) * np.float32(item.gain), item.mark)
    painted = screen.paint(near, item.product.outline, item.product.skins["front"], item.gain)
    if painted is not None:
        _sheen(screen, painted, item.product.gloss * item.gain * 0.7, item.spin)


@dataclass(frozen=True, eq=False)
class Turned:
    """A round thing as the camera sees it: upon a plane through its axis that faces the camera."""

    plane: Plane
    height: float
    profile: Array
    tilt: float
    """Tangent of the look's angle to the horizontal of the thing, positive from above."""

    @staticmethod
    def of(item: Item, eye: Vector) -> "Turned":
        axis = item.pose[:, 1]
        look = eye - item.centre
        look = look / np.linalg.norm(look)
        rise = float(np.clip(look @ axis, -0.95, 0.95))
        flat = (look - (look @ axis) * axis) / np.sqrt(max(1 - float(look @ axis) ** 2, 1e-6))
        across = np.cross(axis, flat)
        tilt = float(np.clip(rise / np.sqrt(1 - rise * rise), -STEEPEST, STEEPEST))
        return Turned(Plane(item.at(0, -0.5, 0), across, axis), item.product.size[1], item.product.profile, tilt)

    def outline(self) -> Points:
        """(x, height above the foot), counted from the foot's middle."""
        heights = np.linspace(0, self.height, STEPS)[::4]
        side = np.column_stack([self.profile[::4], heights])
        top, foot, bend = float(self.profile[-1]), float(self.profile[0]), abs(self.tilt)
        above = np.column_stack([top * np.cos(ARC), self.height + top * bend * np.sin(ARC)])
        below = np.column_stack([-foot * np.cos(ARC), -foot * bend * np.sin(ARC)])
        return np.concatenate([side, above, side[::-1] * (-1, 1), below])

    def radius(self, y: Array) -> Array:
        steps = np.clip(y * np.float32((STEPS - 1) / self.height) + np.float32(0.5), 0, STEPS - 1)
        return self.profile[steps.astype(np.int32)]

    def around(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Sine of the way around (-1..1) and height of the surface that is seen at (x, y) of the plane."""
        tilt = np.float32(self.tilt)
        radius = self.radius(y)
        guess = y + tilt * np.sqrt(np.maximum(radius * radius - x * x, 0))
        radius = self.radius(guess)
        sine = np.clip(x / radius, -1, 1)
        return sine, y + tilt * radius * np.sqrt(1 - sine * sine)


def _round(screen: Screen, item: Item, lamps: Lamps) -> None:
    turned = Turned.of(item, screen.view.origin)
    outline = turned.outline()
    pixels = screen.shape(turned.plane, outline)
    if len(pixels) < 3:
        return
    screen.whole(item.number, pixels)
    window = screen.window(pixels)
    if window is None:
        return
    sine, height = _surface(screen, turned, window)
    skin = item.product.skins["front"].sharp(abs(float(cv2.contourArea(pixels.astype(np.float32)))) * 2.5)
    screen.lay(window, _wrapped(skin, sine, height / np.float32(turned.height), item, lamps), item.mark)
    if turned.tilt > 0.02:
        _top(screen, item)


def _surface(screen: Screen, turned: Turned, window: Window) -> tuple[Array, Array]:
    rows, columns = window.alpha.shape
    back = np.linalg.inv(screen.view.plane(turned.plane))
    x = np.arange(window.left, window.left + columns, dtype=np.float64)[None]
    y = np.arange(window.top, window.top + rows, dtype=np.float64)[:, None]
    upon = [(row[0] * x + row[1] * y + row[2]).astype(np.float32) for row in back]
    return turned.around(upon[0] / upon[2], upon[1] / upon[2])


def _wrapped(skin: Array, sine: Array, share: Array, item: Item, lamps: Lamps) -> Array:
    """The skin around a round thing with its light; `share` 0 at the foot, 1 at the top."""
    height, width = skin.shape[:2]
    angle = np.arcsin(sine) * np.float32(1 / (2 * np.pi))
    u = np.mod(angle + np.float32(item.spin + 0.5), 1) * np.float32(width)
    v = np.clip((1 - share) * np.float32(height) - np.float32(0.5), 0, height - 1)
    albedo = cv2.remap(skin, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    table, spark = _shades(item.product, lamps)
    index = ((sine + 1) * np.float32(127.5)).astype(np.uint8)
    light = albedo * (table[index] * np.float32(item.gain))[..., None]
    light += (spark[index] * np.float32(item.gain))[..., None]
    return np.asarray(light, dtype=np.float32)


def _shades(product: Product, lamps: Lamps) -> tuple[Array, Array]:
    """Light and highlight (256,) over the sine of the way around."""
    facing = np.sqrt(1 - SINES * SINES)
    table = 0.34 + 0.62 * facing + 0.18 * SINES * lamps.side
    if product.metal > 0:
        bands = 0.75 + 0.35 * np.cos((SINES - lamps.side * 0.3) * 7)
        table = table * (1 - product.metal * 0.6) + table * bands * product.metal * 0.6
    away = (SINES - np.float32(0.45 * lamps.side)) * 9
    spark = np.exp(-away * away) * 0.28 + np.exp(-(((SINES + 0.78) * 14) ** 2)) * 0.1
    return table.astype(np.float32), (spark * product.gloss * lamps.spark).astype(np.float32)


def _top(screen: Screen, item: Item) -> None:
    """The lid, seen from above."""
    right, up, front = item.pose.T
    radius = float(item.product.profile[-1])
    ring = np.linspace(0, 2 * np.pi, 28)[:-1]
    outline = np.column_stack([radius + radius * np.cos(ring), radius + radius * np.sin(ring)])
    corner = item.at(0, 0.5, 0) - radius * right - radius * front
    plane = Plane(corner, right, front)
    if float(up @ (screen.view.origin - corner)) <= 0:
        return
    pixels = screen.shape(plane, outline)
    if len(pixels):
        screen.whole(item.number, pixels)
    screen.paint(plane, outline, item.product.skins["top"], item.gain * 0.95, item.mark)
