"""Run-length encoding of masks as COCO has it: runs down the columns, nothing first, as numbers or as its text.

The text holds every run from the fourth on as the difference to the one two before, in groups of five bits, least first
(cocodataset/cocoapi, common/maskApi.c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import numpy as np

from imaging.errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imaging.arrays import Mask

FIRST_CHARACTER = 48
GROUP_BITS, CONTINUES, SIGN = 5, 0x20, 0x10
LARGEST_TEXT = 2**40  # runs beyond it belong to no picture


class RleError(ImageError):
    """A text or list that is no COCO RLE of a picture of its size."""


class Rle(TypedDict):
    """`size` height and width; `counts` the compressed text, or the runs themselves."""

    size: list[int]
    counts: str | list[int]


def encode(mask: Mask, *, compressed: bool = True) -> Rle:
    """Return the RLE of bool or UINT8 [h, w]; what is not 0 belongs to the mask."""
    flat = np.asarray(mask != 0).T.reshape(-1)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    bounds = np.concatenate([[0], changes, [flat.size]])
    runs = np.diff(bounds)
    if flat.size and flat[0]:
        runs = np.concatenate([[0], runs])
    return _rle(mask.shape, runs, compressed=compressed)


def encode_each(labels: NDArray[np.int32], count: int, *, compressed: bool = True) -> list[Rle]:
    """Return the RLE of labels 1..`count` of [h, w], in one pass over the picture."""
    flat = labels.T.reshape(-1)
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1]) if flat.size else np.zeros(0, np.int64)
    values = flat[starts]
    lengths = np.diff(np.concatenate([starts, [flat.size]]))
    order = np.argsort(values, kind="stable")
    cuts = np.searchsorted(values[order], np.arange(1, count + 2))
    spans = (order[cuts[label] : cuts[label + 1]] for label in range(count))
    return [_rle(labels.shape, _runs(starts[span], lengths[span], flat.size), compressed=compressed) for span in spans]


def _runs(starts: NDArray[np.int64], lengths: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return the gaps and spans one after the other, with the rest of the picture where there is any."""
    ends = starts + lengths
    gaps = starts - np.concatenate([[0], ends[:-1]]) if starts.size else starts
    runs = np.stack([gaps, lengths], axis=1).reshape(-1)
    rest = size - (int(ends[-1]) if ends.size else 0)
    return np.concatenate([runs, [rest]]) if rest else runs


def _rle(shape: tuple[int, ...], runs: NDArray[np.int64], *, compressed: bool) -> Rle:
    return {"size": [shape[0], shape[1]], "counts": compress(runs) if compressed else runs.tolist()}


def decode(rle: Rle) -> Mask:
    """Return bool [h, w]. Raises RleError."""
    height, width = rle["size"]
    counts = rle["counts"]
    runs = expand(counts) if isinstance(counts, str) else np.asarray(counts, np.int64).reshape(-1)
    if runs.size and int(runs.min()) < 0:
        raise RleError("an RLE's runs must not be negative")
    if int(runs.sum()) != height * width:
        raise RleError(f"an RLE of {height} x {width} has {height * width} pixels, its runs {int(runs.sum())}")
    values = np.arange(runs.size) % 2 == 1
    return np.ascontiguousarray(np.repeat(values, runs).reshape(width, height).T)


def compress(runs: NDArray[np.int64]) -> str:
    """Return COCO's text of runs."""
    left = runs.astype(np.int64)
    left[3:] -= runs[1:-2]
    groups: list[NDArray[np.uint8]] = []
    going = [np.ones(left.size, np.bool_)]
    while going[-1].any():
        low = left & 0x1F
        left = left >> GROUP_BITS
        more = np.where(low & SIGN, left != -1, left != 0)
        groups.append((low + more * CONTINUES + FIRST_CHARACTER).astype(np.uint8))
        going.append(going[-1] & more)
    if not groups:
        return ""
    return bytes(np.stack(groups, axis=1)[np.stack(going[:-1], axis=1)]).decode("ascii")


def expand(text: str) -> NDArray[np.int64]:
    """Return the runs of COCO's text. Raises RleError."""
    codes = np.frombuffer(text.encode("utf-8"), np.uint8).astype(np.int64) - FIRST_CHARACTER
    if codes.size and not (codes.min() >= 0 and codes.max() < 2 * CONTINUES):
        raise RleError("an RLE's text holds only the characters 0 to o")
    if codes.size and codes[-1] & CONTINUES:
        raise RleError("an RLE's text ends within a number")
    values: list[int] = []
    value = shift = 0
    for code in codes.tolist():
        value |= (code & 0x1F) << shift
        shift += GROUP_BITS
        if value > LARGEST_TEXT:
            raise RleError("an RLE's text holds a run that is too long")
        if not code & CONTINUES:
            value -= (1 << shift) if code & SIGN else 0
            values.append(value + (values[-2] if len(values) > 2 else 0))  # noqa: PLR2004 - two before
            value = shift = 0
    return np.array(values, np.int64)
