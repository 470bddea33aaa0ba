"""Subjects that Blender rendered, cut out with their own alpha, to be put on composed grounds."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from training.scenes.canvas import Array, Size, chance, linear
from training.scenes.shading import Light
from training.scenes.subjects import Subject, foot


@dataclass(frozen=True)
class Renders:
    """Files `*.png` (RGBA, straight alpha) in a folder."""

    files: tuple[Path, ...]

    @staticmethod
    @lru_cache(maxsize=4)
    def opened(folder: Path) -> "Renders":
        files = tuple(sorted(folder.glob("*.png")))
        if not files:
            raise FileNotFoundError(f"no rendered subjects (*.png) in {folder}")
        return Renders(files)

    def subject(self, rng: np.random.Generator, size: Size, light: Light) -> Subject:
        """One of them, placed, turned and scaled anew, mirrored at times. The light is the one it was rendered in."""
        del light
        path = self.files[int(rng.integers(len(self.files)))]
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if stored is None:
            raise FileNotFoundError(f"{path} is not a picture")
        return _placed(rng, stored.astype(np.float32) * np.float32(1 / 255), size, path.stem)


def _placed(rng: np.random.Generator, stored: Array, size: Size, name: str) -> Subject:
    height, width = size
    alpha = stored[..., 3]
    rows, columns = np.flatnonzero(alpha.max(1) > 0.02), np.flatnonzero(alpha.max(0) > 0.02)
    top, low, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    fit = min(width / (right - left), height / (low - top)) * float(np.clip(rng.normal(0.8, 0.22), 0.3, 1.5))
    x, y = width * rng.normal(0.5, 0.1), height * rng.normal(0.55, 0.07)
    turn = cv2.getRotationMatrix2D(((left + right) / 2, (top + low) / 2), float(rng.normal(0, 3)), fit)
    turn = turn + np.array([[0, 0, x - (left + right) / 2], [0, 0, y - (top + low) / 2]])
    if chance(rng, 0.5):
        turn[0] = np.array([-turn[0, 0], -turn[0, 1], width - turn[0, 2]])
    weighted = np.concatenate([linear(stored[..., 2::-1]) * alpha[..., None], alpha[..., None]], axis=2)
    moved = cv2.warpAffine(weighted, turn, (width, height), flags=cv2.INTER_AREA if fit < 1 else cv2.INTER_LINEAR)
    cover = np.clip(moved[..., 3], 0, 1).astype(np.float32)
    colour = (moved[..., :3] / np.maximum(cover, 1e-3)[..., None]).astype(np.float32)
    kind = name.split("-", 1)[-1]
    return Subject(np.clip(colour, 0, 1), cover, f"rendered {kind}", "rendered", foot(cover))
