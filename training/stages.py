"""The input sizes of a training, one after the other: small pictures first are faster."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SMALLEST_SIZE = 64


@dataclass(frozen=True)
class Stage:
    """A part of the training at one input size."""

    size: int
    share: float
    """Share of the steps, 0..1."""


class Schedule:
    """Which stage each of so many steps belongs to; shares that do not sum up to 1 are brought there."""

    def __init__(self, stages: Sequence[Stage], steps: int) -> None:
        shares = np.cumsum([stage.share for stage in stages])
        self.ends = [int(end) for end in np.round(shares / shares[-1] * steps)]
        self.sizes = [stage.size for stage in stages]

    def stage_at(self, step: int) -> int:
        """The stage's number, from 0."""
        return min(int(np.searchsorted(self.ends, step, side="right")), len(self.sizes) - 1)

    def size_at(self, step: int) -> int:
        """Pixels of a picture's side."""
        return self.sizes[self.stage_at(step)]


def parse_stages(text: str) -> tuple[Stage, ...]:
    """`256:0.8,512:0.2` -> stages in order; a lone `256` takes all steps."""
    try:
        parts = [part.partition(":") for part in text.split(",")]
        stages = tuple(Stage(int(size), float(share or 1)) for size, _, share in parts)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: expected SIZE:SHARE,SIZE:SHARE") from error
    if any(stage.size < SMALLEST_SIZE or stage.size % 32 or stage.share <= 0 for stage in stages):
        raise argparse.ArgumentTypeError(f"{text!r}: sizes are multiples of 32 from 64 on, shares are positive")
    return stages
