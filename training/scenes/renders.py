"""Blender's scenes as a source of pictures: each as it was rendered, and its subjects put on composed grounds.

The folder is what `training.scenes.rendered` writes: pictures/NNNNNN.png (RGB), subjects/NNNNNN-V.png (RGBA, straight
alpha, view 0 being the picture's own) and records/NNNNNN.json.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np

from training.scenes.canvas import Array, Size, chance, linear
from training.scenes.composer import Choice
from training.scenes.indoor import INDOOR
from training.scenes.outdoor import OUTDOOR
from training.scenes.shading import Light
from training.scenes.subjects import RENDERED, Subject, foot

VISIBLE = 0.02  # alpha from which a render's subject counts as there
TRIES = 100
WORTH = 0.04  # share of the picture that a subject must cover to be used


class RendersError(Exception):
    """The folder of renders is empty or holds something unreadable."""


@dataclass(frozen=True)
class Render:
    """One record: what was rendered, how many views of it there are, and whether one on its ground is among them."""

    index: int
    kind: str
    views: int
    picture: bool


@dataclass(frozen=True)
class Renders:
    folder: Path
    records: tuple[Render, ...]

    @staticmethod
    @lru_cache(maxsize=4)
    def opened(folder: Path) -> "Renders":
        """Raises RendersError where there is no record in `folder`."""
        found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / "records").glob("*.json"))]
        if not found:
            raise RendersError(
                f"no renders in {folder}: make some with python -m training.scenes.rendered --out {folder}"
            )
        return Renders(
            folder, tuple(Render(line["index"], line["kind"], line["views"], line["picture"]) for line in found)
        )

    @property
    def digest(self) -> str:
        """Tells one library from another, or from itself after it grew."""
        return hashlib.sha256(repr(self.records).encode()).hexdigest()[:16]

    @property
    def pictures(self) -> tuple[Render, ...]:
        """Those that were rendered on a ground of their own."""
        return tuple(record for record in self.records if record.picture)

    def whole(self, record: Render) -> tuple[Array, Subject]:
        """One of `pictures` itself: its light (height, width, 3) and its subject on it."""
        picture = _read(self.folder / f"pictures/{record.index:06d}.png", 3)
        alone = self._alone(record, 0)
        alpha = np.ascontiguousarray(alone[..., 3])
        light = linear(picture)
        return light, Subject(light, alpha, f"rendered {record.kind}", RENDERED, foot(alpha))

    def chosen(self, rng: np.random.Generator) -> Choice:
        """Any view of any subject and a ground for it; it will be placed, turned, scaled and mirrored anew.

        Raises RendersError where one view after the other shows next to nothing.
        """
        for _ in range(TRIES):
            record = self.records[int(rng.integers(len(self.records)))]
            alone = self._alone(record, int(rng.integers(record.views)))
            if float(alone[..., 3].mean()) >= WORTH:
                return Choice(_ground_for(rng, record), partial(_placed, stored=alone, kind=f"rendered {record.kind}"))
        raise RendersError(f"{TRIES} views in a row in {self.folder} are all but empty")

    def _alone(self, record: Render, view: int) -> Array:
        return _read(self.folder / f"subjects/{record.index:06d}-{view}.png", 4)


def _ground_for(rng: np.random.Generator, record: Render) -> str:
    outdoor = record.kind.startswith(("animal", "car"))
    usual = chance(rng, 0.8)
    return str(rng.choice(list((OUTDOOR if outdoor else INDOOR) if usual else {**INDOOR, **OUTDOOR})))


def _read(path: Path, channels: int) -> Array:
    """An 8-bit picture as float32 RGB or RGBA, 0..1."""
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.ndim != 3 or stored.shape[2] != channels:
        raise RendersError(f"{path} is missing or has not {channels} channels")
    order = [2, 1, 0, 3][:channels]
    return np.ascontiguousarray(stored[..., order]).astype(np.float32) * np.float32(1 / 255)


def _placed(rng: np.random.Generator, size: Size, light: Light, stored: Array, kind: str) -> Subject:
    """A stored RGBA view on a new picture; it keeps the light of its render."""
    del light
    height, width = size
    alpha = stored[..., 3]
    rows, columns = np.flatnonzero(alpha.max(1) > VISIBLE), np.flatnonzero(alpha.max(0) > VISIBLE)
    top, low, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    fit = min(width / (right - left), height / (low - top)) * float(np.clip(rng.normal(0.88, 0.17), 0.55, 1.3))
    x, y = width * rng.normal(0.5, 0.1), height * rng.normal(0.55, 0.07)
    x, y = _against_cuts((top, low, left, right), (stored.shape[0], stored.shape[1]), (x, y), fit, size)
    turn = cv2.getRotationMatrix2D(((left + right) / 2, (top + low) / 2), float(rng.normal(0, 2)), fit)
    turn = turn + np.array([[0, 0, x - (left + right) / 2], [0, 0, y - (top + low) / 2]])
    if chance(rng, 0.5):
        turn[0] = np.array([-turn[0, 0], -turn[0, 1], width - turn[0, 2]])
    weighted = np.concatenate([linear(stored[..., :3]) * alpha[..., None], alpha[..., None]], axis=2)
    moved = cv2.warpAffine(weighted, turn, (width, height), flags=cv2.INTER_AREA if fit < 1 else cv2.INTER_LINEAR)
    cover = np.clip(moved[..., 3], 0, 1).astype(np.float32)
    colour = moved[..., :3] / np.maximum(cover, np.float32(1e-3))[..., None]
    return Subject(np.clip(colour, 0, 1).astype(np.float32), cover, kind, RENDERED, foot(cover))


def _against_cuts(
    box: tuple[int, int, int, int], stored: Size, place: tuple[float, float], fit: float, size: Size
) -> tuple[float, float]:
    """Where a render's frame cut the subject, it must meet the picture's frame again: no cut edge may float."""
    top, low, left, right = box
    x, y = place
    half_x, half_y = (right - left) / 2 * fit, (low - top) / 2 * fit
    slack = 3.0
    if low >= stored[0] - 1:
        y = max(y, size[0] + slack - half_y)
    if top <= 1:
        y = min(y, half_y - slack)
    if left <= 1:
        x = min(x, half_x - slack)
    if right >= stored[1] - 1:
        x = max(x, size[1] + slack - half_x)
    return x, y
