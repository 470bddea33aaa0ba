"""What stands or reaches between camera and shelf: poles, arms, baskets, people. Background in the truth."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt

from training.scenes.canvas import Array, chance, linear, unit
from training.scenes.colours import from_hsv, palette
from training.scenes.shelf.classes import ShelfClass
from training.scenes.shelf.screen import Mark, Screen, Skin
from training.scenes.shelf.view import Plane, rectangle, vector

Sheet = npt.NDArray[np.uint8]
SIDE = 256


@dataclass(frozen=True, eq=False)
class Blocker:
    """An upright picture with alpha (h, w, 4) that faces the camera, of `size` in centimetres.

    `corner` is at its upper left where the camera looks straight at the shelf; otherwise it turns about its middle.
    """

    kind: str
    skin: Skin
    corner: tuple[float, float, float]
    size: tuple[float, float]
    drift: tuple[float, float] = (0.0, 0.0)
    """Centimetres a second to the right and upwards."""
    since: float = 0.0
    """When it is at its corner, in seconds."""

    def place(self, screen: Screen, time: float) -> None:
        x, y, z = self.corner
        time -= self.since
        across = screen.view.axes[0] * (1, 0, 1)
        across /= np.linalg.norm(across)
        middle = vector(x + self.size[0] / 2 + self.drift[0] * time, y + self.drift[1] * time, z)
        plane = Plane(middle - across * self.size[0] / 2, across, vector(0, -1, 0))
        screen.paint(plane, rectangle(*self.size), self.skin, 1.0, Mark(ShelfClass.BACKGROUND))


@dataclass(frozen=True)
class Aim:
    """The middle of the view upon the shelf's front, half of its width and height there, how far the camera is."""

    x: float
    y: float
    wide: float
    tall: float
    far: float


def _cut(colour: Array, alpha: Sheet, soft: float) -> Skin:
    """Colour (h, w, 3) linear with an alpha 0..255, out of focus by `soft` texels."""
    both = np.concatenate([colour, unit(alpha)[..., None]], axis=2).astype(np.float32)
    if soft > 0.5:
        both = cv2.GaussianBlur(both, (0, 0), soft)
    return Skin.of(both)


def _rounded(rng: np.random.Generator, alpha: Sheet, colour: Array) -> Array:
    """Light on something thick: brighter inside its outline than at it."""
    inside = cv2.distanceTransform((alpha > 127).astype(np.uint8), cv2.DIST_L2, 3)
    bulge = np.sqrt(np.clip(inside / max(float(inside.max()) * 0.8, 1), 0, 1))
    field = (
        0.45 + 0.6 * bulge + cv2.resize(rng.normal(0, 0.06, (12, 12)), alpha.shape[::-1], interpolation=cv2.INTER_CUBIC)
    )
    return np.asarray(colour * field[..., None], dtype=np.float32)


def pole(rng: np.random.Generator, aim: Aim) -> Blocker:
    wide, z = float(rng.uniform(2.5, 8)), aim.far * float(rng.uniform(0.2, 0.55))
    x = np.linspace(-1, 1, 64, dtype=np.float32)
    bright = 0.35 + 0.6 * np.sqrt(1 - x * x * 0.98) * (0.8 + 0.3 * np.cos(x * rng.uniform(3, 9)))
    colour = from_hsv(rng.random(), rng.uniform(0, 0.3), rng.uniform(0.2, 0.95)) * bright[None, :, None]
    alpha = np.zeros((64, 64), np.uint8)
    alpha[:, 4:-4] = 255
    skin = _cut(np.broadcast_to(colour, (64, 64, 3)).astype(np.float32), alpha, float(rng.uniform(0, 3)))
    left = aim.x + float(rng.uniform(-0.6, 0.6)) * aim.wide
    return Blocker("pole", skin, (left, aim.y + 300, z), (wide, 600))


def arm(rng: np.random.Generator, aim: Aim) -> Blocker:
    """A hand that reaches for something, with its sleeve; in a clip it moves."""
    alpha, sleeve = np.zeros((3 * SIDE, SIDE), np.uint8), np.zeros((3 * SIDE, SIDE), np.uint8)
    palm = (int(rng.integers(88, 168)), 78)
    elbow = (int(rng.integers(60, 196)), 300)
    shoulder = (int(rng.integers(20, 236)), 3 * SIDE + 40)
    wrist = (round(palm[0] * 0.75 + elbow[0] * 0.25), 130)
    cv2.line(alpha, palm, wrist, 255, 30, cv2.LINE_AA)
    cv2.ellipse(alpha, palm, (24, 30), 0, 0, 360, 255, -1, cv2.LINE_AA)
    for number in range(5):
        way = -1.15 + number * 0.42 + float(rng.normal(0, 0.08)) + (palm[0] - wrist[0]) * 0.01
        long = (34, 52, 58, 54, 40)[number] * float(rng.uniform(0.75, 1.0))
        tip = round(palm[0] + np.sin(way) * long), round(palm[1] - np.cos(way) * long)
        cv2.line(alpha, palm, tip, 255, 13, cv2.LINE_AA)
    cv2.line(alpha, wrist, elbow, 255, 38, cv2.LINE_AA)
    cuff = round(wrist[0] * 0.8 + elbow[0] * 0.2), 165
    cv2.polylines(sleeve, [np.array([cuff, elbow, shoulder])], False, 255, 58, cv2.LINE_AA)  # noqa: FBT003
    skin = from_hsv(rng.uniform(0.03, 0.075), rng.uniform(0.25, 0.6), rng.uniform(0.3, 0.95))
    cloth = palette(rng, str(rng.choice(["muted", "dark", "vivid"])), 1)[0]
    colour = np.where((sleeve > 127)[..., None], _rounded(rng, sleeve, cloth), _rounded(rng, alpha, skin))
    size = float(rng.uniform(34, 48))
    x, y = aim.x + float(rng.uniform(-0.6, 0.6)) * aim.wide, aim.y + float(rng.uniform(-0.5, 0.6)) * aim.tall
    if chance(rng, 0.5):
        alpha, sleeve, colour = alpha[:, ::-1], sleeve[:, ::-1], colour[:, ::-1]
    drift = float(rng.normal(0, 12)), float(rng.normal(0, 8))
    return Blocker(
        "arm", _cut(np.ascontiguousarray(colour), np.maximum(alpha, sleeve), float(rng.uniform(0, 1.5))),
        (x - size / 2, y, min(float(rng.uniform(3, 20)), aim.far * 0.4)), (size, size * 3), drift,
    )  # fmt: skip


