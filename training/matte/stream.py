"""The training data of a matte."""

import numpy as np
from numpy.typing import NDArray

from training.matte.augment import sample
from training.matte.pairs import Pair, read_pair
from training.picture_stream import PictureStream


class BatchStream(PictureStream[Pair]):
    """Batches of pixels UINT8 [B, 3, S, S] and alpha UINT8 [B, 1, S, S]."""

    def sampled(self, item: Pair, size: int, rng: np.random.Generator) -> dict[str, NDArray[np.uint8]]:
        picture, alpha = sample(*read_pair(item), size, rng)
        return {"pixels": picture.transpose(2, 0, 1), "alpha": alpha[None]}
