"""Training data as one fixed sequence of batches, so that a resumed run sees what it would have seen."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from training.stages import Schedule, Stage

BASE_SIZE = 256

Item = TypeVar("Item")


class PictureStream(Dataset[dict[str, torch.Tensor]], Generic[Item]):
    """Batch number `step` of a training: what `sampled` makes of its pictures, stacked.

    Which pictures it holds and how they are varied follows from the seed and the step alone. A batch has as many
    pixels at every size: `batch` pictures of 256x256, a quarter as many of 512x512.
    """

    def __init__(self, items: Sequence[Item], stages: Sequence[Stage], *, steps: int, batch: int, seed: int) -> None:
        self._items = items
        self._steps = steps
        self._seed = seed
        self.schedule = Schedule(stages, steps)
        self._counts = [max(1, round(batch * (BASE_SIZE / size) ** 2)) for size in self.schedule.sizes]
        self._epoch = -1
        self._order = np.empty(0, dtype=np.int64)

    @abstractmethod
    def sampled(self, item: Item, size: int, rng: np.random.Generator) -> dict[str, NDArray[np.uint8]]:
        """One varied picture of size x size and its truth."""

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> dict[str, torch.Tensor]:
        stage = self.schedule.stage_at(step)
        size = self.schedule.sizes[stage]
        rng = np.random.default_rng((self._seed, 1, step))
        first = self._first_draw(step)
        draws = range(first, first + self._counts[stage])
        samples = [self.sampled(self._item_at(draw), size, rng) for draw in draws]
        return {name: torch.from_numpy(np.stack([sample[name] for sample in samples])) for name in samples[0]}

    def _first_draw(self, step: int) -> int:
        """How many pictures all earlier steps took."""
        ends = self.schedule.ends
        stages = zip([0, *ends[:-1]], ends, self._counts, strict=True)
        return sum(max(0, min(step, end) - start) * count for start, end, count in stages)

    def _item_at(self, draw: int) -> Item:
        epoch, position = divmod(draw, len(self._items))
        if self._epoch != epoch:
            self._epoch = epoch
            self._order = np.random.default_rng((self._seed, 0, epoch)).permutation(len(self._items))
        return self._items[int(self._order[position])]
