"""What stands behind a network that knows instances: their masks become one map, best first, at the contract's size."""

import numpy as np
import torch

from export.contract import COARSE
from export.mask_ends import Resize

NEIGHBOURS = ((0, 0), (0, 1), (1, 0), (1, 1))


class InstanceEnds(torch.nn.Module):
    """`boxes` [n, N, 4] as shares, `scores` [n, N], the best first and 0 where there is nothing, `classes` INT64 [n, N]
    and logits of masks [n, N, h, h] -> `mask` UINT8 [n, size, size], `confidence` UINT8 [n, size/4, size/4] and
    `instances` INT32 [n, size, size].

    A pixel belongs to the best instance whose mask, enlarged bilinearly, is positive there and whose box holds it.
    Enlarging N masks would cost more than most networks do. So each cell of the small masks gets its best instance
    first, and a pixel is looked at only for the nearest cell's and for the best of those of the three cells around.
    """

    steps: torch.Tensor
    cells: torch.Tensor
    near: torch.Tensor
    share: torch.Tensor

    def __init__(self, h: int, size: int, *, cropped: bool) -> None:
        super().__init__()
        self._h, self._size, self._cropped = h, size, cropped
        places = np.clip((np.arange(size) + 0.5) * h / size - 0.5, 0, h - 1)
        low = np.minimum(places.astype(np.int64), max(h - 2, 0))
        share = (places - low).astype(np.float32)
        ends = {
            "steps": np.stack([low, np.minimum(low + 1, h - 1)]),  # the two cells around a pixel, in a line
            "share": np.stack([1 - share, share]),
            "near": (share >= 0.5).astype(np.int64),  # noqa: PLR2004 - which of the two is nearer
            "cells": ((np.arange(h) + 0.5) / h).astype(np.float32),
        }
        for name, values in ends.items():
            self.register_buffer(name, torch.from_numpy(values), persistent=False)
        self.resize = Resize(h, size // COARSE)

    def forward(
        self, boxes: torch.Tensor, scores: torch.Tensor, classes: torch.Tensor, logits: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        count = logits.shape[1]
        owners, best = self._owners(boxes, scores, logits)
        first, second = self._candidates(owners, count)
        chosen = torch.minimum(self._tried(first, boxes, logits), self._tried(second, boxes, logits))
        found = chosen < count
        known = torch.nn.functional.pad(classes, (0, 1)).gather(1, chosen.flatten(1)).reshape(chosen.shape)
        confidence = self._confidence(owners, best, scores, count)
        return known.to(torch.uint8), confidence, torch.where(found, chosen + 1, 0).to(torch.int32)

    def _owners(
        self, boxes: torch.Tensor, scores: torch.Tensor, logits: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Of each cell the best instance, or their number where there is none, and the largest of the logits there."""
        count, half = logits.shape[1], 0.5 / self._h
        allowed = (scores > 0)[..., None, None]
        if self._cropped:
            left, top, right, bottom = (one[..., None] for one in boxes.unbind(-1))
            across = (self.cells >= left - half) & (self.cells <= right + half)
            down = (self.cells >= top - half) & (self.cells <= bottom + half)
            allowed = allowed & down[..., :, None] & across[..., None, :]
        inside = torch.where(allowed, logits, -torch.inf)
        ranks = torch.arange(count, 0, -1, dtype=torch.float32)[:, None, None]
        owners = count - torch.where(inside > 0, ranks, 0.0).amax(dim=1).to(torch.int64)
        return owners, inside.amax(dim=1)

    def _candidates(self, owners: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The instance of the cell nearest to each pixel, and the best other one of the cells around it."""
        around = [owners.index_select(1, self.steps[y]).index_select(2, self.steps[x]) for y, x in NEIGHBOURS]
        rows = torch.where(self.near[:, None] == 1, around[2], around[0])
        others = torch.where(self.near[:, None] == 1, around[3], around[1])
        first = torch.where(self.near == 1, others, rows)
        second = torch.stack([torch.where(one == first, count, one) for one in around]).amin(dim=0)
        return first, second

    def _tried(self, chosen: torch.Tensor, boxes: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """`chosen` where its mask is positive and its box holds the pixel; the number of instances elsewhere."""
        count, area = logits.shape[1], self._h * self._h
        number = chosen.clamp(max=count - 1)
        flat, value = logits.flatten(1), torch.zeros_like(chosen, dtype=logits.dtype)
        for y, x in NEIGHBOURS:
            place = (self.steps[y] * self._h)[:, None] + self.steps[x]
            weight = self.share[y][:, None] * self.share[x]
            value = value + weight * flat.gather(1, (number * area + place).flatten(1)).reshape(chosen.shape)
        kept = (value > 0) & (chosen < count)
        if self._cropped:
            kept = kept & self._inside(number, boxes)
        return torch.where(kept, chosen, count)

    def _inside(self, number: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        """Whether the left upper corner of a pixel lies in the box of its instance, as YOLO's own code has it."""
        across = torch.arange(self._size, dtype=boxes.dtype) / self._size
        down = across[:, None]
        left, top, right, bottom = (one.gather(1, number.flatten(1)).reshape(number.shape) for one in boxes.unbind(-1))
        return (across >= left) & (across < right) & (down >= top) & (down < bottom)

    def _confidence(self, owners: torch.Tensor, best: torch.Tensor, scores: torch.Tensor, count: int) -> torch.Tensor:
        """An instance's score times how sure its mask is, and the contrary of the surest mask where there is none."""
        score = torch.nn.functional.pad(scores, (0, 1)).gather(1, owners.flatten(1)).reshape(owners.shape)
        sure = best.sigmoid()
        share = torch.where(owners < count, score * sure, 1 - sure)
        coarse: torch.Tensor = self.resize(share[:, None])[:, 0]
        return (coarse.clamp(0, 1) * 255).round().to(torch.uint8)
