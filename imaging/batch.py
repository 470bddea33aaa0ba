"""Requests that hold several pictures: one array for pictures of different sizes, and errors that name theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from imaging.errors import ImageError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from imaging.arrays import Bytes
    from imaging.decode import Picture

Item = TypeVar("Item")
Result = TypeVar("Result")
OPAQUE = 255


def each(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return `work` of every item; an ImageError says which of several pictures it was."""
    return [_one(work, item, number, len(items)) for number, item in enumerate(items, start=1)]


def _one(work: Callable[[Item], Result], item: Item, number: int, count: int) -> Result:
    try:
        return work(item)
    except ImageError as error:
        if count == 1:
            raise
        raise ImageError(f"picture {number} of {count}: {error}") from error


def padded(planes: Sequence[Bytes], max_pixels: int) -> Bytes:
    """Return [n, h, w, ...] with every picture in the top left corner of zeros, h and w those of the largest.

    Raises ShapeError where several pictures come to more than `max_pixels`, zeros included: a wide one beside a tall
    one would take far more shared memory than either, and Triton never gives it back.
    """
    if len(planes) == 1:
        return planes[0][None]
    height, width = (max(plane.shape[axis] for plane in planes) for axis in (0, 1))
    if len(planes) * height * width > max_pixels:
        raise ShapeError(
            f"{len(planes)} pictures within {width} x {height} pixels are too many for one request, "
            f"at most {max_pixels} pixels in all are allowed: send these pictures in separate requests"
        )
    result = np.zeros((len(planes), height, width, *planes[0].shape[2:]), np.uint8)
    for whole, plane in zip(result, planes, strict=True):
        whole[: plane.shape[0], : plane.shape[1]] = plane
    return result


def coverage(pictures: Iterable[Picture], max_pixels: int) -> Bytes:
    """Return the pictures' own alpha [n, h, w], padded, or [n, 1, 1] of 255 where all of them are opaque.

    Raises ShapeError as `padded` does.
    """
    several = list(pictures)
    if all(picture.coverage is None for picture in several):
        return np.full((len(several), 1, 1), OPAQUE, np.uint8)
    return padded([_plane(picture) for picture in several], max_pixels)


def _plane(picture: Picture) -> Bytes:
    if picture.coverage is not None:
        return picture.coverage
    return np.full((picture.height, picture.width), OPAQUE, np.uint8)  # its pixels may be a reduction


def real_part(array: Bytes, size: NDArray[np.int32]) -> Bytes:
    """Return the part of a padded picture [H, W, ...] that `size` (height, width) names. Raises ShapeError."""
    height, width = int(size[0]), int(size[1])
    if not (0 < height <= array.shape[0] and 0 < width <= array.shape[1]):
        raise ShapeError(f"size {height} x {width} does not lie within the {array.shape[0]} x {array.shape[1]} array")
    return array[:height, :width]


def own_alpha(array: Bytes, size: NDArray[np.int32]) -> Bytes | None:
    """Return a picture's own alpha out of what `coverage` made, None for an opaque one."""
    return None if array.shape == (1, 1) and array[0, 0] == OPAQUE else real_part(array, size)
