"""What is drawn on: light, and for each pixel its class and its product. What comes later covers what was there."""

from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from training.scenes.canvas import Array, Size, linear
from training.scenes.shelf.classes import ShelfClass
from training.scenes.shelf.view import Plane, Points, View, clipped

BITS = 4  # of a pixel's fraction, for OpenCV's polygons
HALF = 127
FARTHEST = 30000.0

Classes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.uint16]
Alpha = npt.NDArray[np.uint8]


class Box(NamedTuple):
    """Pixels: the upper left corner, width and height; of whole products also beyond the picture."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Mark:
    """What the truth says of something drawn; `number` 0: no product."""

    kind: ShelfClass
    number: int = 0


@dataclass(frozen=True, eq=False)
class Skin:
    """A texture of linear light (h, w, 3) or (h, w, 4) with its halves, quarters, ..."""

    levels: tuple[Array, ...]

    @staticmethod
    def of(light: Array) -> "Skin":
        levels = [np.ascontiguousarray(light, dtype=np.float32)]
        while min(levels[-1].shape[:2]) >= 16 and len(levels) < 6:
            height, width = levels[-1].shape[:2]
            half = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
            levels.append(np.asarray(half, dtype=np.float32))
        return Skin(tuple(levels))

    @staticmethod
    def encoded(picture: npt.NDArray[np.uint8]) -> "Skin":
        return Skin.of(linear(picture.astype(np.float32) * np.float32(1 / 255)))

    @staticmethod
    def flat(colour: npt.ArrayLike) -> "Skin":
        """One colour, of three or four channels."""
        return Skin((np.tile(np.asarray(colour, np.float32), (2, 2, 1)),))

    def sharp(self, covered: float) -> Array:
        """The level that fits `covered` pixels best without aliasing much."""
        height, width = self.levels[0].shape[:2]
        level = 0.5 * np.log2(max(height * width / max(covered, 1.0), 1.0)) + 0.15
        return self.levels[min(int(level), len(self.levels) - 1)]


class Window(NamedTuple):
    """A part of the screen from (left, top) on, and how much of each pixel is covered, 0..255."""

    left: int
    top: int
    alpha: Alpha

    @property
    def place(self) -> tuple[slice, slice]:
        height, width = self.alpha.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


class Screen:
    """`light` (h, w, 3) linear, `classes` and `numbers` (h, w); `wholes`: boxes of products as if nothing hid them."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.light: Array = np.zeros((*view.size, 3), np.float32)
        self.classes: Classes = np.zeros(view.size, np.uint8)
        self.numbers: Numbers = np.zeros(view.size, np.uint16)
        self.wholes: dict[int, Box] = {}
        self.notes: list[tuple[ShelfClass, Window]] = []

    @property
    def size(self) -> Size:
        return self.view.size

    def window(self, outline: Points) -> Window | None:
        """Where a polygon (n, 2) in pixels is; None if it is nowhere on the screen."""
        if len(outline) < 3:
            return None
        height, width = self.size
        (first_x, first_y), (last_x, last_y) = outline.min(axis=0).tolist(), outline.max(axis=0).tolist()
        left, top = max(floor(first_x) - 1, 0), max(floor(first_y) - 1, 0)
        right, low = min(ceil(last_x) + 2, width), min(ceil(last_y) + 2, height)
        if right <= left or low <= top:
            return None
        alpha = np.zeros((low - top, right - left), np.uint8)
        points = np.clip(outline - (left, top), -FARTHEST, FARTHEST) * (1 << BITS)
        cv2.fillPoly(alpha, [np.round(points).astype(np.int32)], 255, cv2.LINE_AA, BITS)
        return Window(left, top, alpha)

    def lay(self, window: Window, light: Array, mark: Mark | None) -> None:
        """Light (h, w, 3), or one colour (3,), over what is there; without a mark the truth stays as it is."""
        there = self.light[window.place]
        there += (light - there) * (window.alpha * np.float32(1 / 255))[..., None]
        if mark is not None:
            self.note(window, mark)

    def note(self, window: Window, mark: Mark) -> None:
        """Tags and empty places are kept one by one as well."""
        if mark.kind in {ShelfClass.TAG, ShelfClass.EMPTY}:
            self.notes.append((mark.kind, window))
        hard = window.alpha > HALF
        self.classes[window.place][hard] = mark.kind
        self.numbers[window.place][hard] = mark.number

    def whole(self, number: int, outline: Points) -> None:
        """`outline` belongs to the whole of a product."""
        left, top = np.floor(outline.min(axis=0)).astype(int).tolist()
        right, low = (np.ceil(outline.max(axis=0)).astype(int) + 1).tolist()
        if number in self.wholes:
            x, y, width, height = self.wholes[number]
            left, top, right, low = min(left, x), min(top, y), max(right, x + width), max(low, y + height)
        self.wholes[number] = Box(left, top, right - left, low - top)

    def shape(self, plane: Plane, outline: Points) -> Points:
        """An outline (n, 2) upon a plane as pixels."""
        homogeneous = np.column_stack([outline, np.ones(len(outline))]) @ self.view.plane(plane).T
        return clipped(homogeneous)

    def paint(
        self, plane: Plane, outline: Points, skin: Skin, gain: float | Array, mark: Mark | None = None
    ) -> Window | None:
        """A texture that fills the outline's bounding rectangle upon a plane; a fourth channel is its alpha."""
        pixels = self.shape(plane, outline)
        window = self.window(pixels)
        if window is None:
            return None
        light = self.warped(plane, outline, skin, pixels, window)
        if light.shape[2] == 4:
            alpha = (window.alpha * np.clip(light[..., 3], 0, 1)).astype(np.uint8)
            window, light = window._replace(alpha=alpha), light[..., :3]
        self.lay(window, light * gain, mark)
        return window

    def warped(self, plane: Plane, outline: Points, skin: Skin, pixels: Points, window: Window) -> Array:
        """The texture upon the outline's bounding rectangle as the window sees it."""
        source = skin.sharp(abs(float(cv2.contourArea(pixels.astype(np.float32)))))
        low, span = outline.min(axis=0), np.ptp(outline, axis=0)
        height, width = source.shape[:2]
        texels = np.array(
            [
                [span[0] / width, 0, low[0] + span[0] * 0.5 / width],
                [0, span[1] / height, low[1] + span[1] * 0.5 / height],
                [0, 0, 1],
            ]
        )
        shift = np.array([[1, 0, -window.left], [0, 1, -window.top], [0, 0, 1]])
        turn = shift @ self.view.plane(plane) @ texels
        rows, columns = window.alpha.shape
        there = cv2.warpPerspective(
            source, turn, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(there, dtype=np.float32)
