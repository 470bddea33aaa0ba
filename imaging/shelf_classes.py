"""What a pixel of a shelf can be: the values of class masks, and their names and colours for people."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from imaging.arrays import Bytes


class ShelfClass(IntEnum):
    """The same values as in the sets that the networks learn from."""

    BACKGROUND = 0
    PRODUCT = 1
    TAG = 2
    BOARD = 3
    EMPTY = 4

    @property
    def key(self) -> str:
        """The name in answers, tables and metrics."""
        return self.name.lower()

    @property
    def label(self) -> str:
        """The name in a legend."""
        return LABELS[self]

    @property
    def colour(self) -> tuple[int, int, int]:
        """RGB. The background has none in an overlay; here it is black."""
        return COLOURS[self]


LABELS = ("Background", "Product", "Price tag", "Shelf board", "Empty place")
# Apart from each other also for eyes that see red and green as one (Okabe and Ito's palette).
COLOURS = ((0, 0, 0), (0, 158, 115), (240, 228, 66), (86, 180, 233), (213, 94, 0))
OBJECTS = tuple(kind for kind in ShelfClass if kind is not ShelfClass.BACKGROUND)


def palette() -> Bytes:
    """Return RGB [256, 3]: the class's colour by value, black beyond them."""
    table = np.zeros((256, 3), np.uint8)
    table[: len(COLOURS)] = COLOURS
    return table
