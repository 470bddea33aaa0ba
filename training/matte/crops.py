"""Where the detail head looks in a batch of whole pictures: squares along the subject's edge."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from training.matte.detail import STRIDE
from training.matte.stream import BatchStream

ANYWHERE = 0.15  # share of crops that lie anywhere, so that the head learns to leave alone what has no edge
_GRID = 2 * STRIDE  # corners lie on it, for no cell of the coarse logits to be cut
_SOFT = (8, 247)


@dataclass(frozen=True)
class Corners:
    """Squares of `side` pixels, `each` a picture."""

    side: int = 384
    each: int = 3


class CropStream(Dataset[dict[str, Tensor]]):
    """The batches of a `BatchStream`, with `corners` INT64 [n, 3]: picture, top and left of each square."""

    def __init__(self, stream: BatchStream, corners: Corners, seed: int) -> None:
        self._stream = stream
        self._corners = corners
        self._seed = seed

    def __len__(self) -> int:
        return len(self._stream)

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        batch = self._stream[step]
        rng = np.random.default_rng((self._seed, 2, step))
        found = [
            (index, *corner)
            for index, alpha in enumerate(batch["alpha"][:, 0].numpy())
            for corner in drawn(alpha, self._corners, rng)
        ]
        return {**batch, "corners": torch.tensor(found)}


def drawn(alpha: NDArray[np.uint8], corners: Corners, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Top and left of squares inside `alpha` UINT8 [S, S], most of them around a place where it is no even 0 or 255."""
    edge = np.argwhere(_edge(alpha))
    size = alpha.shape[0]
    places = []
    for _ in range(corners.each):
        middle = rng.integers(0, size, 2)
        if len(edge) and rng.random() >= ANYWHERE:
            middle = edge[rng.integers(len(edge))] + rng.integers(-corners.side // 4, corners.side // 4 + 1, 2)
        top, left = (np.clip(middle - corners.side // 2, 0, size - corners.side) // _GRID * _GRID).tolist()
        places.append((top, left))
    return places


def _edge(alpha: NDArray[np.uint8]) -> NDArray[np.bool_]:
    steps = cv2.morphologyEx(alpha, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > _SOFT[0]
    return np.asarray(steps | ((alpha > _SOFT[0]) & (alpha < _SOFT[1])), dtype=np.bool_)


def taken(planes: Tensor, corners: Tensor, side: int, times: int = 1) -> Tensor:
    """The squares of planes [B, C, S / times, S / times] -> [n, C, side / times, side / times]."""
    squares = [
        planes[index, :, top // times : (top + side) // times, left // times : (left + side) // times]
        for index, top, left in corners.tolist()
    ]
    return torch.stack(squares)
