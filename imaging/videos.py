"""What is remembered of many videos at once: of each the last thing, for a while, and not of too many."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Kept = TypeVar("Kept")


@dataclass(slots=True)
class Videos(Generic[Kept]):
    """By a video's number; what was not touched for `idle_s`, and the longest untouched beyond `most`, is forgotten."""

    most: int
    idle_s: float
    clock: Callable[[], float] = time.monotonic
    _kept: OrderedDict[int, tuple[float, Kept]] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, number: int) -> Kept | None:
        """Return what is remembered of a video, and remember it no longer."""
        self._forget_idle()
        return self._kept.pop(number, (0.0, None))[1]

    def put(self, number: int, kept: Kept) -> None:
        self._kept.pop(number, None)
        self._kept[number] = (self.clock(), kept)
        while len(self._kept) > self.most:
            self._kept.popitem(last=False)

    def _forget_idle(self) -> None:
        oldest = self.clock() - self.idle_s
        while self._kept and next(iter(self._kept.values()))[0] < oldest:
            self._kept.popitem(last=False)
