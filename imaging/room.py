"""Room at a canvas' sides that the subject keeps out of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Room:
    """In whole pixels from each side of a canvas."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0


class Reserve(Protocol):
    """What wants room. `name` is how messages call it."""

    @property
    def name(self) -> str: ...

    def on(self, height: int, width: int) -> Room:
        """Return what it takes of a canvas, which may be all of it and more."""
        ...
