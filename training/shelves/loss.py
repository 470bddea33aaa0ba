"""What a shelf segmenter is punished for: wrong pixels, rare classes' more, and the region of every class."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.matte.head import enlarged
from training.shelves.pictures import CLASSES, UNKNOWN, ShelfPicture, read

_LEAST, _MOST = 0.5, 3.0
_LOOKED_AT = 128


def class_weights(pictures: Sequence[ShelfPicture], rarity: float) -> Tensor:
    """FP32 [classes], mean 1: how much rarer a class is than the median one to the power of `rarity`, 0 for none.

    Weights make a network say rare classes too often: that lowers mIoU.
    """
    chosen = np.linspace(0, len(pictures) - 1, min(_LOOKED_AT, len(pictures))).round().astype(int)
    counts = np.zeros(len(CLASSES))
    for index in chosen:
        counts += np.bincount(read(pictures[index])[1].ravel(), minlength=UNKNOWN + 1)[: len(CLASSES)]
    shares = np.maximum(counts / max(1.0, counts.sum()), 1e-6)
    weights = np.clip((np.median(shares) / shares) ** rarity, _LEAST, _MOST)
    return torch.from_numpy(weights / weights.mean()).float()


def shelf_loss(logits: Tensor, classes: Tensor, weights: Tensor | None = None) -> Tensor:
    """Weighted cross-entropy plus soft Jaccard of each class that the batch has; scalar FP32.

    `logits` [B, C, h, w] are brought to the size of `classes` UINT8 [B, H, W]; pixels of UNKNOWN do not count.
    """
    logits = enlarged(logits.float(), *classes.shape[-2:])
    truth = classes.long()
    entropy = functional.cross_entropy(logits, truth, weights, ignore_index=UNKNOWN)
    known = (truth != UNKNOWN)[:, None]
    places = functional.one_hot(truth.clamp(max=logits.shape[1] - 1), logits.shape[1]).movedim(-1, 1) * known
    found = logits.softmax(dim=1) * known
    common, real, held = ((part).sum(dim=(0, 2, 3)) for part in (found * places, places, found))
    jaccard = 1 - (common + 1) / (real + held - common + 1)
    seen = (real > 0).float()
    region = (jaccard * seen).sum() / seen.sum().clamp(min=1)
    return torch.nan_to_num(entropy) + region
