"""The training data as one fixed sequence of batches, so that a resumed run sees what it would have seen."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.data import Dataset

from training.matte.augment import sample
from training.matte.pairs import Pair, read_pair
from training.stages import Schedule, Stage

BASE_SIZE = 256


class BatchStream(Dataset[dict[str, torch.Tensor]]):
    """Batch number `step` of the training: pixels UINT8 [B, 3, S, S] and alpha UINT8 [B, 1, S, S].

    Which pictures it holds and how they are varied follows from the seed and the step alone. A batch has as many
    pixels at every size: `batch` pictures of 256x256, a quarter as many of 512x512.
    """

    def __init__(self, pairs: Sequence[Pair], stages: Sequence[Stage], *, steps: int, batch: int, seed: int) -> None:
        self._pairs = pairs
        self._steps = steps
        self._seed = seed
        self.schedule = Schedule(stages, steps)
        self._counts = [max(1, round(batch * (BASE_SIZE / size) ** 2)) for size in self.schedule.sizes]
        self._epoch = -1
        self._order = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> dict[str, torch.Tensor]:
        stage = self.schedule.stage_at(step)
        size = self.schedule.sizes[stage]
        rng = np.random.default_rng((self._seed, 1, step))
        first = self._first_draw(step)
        draws = range(first, first + self._counts[stage])
        samples = [sample(*read_pair(self._pair_at(draw)), size, rng) for draw in draws]
        pixels = np.stack([picture.transpose(2, 0, 1) for picture, _ in samples])
        alpha = np.stack([alpha[None] for _, alpha in samples])
        return {"pixels": torch.from_numpy(pixels), "alpha": torch.from_numpy(alpha)}

    def _first_draw(self, step: int) -> int:
        """How many pictures all earlier steps took."""
        ends = self.schedule.ends
        stages = zip([0, *ends[:-1]], ends, self._counts, strict=True)
        return sum(max(0, min(step, end) - start) * count for start, end, count in stages)

    def _pair_at(self, draw: int) -> Pair:
        epoch, position = divmod(draw, len(self._pairs))
        if self._epoch != epoch:
            self._epoch = epoch
            self._order = np.random.default_rng((self._seed, 0, epoch)).permutation(len(self._pairs))
        return self._pairs[int(self._order[position])]
