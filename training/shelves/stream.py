"""The training data of a shelf segmenter."""

import numpy as np
from numpy.typing import NDArray

from training.picture_stream import PictureStream
from training.shelves.augment import sample
from training.shelves.pictures import ShelfPicture, read


class ShelfStream(PictureStream[ShelfPicture]):
    """Batches of pixels UINT8 [B, 3, S, S] and classes UINT8 [B, S / 2, S / 2]."""

    def sampled(self, item: ShelfPicture, size: int, rng: np.random.Generator) -> dict[str, NDArray[np.uint8]]:
        pixels, classes = sample(*read(item), size, rng)
        return {"pixels": pixels.transpose(2, 0, 1), "classes": classes}
