"""What stands behind a network that knows instances: their masks become one map at the contract's size."""

import numpy as np
import torch

from export.contract import COARSE
from export.mask_ends import Resize

NEIGHBOURS = ((0, 0), (0, 1), (1, 0), (1, 1))
LARGE = 1e4  # beyond any logit, and within half precision


class InstanceEnds(torch.nn.Module):
    """`boxes` [n, N, 4] as shares, `scores` [n, N], the best first and 0 where there is nothing, `classes` INT64 [n, N]
    and logits of masks [n, h, h, N] -> `mask` UINT8 [n, size, size], `confidence` UINT8 [n, size/4, size/4] and
    `instances` INT32 [n, size, size].

    A pixel belongs to the instance whose mask, enlarged bilinearly, is largest there, and positive, of those whose box
    holds it. Enlarging N masks would cost more than most networks do. So each cell of the small masks gets its
    instance first, and a pixel is looked at only for the nearest cell's and for another one of the cells around it.
    """

    steps: torch.Tensor
    shares: torch.Tensor
    near: torch.Tensor
    cells: torch.Tensor

    def __init__(self, h: int, size: int, *, cropped: bool) -> None:
        super().__init__()
        self._h, self._size, self._cropped = h, size, cropped
        along = np.clip((np.arange(size) + 0.5) * h / size - 0.5, 0, h - 1)
        low = np.minimum(along.astype(np.int64), max(h - 2, 0))
        high, share = np.minimum(low + 1, h - 1), along - low
        ends = {
            "steps": np.stack([low, high]),  # the two cells around a pixel, in a line
            "shares": np.stack([1 - share, share]).astype(np.float32),
            "near": np.where(share < 0.5, low, high),  # noqa: PLR2004 - the nearer of them
            "cells": ((np.arange(h) + 0.5) / h).astype(np.float32),
        }
        for name, values in ends.items():
            self.register_buffer(name, torch.from_numpy(values), persistent=False)
        self.resize = Resize(h, size // COARSE)

    def forward(
        self, boxes: torch.Tensor, scores: torch.Tensor, classes: torch.Tensor, logits: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        count = scores.shape[1]
        owners, best = self._owners(boxes, scores, logits)
        first = self._looked_up(owners, self._grid(self.near, self.near))
        around = torch.stack([self._looked_up(owners, self._place(y, x)) for y, x in NEIGHBOURS])
        second = torch.where(around == first, -1, around).amax(dim=0).clamp(min=0)
        ours, theirs = (self._value(one, boxes, logits) for one in (first, second))
        found = (torch.maximum(ours, theirs) > 0) & (scores[:, :1] > 0)
        chosen = torch.where(found, torch.where(theirs > ours, second, first), count)
        known = torch.nn.functional.pad(classes, (0, 1)).gather(1, chosen)
        numbers = torch.where(found, chosen + 1, 0).to(torch.int32)
        shape = (-1, self._size, self._size)
        confidence = self._confidence(owners, best, scores)
        return known.to(torch.uint8).reshape(shape), confidence, numbers.reshape(shape)

    def _owners(
        self, boxes: torch.Tensor, scores: torch.Tensor, logits: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Of each cell [n, h * h] the instance with the largest logit of those that may have it, and that logit."""
        allowed = (scores > 0)[:, None, None]
        if self._cropped:
            half = 0.5 / self._h
            left, top, right, bottom = (one[:, None] for one in boxes.unbind(-1))
            cells = self.cells[:, None]
            across = (cells >= left - half) & (cells <= right + half)
            down = (cells >= top - half) & (cells <= bottom + half) & (scores > 0)[:, None]
            allowed = down[:, :, None] & across[:, None]
        inside = torch.where(allowed, logits, -LARGE).flatten(1, 2)
        owners = inside.argmax(dim=2)
        return owners, inside.gather(2, owners[..., None])[..., 0]

    def _place(self, y: int, x: int) -> torch.Tensor:
        return self._grid(self.steps[y], self.steps[x])

    def _grid(self, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        """Cells by their number, for every pixel."""
        return (rows[:, None] * self._h + columns).flatten()

    @staticmethod
    def _looked_up(owners: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
        return owners.gather(1, place.expand(owners.shape[0], -1))

    def _value(self, number: torch.Tensor, boxes: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """The enlarged mask of an instance at every pixel, and nothing outside of its box."""
        flat, count = logits.flatten(1), logits.shape[-1]
        value = torch.zeros_like(number, dtype=logits.dtype)
        for y, x in NEIGHBOURS:
            weight = (self.shares[y][:, None] * self.shares[x]).flatten()
            value = value + weight * flat.gather(1, self._place(y, x) * count + number)
        return torch.where(self._inside(number, boxes), value, -LARGE) if self._cropped else value

    def _inside(self, number: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        """Whether the left upper corner of a pixel lies in the box of its instance, as YOLO's own code has it."""
        steps = torch.arange(self._size, dtype=boxes.dtype) / self._size
        across, down = steps.repeat(self._size), steps.repeat_interleave(self._size)
        left, top, right, bottom = (one.gather(1, number) for one in boxes.unbind(-1))
        return (across >= left) & (across < right) & (down >= top) & (down < bottom)

    def _confidence(self, owners: torch.Tensor, best: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """An instance's score times how sure its mask is, and the contrary of the surest mask where there is none."""
        sure = best.sigmoid()
        share = torch.where(best > 0, scores.gather(1, owners) * sure, 1 - sure).reshape(-1, self._h, self._h)
        levels: torch.Tensor = (self.resize(share[:, None])[:, 0].clamp(0, 1) * 255).round().to(torch.uint8)
        return levels
