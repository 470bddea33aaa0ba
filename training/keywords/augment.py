"""Random variations of a training picture that keep its keyword true.

What a keyword means decides what may change. The vessel must stay in the picture, so a crop keeps most of the square
that serving looks at. A mirrored kitchen is a kitchen; one upside down is not. Light and white balance vary from
day to day, but hues do not: a raw ingredient and a fried one, a copper pan and a steel one differ in little else, so
hues are never turned and colours never taken away. Erasing, mixing and strong blur would hide the handles
that tell one pot from another.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from training.changes import Change, Picture, jpeg, light, noise, saturation, soften

_FLIPPED = 0.5


@dataclass(frozen=True)
class Framing:
    """How a crop is drawn. Sides are shares of the picture's shorter one, angles are in degrees."""

    smallest: float = 0.78
    aspect: float = 0.12
    """Log of width over height, at most."""
    turn: float = 8.0
    off_centre: float = 0.5
    """How far of the way from the middle to the edge a crop may lie."""


def sample(picture: Picture, side: int, rng: np.random.Generator, framing: Framing | None = None) -> Picture:
    """One training picture, UINT8 [side, side, 3], of one of any size."""
    found = _framed(picture, side, framing or Framing(), rng)
    if rng.random() < _FLIPPED:
        found = np.ascontiguousarray(found[:, ::-1])
    for change, probability in _CHANGES:
        if rng.random() < probability:
            found = change(found, rng)
    return found


def _framed(picture: Picture, side: int, framing: Framing, rng: np.random.Generator) -> Picture:
    """A slightly turned crop; where it reaches over the picture's edge, that is mirrored."""
    height, width = picture.shape[:2]
    shorter = min(height, width)
    size = shorter * rng.uniform(framing.smallest, 1.0)
    squeeze = np.exp(rng.uniform(-framing.aspect, framing.aspect) / 2)
    w, h = size * squeeze, size / squeeze
    free_x, free_y = (max(0.0, full - part) / 2 * framing.off_centre for full, part in ((width, w), (height, h)))
    centre = (width / 2 + rng.uniform(-free_x, free_x), height / 2 + rng.uniform(-free_y, free_y))
    angle = np.deg2rad(rng.uniform(-framing.turn, framing.turn))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    scale = turn * (np.array([w, h]) / side)
    matrix = np.column_stack([scale, np.array(centre) - scale @ [side / 2, side / 2]])
    source = _shrunk_for(picture, size / side)
    matrix[:] *= np.array([[source.shape[1] / width], [source.shape[0] / height]])
    way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(source, matrix, (side, side), flags=way, borderMode=cv2.BORDER_REFLECT), np.uint8)


def _shrunk_for(picture: Picture, ratio: float) -> Picture:
    """Averaged down where the crop would skip pixels."""
    if ratio <= 1:
        return picture
    size = (max(1, round(picture.shape[1] / ratio)), max(1, round(picture.shape[0] / ratio)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


_CHANGES: tuple[tuple[Change, float], ...] = (
    (light, 0.6),
    (saturation, 0.3),
    (soften, 0.1),
    (noise, 0.15),
    (jpeg, 0.2),
)
