"""A picture in at most 256 colours, where that changes hardly a pixel.

The palette takes the picture's most frequent colour and all that no eye tells from it, then the most frequent one of
the rest, and so on. Colours are alike by how they look on black and on white, and so on everything between. A picture
keeps its many colours where the palette does not reach, or where too many pixels would change by what is allowed to a
few. Flat graphics, drawings and black on white qualify; photographs and smooth ramps do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Bytes, Floats

    Numbers = NDArray[np.int64]
    Words = NDArray[np.uint32]  # RGBA in one number

MOST = 256
OPAQUE = 255
LARGEST = 1  # level that a channel may change by, on any ground
MEAN = 0.5  # levels, of the visible pixels
LATTICE = 200  # rows and columns of the sample that is looked at first
MOST_DIFFERENT = 8192  # colours that are brought together; beyond, they do not fit 256, or hardly ever
MOST_RUNS = 2_000_000  # of equal pixels in a row; beyond, it is a photograph whose sorting takes a second


@dataclass(frozen=True, slots=True)
class Indexed:
    """`indices` UINT8 [h, w] into straight RGBA `colours` [n, 4], of which the translucent come first."""

    indices: Bytes
    colours: Bytes


def indexed(picture: Bytes) -> Indexed | None:
    """Return straight RGBA UINT8 [h, w, 4] by a palette; None where more than LARGEST or MEAN would change by it."""
    words = np.ascontiguousarray(picture).view(np.uint32)[..., 0]
    if not _promising(words):
        return None
    return _greys(picture) or _of_runs(words)


def _promising(words: Words) -> bool:
    """Whether a sample of the picture fits a palette, so that a photograph pays for the sample alone."""
    rows, columns = (max(1, side // LATTICE) for side in words.shape)
    found, counts = np.unique(words[::rows, ::columns], return_counts=True)
    return len(found) <= MOST or _together(_colours(found), counts) is not None


def _greys(picture: Bytes) -> Indexed | None:
    """The palette of all greys, for an opaque picture without colour: no pixel changes, and none is looked up."""
    red, green, blue, alpha = cv2.split(picture)
    if int(alpha.min()) < OPAQUE or not (np.array_equal(red, green) and np.array_equal(red, blue)):
        return None
    greys = np.repeat(np.arange(MOST, dtype=np.uint8)[:, None], 4, axis=1)
    greys[:, 3] = OPAQUE
    return Indexed(np.asarray(red, np.uint8), greys)


def _of_runs(words: Words) -> Indexed | None:
    flat = words.reshape(-1)
    changes = flat[1:] != flat[:-1]
    if np.count_nonzero(changes) >= MOST_RUNS:
        return None
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    lengths = np.diff(starts, append=flat.size)
    found, which = np.unique(flat[starts], return_inverse=True)
    reduced = _reduced(_colours(found), np.bincount(which, lengths).astype(np.int64))
    if reduced is None:
        return None
    colours, entries = reduced
    return Indexed(np.repeat(entries[which], lengths).reshape(words.shape), colours)


def _reduced(colours: Bytes, counts: Numbers) -> tuple[Bytes, Bytes] | None:
    """Return the palette, and the entry of every one of `colours` [n, 4], each seen `counts` times."""
    exact, which = np.unique(colours.view(np.uint32)[:, 0], return_inverse=True)
    chosen = _colours(exact)
    if len(exact) > MOST:
        together = _together(colours, counts)
        if together is None:
            return None
        first, which = np.unique(together, return_inverse=True)
        chosen = colours[first]
    order = np.lexsort((chosen[:, :3].sum(axis=1, dtype=np.int64), chosen[:, 3]))
    entries = np.empty(len(order), np.uint8)
    entries[order] = np.arange(len(order))
    return chosen[order], entries[which]


def _together(colours: Bytes, counts: Numbers) -> Numbers | None:
    """Return for each of `colours` [n, 4] the number of the one that stands for it; None where MOST are too few."""
    if len(colours) > MOST_DIFFERENT:
        return None
    seen = _seen(colours)
    found = np.empty(len(colours), np.int64)
    left = np.argsort(-counts, kind="stable")
    for _ in range(MOST):
        alike = (np.abs(seen[left] - seen[left[0]]) <= LARGEST).all(axis=1)
        found[left[alike]] = left[0]
        left = left[~alike]
        if not left.size:
            return found if _mean_change(seen, found, counts * (colours[:, 3] > 0)) <= MEAN else None
    return None


def _mean_change(seen: Floats, found: Numbers, counts: Numbers) -> float:
    change = np.abs(seen - seen[found]).mean(axis=1)
    return float(np.dot(change, counts) / max(1, counts.sum()))


def _seen(colours: Bytes) -> Floats:
    """Return [n, 6]: how straight RGBA [n, 4] looks on black, and on white."""
    levels = colours.astype(np.float32)
    on_black = levels[:, :3] * levels[:, 3:] * np.float32(1 / OPAQUE)
    return np.concatenate([on_black, on_black + (OPAQUE - levels[:, 3:])], axis=1, dtype=np.float32)


def _colours(words: Words) -> Bytes:
    """Return RGBA [n, 4], with one colour for all that is transparent."""
    colours = words.view(np.uint8).reshape(-1, 4).copy()
    colours[colours[:, 3] == 0] = 0
    return colours