def basket(rng: np.random.Generator, aim: Aim) -> Blocker:
    """Bars with holes between, through which the shelf is seen."""
    alpha = np.zeros((SIDE, SIDE), np.uint8)
    step, thick = int(rng.integers(14, 40)), int(rng.integers(3, 9))
    for place in range(20, SIDE - 10, step):
        cv2.line(alpha, (place, 60), (round(128 + (place - 128) * 0.8), 246), 255, thick, cv2.LINE_AA)
        if place > 60:
            cv2.line(alpha, (12, place), (SIDE - 12, place), 255, thick, cv2.LINE_AA)
    cv2.rectangle(alpha, (8, 54), (SIDE - 8, 72), 255, -1)
    if chance(rng, 0.6):
        cv2.ellipse(alpha, (128, 60), (96, 52), 0, 180, 360, 255, 9, cv2.LINE_AA)
    colour = from_hsv(rng.random(), rng.uniform(0, 1), rng.uniform(0.2, 0.9))
    size = float(rng.uniform(38, 60))
    skin = _cut(_rounded(rng, alpha, colour), alpha, float(rng.uniform(0, 1.5)))
    z = min(float(rng.uniform(12, 45)), aim.far * 0.5)
    share = 1 - z / aim.far
    x = aim.x + float(rng.uniform(-0.9, 0.9)) * aim.wide * share
    y = aim.y - float(rng.uniform(0.1, 0.8)) * aim.tall * share
    return Blocker("basket", skin, (x - size / 2, y + size * 0.4, z), (size, size * 0.8), (float(rng.normal(0, 6)), 0))


def person(rng: np.random.Generator, aim: Aim) -> Blocker:
    """Somebody's head and shoulders from behind, near the camera and so out of focus."""
    alpha, head = np.zeros((3 * SIDE, SIDE), np.uint8), np.zeros((3 * SIDE, SIDE), np.uint8)
    cv2.ellipse(head, (128, 74), (38, 50), 0, 0, 360, 255, -1, cv2.LINE_AA)
    cv2.ellipse(alpha, (128, 250), (112, 130), 0, 180, 360, 255, -1, cv2.LINE_AA)
    cv2.rectangle(alpha, (16, 250), (240, 3 * SIDE), 255, -1)
    cloth, hair = (
        palette(rng, "muted", 1)[0],
        from_hsv(rng.uniform(0.03, 0.12), rng.uniform(0, 0.6), rng.uniform(0.2, 0.7)),
    )
    colour = np.where((head > 127)[..., None], _rounded(rng, head, hair), _rounded(rng, alpha, cloth))
    z = aim.far * float(rng.uniform(0.35, 0.6))
    share, size = 1 - z / aim.far, 62.0
    x = aim.x + float(rng.choice([-1, 1])) * float(rng.uniform(0.4, 1.1)) * aim.wide * share
    y = aim.y - aim.tall * share + size * float(rng.uniform(0.3, 0.9))
    skin = _cut(np.ascontiguousarray(colour), np.maximum(alpha, head), float(rng.uniform(1, 4)))
    return Blocker("person", skin, (x - size / 2, y, z), (size, 3 * size), (float(rng.normal(0, 20)), 0))


BLOCKERS: Mapping[str, Callable[[np.random.Generator, Aim], Blocker]] = MappingProxyType(
    {"arm": arm, "basket": basket, "person": person, "pole": pole}
)


def blockers(rng: np.random.Generator, aim: Aim) -> tuple[Blocker, ...]:
    """Mostly none, seldom two, the nearest last."""
    count = int(rng.choice([0, 1, 2], p=[0.66, 0.28, 0.06]))
    found = [BLOCKERS[str(rng.choice(list(BLOCKERS)))](rng, aim) for _ in range(count)]
    return tuple(sorted(found, key=lambda blocker: blocker.corner[2]))


def glass(rng: np.random.Generator, light: Array) -> Array:
    """The door of a cooler before it all: reflections of lamps and a veil."""
    height, width = light.shape[:2]
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    veil = np.full((height, width), float(rng.uniform(0.0, 0.05)), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        slant = float(rng.normal(0, 0.4))
        away = (x - float(rng.random()) + y * slant) / float(rng.uniform(0.02, 0.12))
        veil += np.exp(-(np.abs(away) ** 3)) * float(rng.uniform(0.03, 0.28)) * (1 - y * 0.6)
    return light + veil[..., None] * linear(np.array([0.95, 0.98, 1.0], np.float32))
