"""How a picture moved since the one before: corners followed from one to the other, and one affine map for them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Bytes, Mask

SIDE = 128  # of the small grey pictures that are compared
CORNERS = 120
LEAST_CORNERS = 10
QUALITY, APART = 0.02, 5
WINDOW = (11, 11)
LEVELS = 2
NEAR = 1.0  # small pixels between where a corner came to lie and where the map puts it
LEAST_AGREEING = 0.5  # of the corners
MOST_STRETCH = 0.15
FARTHEST = 0.25  # of the side
LEAST_ALIKE = 0.5  # correlation of the moved picture with the new one
CHANGED = 0.16  # of the range of grey
SEED = 1


@dataclass(frozen=True, slots=True)
class Motion:
    """`matrix` float32 [2, 3] takes a place of the picture before, as a share 0..1 of its sides, to where it is now;
    `changed` [SIDE, SIDE] where the new picture shows something else than the moved one, or it showed nothing.
    """

    matrix: NDArray[np.float32]
    changed: Mask

    def pixels(self, side: int) -> NDArray[np.float32]:
        """Return the matrix for pixels (x, y) of a square picture."""
        scaled = self.matrix.copy()
        # Pixel x lies at the share (x + 0.5) / side.
        scaled[:, 2] = (self.matrix @ np.array([0.5 / side, 0.5 / side, 1], np.float32) - 0.5 / side) * side
        return scaled

    def shift(self, side: int) -> tuple[float, float]:
        """Return by how many pixels (x, y) the middle moved."""
        x, y = (self.matrix @ np.array([0.5, 0.5, 1], np.float32) - 0.5) * side
        return float(x), float(y)


def grey(pixels: Bytes) -> Bytes:
    """Return RGB UINT8 [S, S, 3] as UINT8 [SIDE, SIDE]."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def between(before: Bytes, now: Bytes) -> Motion | None:
    """Return the motion from one small grey picture to the next, None where it cannot be told: too few corners, no map
    that most of them agree on, one that no camera makes between two frames, or another picture altogether (a cut).
    """
    corners = cv2.goodFeaturesToTrack(before, CORNERS, QUALITY, APART, blockSize=5)
    if corners is None or len(corners) < LEAST_CORNERS:  # type: ignore[redundant-expr]  # None of an even picture
        return None
    followed, status, _ = cv2.calcOpticalFlowPyrLK(before, now, corners, np.empty(0), winSize=WINDOW, maxLevel=LEVELS)
    kept = status.reshape(-1) == 1
    if kept.sum() < LEAST_CORNERS:
        return None
    cv2.setRNGSeed(SEED)
    matrix, agreeing = cv2.estimateAffine2D(corners[kept], followed[kept], ransacReprojThreshold=NEAR)
    if agreeing.sum() < max(LEAST_CORNERS, LEAST_AGREEING * len(corners)) or not _possible(matrix):
        return None
    return _checked(matrix, before, now)


def _possible(matrix: NDArray[np.float64]) -> bool:
    stretch = np.linalg.svd(matrix[:, :2] - np.eye(2), compute_uv=False)[0]
    middle = np.array([SIDE / 2, SIDE / 2, 1])
    return bool(stretch <= MOST_STRETCH and np.abs(matrix @ middle - middle[:2]).max() <= FARTHEST * SIDE)


def _checked(matrix: NDArray[np.float64], before: Bytes, now: Bytes) -> Motion | None:
    """The motion, where the picture before, moved by it, looks like the new one."""
    moved = cv2.warpAffine(before, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.full_like(before, 255), matrix, (SIDE, SIDE), flags=cv2.INTER_NEAREST) > 0
    old, new = moved[inside].astype(np.float32), now[inside].astype(np.float32)
    spread = float(old.std() * new.std())
    alike = float(((old - old.mean()) * (new - new.mean())).mean()) / spread if spread > 0 else 0.0
    if alike < LEAST_ALIKE:
        return None
    gain = float(new.std() / old.std())
    expected = (moved.astype(np.float32) - old.mean()) * gain + new.mean()
    difference = cv2.blur(np.abs(expected - now), (3, 3))
    changed = ~inside | (difference > CHANGED * 255)
    shares = matrix.copy()
    shares[:, 2] = (matrix @ np.array([-0.5, -0.5, 1]) + 0.5) / SIDE
    return Motion(shares.astype(np.float32), changed)
