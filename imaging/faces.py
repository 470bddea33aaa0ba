"""MTCNN's boxes between its three networks (Zhang et al., 2016), as facenet-pytorch 2.6.0 computes them, in float32.

Boxes are FP32 [n, 4] (xmin, ymin, xmax, ymax) in pixels of the picture that is searched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imaging import suppression
from imaging.pyramid import FIELD, STRIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Floats

SAME_LEVEL, SAME_PICTURE, SAME_FACE = 0.5, 0.7, 0.7  # how much two boxes may overlap
LANDMARKS = 5
MOST = 5_000  # candidates of one scale: suppression takes their square, and no photograph has as many


@dataclass(frozen=True, slots=True)
class Faces:
    """The faces of one picture, largest first: `boxes` FP32 [n, 4], `scores` FP32 [n] from 0 to 1, and `landmarks` FP32
    [n, 5, 2], (x, y) of the eyes, the nose and the corners of the mouth, the picture's left one first.
    """

    boxes: Floats
    scores: Floats
    landmarks: Floats

    def __len__(self) -> int:
        return len(self.scores)

    def moved(self, x: int, y: int) -> Faces:
        offset = np.array([x, y], np.float32)
        return Faces(self.boxes + np.tile(offset, 2), self.scores, self.landmarks + offset)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes that a network has scored, and how it would move their sides, as fractions of width and height [n, 4]."""

    boxes: Floats
    scores: Floats
    moves: Floats

    def chosen(self, which: NDArray[np.generic]) -> Candidates:
        return Candidates(self.boxes[which], self.scores[which], self.moves[which])


@dataclass(frozen=True, slots=True)
class Sightings:
    """What P-Net takes for a face: `places` of its field INT64 [n, 2] (row, column), `scores` [n], `moves` [n, 4]."""

    places: NDArray[np.int64]
    scores: Floats
    moves: Floats

    def moved(self, rows: int, columns: int) -> Sightings:
        return Sightings(self.places + np.array([rows, columns]), self.scores, self.moves)


NONE = Faces(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, LANDMARKS, 2), np.float32))


def joined(parts: list[Candidates]) -> Candidates:
    """Return the candidates of several scales as those of one picture."""
    return Candidates(*(np.concatenate([getattr(part, name) for part in parts]) for name in Candidates.__slots__))


def seen(probability: Floats, moves: Floats, least: float) -> Sightings:
    """Return where P-Net's answers for one tile, `probability` [h, w] and `moves` [h, w, 4], come to `least`."""
    y, x = np.nonzero(probability >= least)
    return Sightings(np.stack([y, x], axis=1), probability[y, x], moves[y, x])


def at_scale(parts: list[Sightings], scale: float) -> Candidates:
    """Return the candidates of one scale, from the sightings on its tiles; of those that overlap the best stays."""
    places, scores, moves = (np.concatenate([getattr(part, name) for part in parts]) for name in Sightings.__slots__)
    order = np.lexsort((places[:, 1], places[:, 0]))  # row by row: of equal scores the first stays
    order = order[np.argsort(-scores[order], kind="stable")[:MOST]]
    corners = STRIDE * places[order, ::-1].astype(np.float32)
    boxes = np.concatenate([_unscaled(corners + 1, scale), _unscaled(corners + FIELD, scale)], axis=1)
    found = Candidates(boxes, scores[order], moves[order])
    return found.chosen(suppression.by_union(found.boxes, found.scores, SAME_LEVEL))


def _unscaled(points: Floats, scale: float) -> Floats:
    floored: Floats = np.floor(points / np.float32(scale))
    return floored


def proposed(found: Candidates) -> Floats:
    """Return the boxes that R-Net is to look at, from P-Net's candidates of all scales."""
    found = found.chosen(suppression.by_union(found.boxes, found.scores, SAME_PICTURE))
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    return squared(found.boxes + found.moves * np.tile(sides, 2))


def refined(found: Candidates, least: float) -> Floats:
    """Return the boxes that O-Net is to look at, from what R-Net says of the ones before."""
    found = found.chosen(found.scores > least)
    found = found.chosen(suppression.by_union(found.boxes, found.scores, SAME_PICTURE))
    return squared(_moved(found))


def final(found: Candidates, landmarks: Floats, least: float) -> Faces:
    """Return the faces, from what O-Net says of its boxes; `landmarks` [n, 10] are five x and five y, as fractions."""
    passed = found.scores > least
    found, points = found.chosen(passed), landmarks[passed].reshape(-1, 2, LANDMARKS)
    sides = found.boxes[:, 2:] - found.boxes[:, :2] + 1
    places = sides[:, :, None] * points + found.boxes[:, :2, None] - 1
    boxes = _moved(found)
    kept = suppression.by_smaller(boxes, found.scores, SAME_FACE)
    boxes, scores, places = boxes[kept], found.scores[kept], places[kept].transpose(0, 2, 1)
    largest = np.argsort((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))[::-1]
    return Faces(boxes[largest], scores[largest], places[largest])


def _moved(found: Candidates) -> Floats:
    """Return the boxes with their sides moved, the maxima inclusive."""
    sides = found.boxes[:, 2:] - found.boxes[:, :2] + 1
    return found.boxes + found.moves * np.tile(sides, 2)


def squared(boxes: Floats) -> Floats:
    """Return squares on the same centres with the longer side of each."""
    sides = boxes[:, 2:] - boxes[:, :2]
    longer = sides.max(axis=1, keepdims=True)
    corners = boxes[:, :2] + sides * np.float32(0.5) - longer * np.float32(0.5)
    return np.concatenate([corners, corners + longer], axis=1)


def inside(boxes: Floats, height: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the part of each box in whole pixels INT64 [n, 4], maxima exclusive, and which of them are not empty."""
    whole = np.trunc(boxes).astype(np.int64)
    least = np.maximum(whole[:, :2], 1) - 1
    most = np.minimum(whole[:, 2:], [width, height])
    return np.concatenate([least, most], axis=1), np.all(most > least, axis=1)
