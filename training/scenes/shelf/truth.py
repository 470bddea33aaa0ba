"""What is true of a picture of a shelf: classes, products one by one, gaps and tags one by one, coverage."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from training.scenes.shelf.classes import ShelfClass
from training.scenes.shelf.screen import HALF, Box, Classes, Numbers, Screen
from training.scenes.shelf.stock import Shelf


@dataclass(frozen=True)
class Seen:
    """A product of which `pixels` are seen, in `box`; `whole` is its box as if nothing hid it, also beyond the picture.

    `row` 0 stands foremost, 1 behind that, ...
    """

    number: int
    kind: str
    row: int
    pixels: int
    box: Box
    whole: Box


@dataclass(frozen=True, eq=False)
class Truth:
    """`classes` (h, w) of ShelfClass, `numbers` (h, w) 0 or a product's; boxes of what is seen of gaps and tags."""

    classes: Classes
    numbers: Numbers
    products: tuple[Seen, ...]
    gaps: tuple[Box, ...]
    tags: tuple[Box, ...]

    @property
    def shares(self) -> dict[str, float]:
        """Of all pixels, by the names of the classes in lower case."""
        counts = np.bincount(self.classes.ravel(), minlength=len(ShelfClass)).tolist()
        return {kind.name.lower(): counts[kind] / self.classes.size for kind in ShelfClass}

    @property
    def coverage(self) -> float | None:
        """Of the pixels of products and empty places, those of products; None where neither is seen."""
        product, empty = (int((self.classes == kind).sum()) for kind in (ShelfClass.PRODUCT, ShelfClass.EMPTY))
        return product / (product + empty) if product + empty else None

    def counted(self) -> "Truth":
        """The same with its products numbered 1..n."""
        table = np.zeros(max((seen.number for seen in self.products), default=0) + 1, np.uint16)
        for place, seen in enumerate(self.products, start=1):
            table[seen.number] = place
        products = tuple(replace(seen, number=int(table[seen.number])) for seen in self.products)
        return replace(self, numbers=table[self.numbers], products=products)


def truth(screen: Screen, shelf: Shelf) -> Truth:
    items = {item.number: item for bay in shelf.bays for item in bay.items}
    products = tuple(
        Seen(number, items[number].product.kind, items[number].row, pixels, box, screen.wholes[number])
        for number, pixels, box in boxes(screen.numbers)
    )
    gaps, tags = (_left(screen, kind) for kind in (ShelfClass.EMPTY, ShelfClass.TAG))
    return Truth(screen.classes, screen.numbers, products, gaps, tags)


def boxes(numbers: Numbers) -> list[tuple[int, int, Box]]:
    """Each number but 0 with its pixels and their box, by number."""
    rows, columns = np.nonzero(numbers)
    found = numbers[rows, columns]
    order = np.argsort(found, kind="stable")
    rows, columns, found = rows[order], columns[order], found[order]
    names, starts, counts = np.unique(found, return_index=True, return_counts=True)
    if not len(names):
        return []
    ends: list[npt.NDArray[np.int64]] = [
        part.reduceat(side, starts) for side in (columns, rows) for part in (np.minimum, np.maximum)
    ]
    left, right, top, low = (end.tolist() for end in ends)
    return [
        (int(name), int(count), Box(left[n], top[n], right[n] - left[n] + 1, low[n] - top[n] + 1))
        for n, (name, count) in enumerate(zip(names, counts, strict=True))
    ]


def _left(screen: Screen, kind: ShelfClass) -> tuple[Box, ...]:
    """What is still seen of each thing noted of this class."""
    found = []
    for noted, window in screen.notes:
        if noted is not kind:
            continue
        seen = (screen.classes[window.place] == kind) & (window.alpha > HALF)
        rows, columns = np.nonzero(seen.any(axis=1))[0], np.nonzero(seen.any(axis=0))[0]
        if len(rows):
            left, top = int(columns[0]), int(rows[0])
            size = int(columns[-1]) - left + 1, int(rows[-1]) - top + 1
            found.append(Box(window.left + left, window.top + top, *size))
    return tuple(found)
