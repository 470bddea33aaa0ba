"""A walk along a made-up shelf: frames cut out of one large picture, with their true masks and what a network says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from imaging.arrays import Bytes

SIDE = 256
STEP = (5, 2)  # pixels a frame, in x and y


@dataclass(frozen=True, eq=False)
class Seen:
    pixels: Bytes
    truth: Bytes
    mask: Bytes
    confidence: Bytes


def wall(rng: np.random.Generator) -> tuple[Bytes, Bytes]:
    """A picture 700 x 500 of packages of all colours on boards, and its classes."""
    picture, classes = np.full((500, 700, 3), 60, np.uint8), np.zeros((500, 700), np.uint8)
    for top in range(10, 400, 90):
        for left in range(0, 650, 45):
            place = slice(top, top + 70), slice(left + 3, left + 40)
            if rng.random() < 0.2:
                classes[place], picture[place] = 4, rng.integers(20, 40)
                continue
            classes[place], picture[place] = 1, rng.integers(50, 230, 3)
            label = slice(top + 20, top + 50), slice(left + 10, left + 32)
            picture[label] = rng.integers(0, 255, (30, 22, 1)) // 2 + rng.integers(0, 120, 3)
        classes[top + 70 : top + 80], picture[top + 70 : top + 80] = 3, 200
        classes[top + 72 : top + 79, 100::120] = 2
    return picture, classes


def walk(frames: int, seed: int = 1, step: tuple[int, int] = STEP) -> Iterator[Seen]:
    """Frames whose masks have another noise each time: blobs of wrong classes of little confidence."""
    rng = np.random.default_rng(seed)
    picture, classes = wall(rng)
    for number in range(frames):
        left, top = 20 + number * step[0], 20 + number * step[1]
        place = slice(top, top + SIDE), slice(left, left + SIDE)
        noise = rng.normal(0, 4, (SIDE, SIDE, 3))
        pixels = np.clip(picture[place] + noise, 0, 255).astype(np.uint8)
        mask, confidence = noisy(classes[place], rng)
        yield Seen(pixels, classes[place].copy(), mask, confidence)


def noisy(truth: Bytes, rng: np.random.Generator) -> tuple[Bytes, Bytes]:
    mask, sure = truth.copy(), np.full(truth.shape, 235, np.uint8)
    for _ in range(25):
        centre = tuple(int(place) for place in rng.integers(0, SIDE, 2))
        radius, kind = int(rng.integers(3, 9)), int(rng.integers(0, 5))
        cv2.circle(mask, centre, radius, kind, -1)
        cv2.circle(sure, centre, radius, 130, -1)
    small = cv2.resize(sure, (SIDE // 4, SIDE // 4), interpolation=cv2.INTER_AREA)
    return mask, np.asarray(small, np.uint8)
