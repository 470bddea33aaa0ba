"""The training data of a shelf segmenter."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.picture_stream import PictureStream
from training.shelves.augment import Framing, sample
from training.shelves.pictures import ShelfPicture, read
from training.shelves.things import numbered, products_of


class ShelfStream(PictureStream[ShelfPicture]):
    """Batches of `pixels` UINT8 [B, 3, S, S] and `truth` UINT8 [B, S / 2, S / 2], the classes."""

    def sampled(self, item: ShelfPicture, size: int, rng: np.random.Generator) -> dict[str, NDArray[np.uint8]]:
        pixels, classes = sample(*read(item), size, rng)
        return {"pixels": pixels.transpose(2, 0, 1), "truth": classes}


class ThingsStream(PictureStream[ShelfPicture]):
    """Batches of `pixels` UINT8 [B, 3, S, S] and `truth` INT32 [B, S / 2, S / 2], values as `things.numbered` has them.
    A mirrored edge would show things twice, so pictures end in black.
    """

    def sampled(self, item: ShelfPicture, size: int, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        pixels, classes = read(item)
        values = numbered(classes, products_of(item))
        pixels, truth = sample(pixels, values, size, rng, Framing(mirrored=False))
        return {"pixels": pixels.transpose(2, 0, 1), "truth": truth.astype(np.int32)}
