"""What stands behind a network that tells classes apart, and what the proof computes instead of it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from export.contract import COARSE
from export.entrance import Resampling
from export.network import resized
from export.processor import Pictures, Planes


@dataclass(frozen=True)
class Masks:
    """What a network says of several pictures: `classes` UINT8 [n, S, S], `confidence` UINT8 [n, S/4, S/4], 255 for
    certainty, and `embedding` float [n, width].
    """

    classes: Pictures
    confidence: Pictures
    embedding: npt.NDArray[np.floating]


class MaskEnds(torch.nn.Module):
    """Logits [n, classes, h, h] -> `mask` UINT8 [n, size, size] and `confidence` UINT8 [n, size/4, size/4].

    Logits are brought to both sizes bilinearly, smoothed where they shrink. The confidence is the softmax of the best.
    """

    def __init__(self, side: int, size: int) -> None:
        super().__init__()
        self.fine, self.coarse = Resize(side, size), Resize(side, size // COARSE)

    def forward(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        classes = self.fine(logits).argmax(dim=1)
        coarse = self.coarse(logits)
        share = 1 / (coarse - coarse.amax(dim=1, keepdim=True)).exp().sum(dim=1)
        return classes.to(torch.uint8), (share * 255).round().to(torch.uint8)


class Resize(torch.nn.Module):
    """Planes [n, c, before, before] to [n, c, after, after], bilinear; smoothed where they shrink."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self._after = after
        self._grows = after > before
        self.resampling = Resampling(before, after) if after < before else torch.nn.Identity()

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        if self._grows:
            sides = (self._after, self._after)
            return torch.nn.functional.interpolate(planes, size=sides, mode="bilinear", align_corners=False)
        shrunk: torch.Tensor = self.resampling(planes)
        return shrunk


def reference(logits: Planes, embedding: Planes, size: int) -> Masks:
    """The same of a checkpoint's own answers, with Pillow and NumPy."""
    coarse = resized(logits, size // COARSE).astype(np.float64)
    powers = np.exp(coarse - coarse.max(axis=1, keepdims=True))
    return Masks(
        classes=resized(logits, size).argmax(axis=1).astype(np.uint8),
        confidence=np.rint(255 * powers.max(axis=1) / powers.sum(axis=1)).astype(np.uint8),
        embedding=embedding,
    )
