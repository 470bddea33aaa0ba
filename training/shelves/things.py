"""What stands on a shelf one by one: every product, and every connected part of the other classes."""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.matte.pairs import Values
from training.scenes.shelf.classes import ShelfClass
from training.shelves.errors import ShelvesError
from training.shelves.pictures import ShelfPicture, read_instances

KINDS = tuple(kind for kind in ShelfClass if kind is not ShelfClass.BACKGROUND)
SPECK = 16  # pixels: smaller parts are left out
ROOM = 8
"""A value is the thing's number times this, plus its class; 0 is nothing."""
_MOST = (2**16 - 1) // ROOM


def products_of(picture: ShelfPicture) -> Values:
    """Raises ShelvesError where products are not known one by one."""
    products = read_instances(picture)
    if products is None:
        raise ShelvesError(f"{picture.image}: its set has no instances/")
    return products


def numbered(classes: NDArray[np.uint8], products: Values) -> NDArray[np.uint16]:
    """The things of a picture [H, W], numbered from 1, class by class; values as ROOM says.

    Raises:
        ShelvesError: there are more things than values.
    """
    values, known = np.zeros(classes.shape, np.uint16), 0
    for kind in KINDS:
        parts: NDArray[np.int64] = products.astype(np.int64)
        if kind is not ShelfClass.PRODUCT:
            parts = np.asarray(cv2.connectedComponents((classes == kind).astype(np.uint8))[1], np.int64)
        counts = np.bincount(parts.ravel())
        large = np.flatnonzero(counts[1:] >= SPECK) + 1
        if known + len(large) > _MOST:
            raise ShelvesError(f"more than {_MOST} things in one picture")
        table = np.zeros(len(counts), np.uint16)
        table[large] = (known + 1 + np.arange(len(large))) * ROOM + kind
        values = np.maximum(values, table[parts])
        known += len(large)
    return values
