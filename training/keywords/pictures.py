"""Pictures of a prepared data set, as a step or an evaluation takes them."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch.utils.data import Dataset

from training.dataset.shards import Row, Shards
from training.keywords.augment import sample
from training.keywords.errors import KeywordsError
from training.keywords.network import SIDE
from training.keywords.sampler import Sampler
from training.stages import Schedule, Stage

Pixels = NDArray[np.uint8]
Batch = dict[str, torch.Tensor]


def decoded(row: Row, split: str) -> Image.Image:
    """RGB, transparency on white. Raises KeywordsError with the picture's name where it is broken."""
    try:
        with Image.open(io.BytesIO(row.image)) as picture:
            picture.load()
            if picture.has_transparency_data:
                ground = Image.new("RGBA", picture.size, "white")
                return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")
            return picture.convert("RGB")
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError) as error:
        raise KeywordsError(f"{split}, {row.name}: not a readable picture ({error})") from error


def framed(picture: Image.Image, side: int = SIDE) -> Pixels:
    """UINT8 [side, side, 3] as CLIP's own processor frames it: the shorter side is `side`, then the middle."""
    width, height = picture.size
    shorter = min(width, height)
    size = (max(side, int(side * width / shorter)), max(side, int(side * height / shorter)))
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    resized = picture.resize(size, Image.Resampling.BICUBIC)
    return np.asarray(resized.crop((left, top, left + side, top + side)), np.uint8)


def served(shards: Shards, split: str) -> Iterator[tuple[Row, Pixels]]:
    """Every row with its pixels as the server would make them."""
    for row in shards.rows(split):
        yield row, framed(decoded(row, split))


@dataclass(frozen=True)
class Part:
    """The pictures of a split that take part: their rows, and their labels in the network's order."""

    shards: Shards
    split: str
    rows: NDArray[np.int64]
    labels: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.rows)

    def picture(self, index: int) -> Image.Image:
        return decoded(self.shards.row(self.split, int(self.rows[index])), self.split)

    def take(self, chosen: NDArray[np.int64]) -> "Part":
        return Part(self.shards, self.split, self.rows[chosen], self.labels[chosen])


def labels_of(shards: Shards, split: str) -> NDArray[np.int32]:
    """Every row's label. Raises KeywordsError for one that is missing, or no index in the data set's labels."""
    with np.errstate(invalid="ignore"):  # a missing one becomes a number that no index is
        labels = shards.label_indices(split)
    strange = np.flatnonzero((labels < 0) | (labels >= len(shards.labels)))
    if len(strange):
        name = shards.row(split, int(strange[0])).name
        raise KeywordsError(
            f"{shards.folder / split}: {name} (row {strange[0]}) has no label among the {len(shards.labels)} keywords"
        )
    return labels


def part_of(shards: Shards, split: str) -> Part:
    """Raises KeywordsError for labels that are none."""
    labels = labels_of(shards, split)
    return Part(shards, split, np.arange(len(labels), dtype=np.int64), labels)


class TrainingStream(Dataset[Batch]):
    """Batch number `step` of the training: `pixels` UINT8 [n, S, S, 3] and `labels` INT64 [n].

    Which pictures it holds and how they are varied follows from the seed and the step alone.
    """

    def __init__(
        self, part: Part, sampler: Sampler, stages: Sequence[Stage], *, steps: int, seed: int, varied: bool = True
    ) -> None:
        self._part, self._sampler, self._steps, self._seed, self._varied = part, sampler, steps, seed, varied
        self._schedule = Schedule(stages, steps)

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng((self._seed, 4, step))
        side = self._schedule.size_at(step)
        chosen = self._sampler.batch(step)
        pixels = np.stack([self._pixels(int(index), side, rng) for index in chosen])
        labels = self._part.labels[chosen].astype(np.int64)
        return {"pixels": torch.from_numpy(pixels), "labels": torch.from_numpy(labels)}

    def _pixels(self, index: int, side: int, rng: np.random.Generator) -> Pixels:
        picture = self._part.picture(index)
        return sample(np.asarray(picture, np.uint8), side, rng) if self._varied else framed(picture, side)


class ServedPictures(Dataset[Batch]):
    """One picture an item, as a batch of one, with its pixels as the server would make them."""

    def __init__(self, part: Part) -> None:
        self._part = part

    def __len__(self) -> int:
        return len(self._part)

    def __getitem__(self, index: int) -> Batch:
        pixels = torch.from_numpy(framed(self._part.picture(index)).copy())
        return {"pixels": pixels[None], "labels": torch.tensor([int(self._part.labels[index])])}


def joined(items: Sequence[Batch]) -> Batch:
    return {name: torch.cat([item[name] for item in items]) for name in items[0]}
