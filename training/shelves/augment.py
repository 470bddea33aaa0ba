"""Random variations of a shelf that keep its classes true.

A frame is stretched to a square when it is served, so that aspects vary. A shelf is never upside down. Hues may drift:
what is a product does not hang on its colour.
"""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from training.changes import Change, Picture, jpeg, light, noise, saturation, soften

_FLIPPED, _TURNED = 0.5, 0.3
Truth = TypeVar("Truth", NDArray[np.uint8], NDArray[np.uint16])


@dataclass(frozen=True)
class Framing:
    """How a part is drawn. A zoom of 2 shows half of the width; angles are in degrees."""

    whole: float = 0.5
    """Share of samples that show about the whole picture, as serving does."""
    about: tuple[float, float] = (0.9, 1.15)
    zoom: tuple[float, float] = (0.6, 1.6)
    aspect: float = 0.3
    """Log of how far a side is stretched against the other, at most."""
    turn: float = 5.0
    mirrored: bool = True
    """Beyond its edges a picture goes on mirrored; else there is nothing, black and of class 0."""


def sample(
    picture: Picture, classes: Truth, size: int, rng: np.random.Generator, framing: Framing | None = None
) -> tuple[Picture, Truth]:
    """One training sample: UINT8 [size, size, 3] and its classes [size / 2, size / 2].

    Classes are taken at half the size, each at the middle of its four pixels: twice as fine as what SegFormer draws.
    """
    framing = framing or Framing()
    part = _part(picture.shape[:2], framing, rng)
    border = cv2.BORDER_REFLECT if framing.mirrored else cv2.BORDER_CONSTANT
    seen, truth = _seen(picture, part, size, border), _truth(classes, part, size // 2, border)
    if rng.random() < _FLIPPED:
        seen, truth = np.ascontiguousarray(seen[:, ::-1]), np.ascontiguousarray(truth[:, ::-1])
    for change, probability in _CHANGES:
        if rng.random() < probability:
            seen = change(seen, rng)
    return seen, truth


@dataclass(frozen=True)
class _Part:
    """A turned rectangle of a picture, in pixels of it; it may reach beyond."""

    centre: NDArray[np.float64]
    sides: NDArray[np.float64]
    angle: float

    def matrix(self, side: int, shrunk: tuple[float, float] = (1.0, 1.0)) -> NDArray[np.float64]:
        """From pixel numbers of a square of `side` to those of the picture, which was brought to shares `shrunk`."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        turn = np.array([[cos, -sin], [sin, cos]]) * (self.sides / side)
        scale = np.array(shrunk)[:, None]
        offset = self.centre + turn @ np.full(2, 0.5 - side / 2)
        return np.column_stack([turn * scale, offset * scale[:, 0] - 0.5])


def _part(shape: tuple[int, int], framing: Framing, rng: np.random.Generator) -> _Part:
    full = np.array(shape[::-1], np.float64)
    low, high = framing.about if rng.random() < framing.whole else framing.zoom
    zoom = np.exp(rng.uniform(np.log(low), np.log(high)))
    stretch = np.exp(rng.uniform(-framing.aspect, framing.aspect) / 2)
    sides = full / zoom * np.array([stretch, 1 / stretch])
    free = np.abs(full - sides) / 2
    centre = full / 2 + rng.uniform(-1, 1, 2) * free
    angle = np.deg2rad(rng.uniform(-framing.turn, framing.turn)) if rng.random() < _TURNED else 0.0
    return _Part(centre, sides, float(angle))


def _seen(picture: Picture, part: _Part, side: int, border: int) -> Picture:
    """Averaged down first where the square would skip pixels."""
    height, width = picture.shape[:2]
    ratios = np.maximum(part.sides / side, 1.0)
    w, h = max(1, round(width / ratios[0])), max(1, round(height / ratios[1]))
    source = picture if (w, h) == (width, height) else cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)
    matrix = part.matrix(side, (w / width, h / height))
    way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(source, matrix, (side, side), flags=way, borderMode=border), np.uint8)


def _truth(classes: Truth, part: _Part, side: int, border: int) -> Truth:
    way = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(classes, part.matrix(side), (side, side), flags=way, borderMode=border)
    return np.asarray(found, classes.dtype)


def _hue(picture: Picture, rng: np.random.Generator) -> Picture:
    hsv = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2HSV))
    hsv[..., 0] = (hsv[..., 0].astype(np.int16) + int(rng.integers(-12, 13))) % 180
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)


def _shaken(picture: Picture, rng: np.random.Generator) -> Picture:
    """Motion blur along a line of any direction."""
    reach = max(3, int(rng.uniform(2, 7) * picture.shape[0] / 256)) | 1
    kernel = np.zeros((reach, reach), np.float32)
    angle = rng.uniform(0, np.pi)
    step = np.array([np.cos(angle), np.sin(angle)]) * (reach // 2)
    middle = np.array([reach // 2, reach // 2])
    ends = [tuple(int(v) for v in np.round(middle + way * step)) for way in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.uint8)


# Few: generated shelves bring their own blur, noise and JPEG.
_CHANGES: tuple[tuple[Change, float], ...] = (
    (light, 0.5),
    (saturation, 0.25),
    (_hue, 0.25),
    (soften, 0.08),
    (_shaken, 0.08),
    (noise, 0.12),
    (jpeg, 0.12),
)
