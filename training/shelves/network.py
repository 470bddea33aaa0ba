"""Networks with a class for everything that a shelf shows, as trained, stored and served."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import SegformerForSemanticSegmentation

from training.matte.checkpoint import stated_size
from training.matte.head import fold_head
from training.matte.network import fresh_segformer, load_segformer, load_segmenter, normalise, save_segformer
from training.shelves.loss import shelf_loss
from training.shelves.pictures import CLASSES

CONFIDENCE_SHARE = 4
"""The confidence has a quarter of the mask's side."""


# Names of architectures and what each is served as.
ROLES: Mapping[str, str] = MappingProxyType(
    {
        "segformer": "shelf_segmenter",
        "unet-resnet34": "shelf_segmenter_unet_resnet34",
        "deeplabv3plus-resnet50": "shelf_segmenter_deeplabv3plus_resnet50",
        "rf-detr": "shelf_segmenter_rf_detr",
    }
)


class ShelfNetwork(nn.Module):
    """FP32 [B, 3, S, S], normalised, to logits [B, C, h, h] and the mean of the deepest features [B, width]."""

    architecture: str
    multiple: int = 32
    """The sides that it looks at are multiples of this."""
    one_by_one: bool = False
    """Whether its truth are things rather than classes, see things.numbered."""

    @abstractmethod
    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]: ...

    def losses(self, pixels: Tensor, truth: Tensor, weights: Tensor) -> dict[str, Tensor]:
        """`loss` and `logits` of pixels UINT8 [B, 3, S, S]; `truth` UINT8 [B, S / 2, S / 2] are classes."""
        logits, _ = self(normalise(pixels))
        return {"loss": shelf_loss(logits, truth, weights), "logits": logits}

    @abstractmethod
    def is_encoder(self, name: str) -> bool:
        """Whether a parameter of this name was there before the shelves."""

    @abstractmethod
    def save(self, folder: Path, size: int, bases: tuple[str, ...] = ()) -> None:
        """Write what an exporter needs, with the size that the network looks at, and what it was trained from."""


class SegformerLogits(ShelfNetwork):
    """Logits have a quarter of the side."""

    architecture = "segformer"

    def __init__(self, segformer: SegformerForSemanticSegmentation) -> None:
        super().__init__()
        self.segformer = fold_head(segformer)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        levels = self.segformer.segformer(pixels, output_hidden_states=True).hidden_states
        logits: Tensor = self.segformer.decode_head(levels)
        return logits, levels[-1].float().mean(dim=(2, 3))

    def is_encoder(self, name: str) -> bool:
        return name.startswith("segformer.segformer.")

    def save(self, folder: Path, size: int, bases: tuple[str, ...] = ()) -> None:
        save_segformer(self.segformer, folder, size, bases)


def start(
    checkpoint: str | None,
    revision: str | None = None,
    decoder_width: int | None = None,
    architecture: str = "segformer",
) -> ShelfNetwork:
    """A network to train, fresh or from a checkpoint. A SegFormer's head starts anew as far as it is another.

    Raises:
        MatteError: the checkpoint is not there, not readable, or not a SegFormer.
        ShelvesError: it is of another architecture, or the architecture's library is missing.
    """
    from training.shelves import rf_detr, smp

    if architecture == rf_detr.RfDetr.architecture:
        return rf_detr.start(checkpoint, revision, decoder_width)
    if architecture != "segformer":
        return smp.start(architecture, checkpoint, decoder_width)
    if checkpoint is None:
        return SegformerLogits(fresh_segformer(decoder_width or 128, CLASSES))
    return SegformerLogits(load_segformer(checkpoint, revision, CLASSES, decoder_width))


def load(folder: Path) -> tuple[ShelfNetwork, int | None]:
    """A stored network to evaluate, and the size that it looks at, None where it does not say.

    Raises:
        MatteError: not there, not readable, not whole, or with other classes.
        ShelvesError: the same of a network of segmentation_models_pytorch; an RF-DETR, whose things only the exporter
            puts together.
    """
    from training.shelves import rf_detr, smp

    rf_detr.refuse(folder)
    if smp.kind_of(folder) is not None:
        return smp.load(folder), stated_size(str(folder))
    return SegformerLogits(load_segmenter(str(folder), CLASSES)), stated_size(str(folder))


class Learner(nn.Module):
    """`pixels` UINT8 [B, 3, S, S] and what is true of them to the network's loss and logits."""

    weights: Tensor

    def __init__(self, network: ShelfNetwork, weights: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, pixels: Tensor, truth: Tensor) -> dict[str, Tensor]:
        return self.network.losses(pixels, truth, self.weights)


class ServedShelf(nn.Module):
    """A network under the contract: UINT8 RGB [B, S, S, 3] to mask, confidence and embedding.

    The mask is UINT8 [B, S, S], the confidence UINT8 [B, S / 4, S / 4], 255 = 1, the embedding FP32 [B, width].
    The network looks at `inner` pixels a side.
    """

    def __init__(self, network: nn.Module, inner: int) -> None:
        super().__init__()
        self._network = network
        self._inner = inner

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        height, width = pixels.shape[1:3]
        values = normalise(pixels.permute(0, 3, 1, 2))
        if self._inner != height or self._inner != width:
            values = functional.interpolate(values, size=(self._inner, self._inner), mode="bilinear", antialias=True)
        logits, embedding = self._network(values)
        mask = functional.interpolate(logits, size=(height, width), mode="bilinear", align_corners=False).argmax(dim=1)
        small = (height // CONFIDENCE_SHARE, width // CONFIDENCE_SHARE)
        sure = functional.interpolate(logits, size=small, mode="bilinear", align_corners=False).softmax(dim=1)
        confidence = (sure.amax(dim=1) * 255).round()
        return mask.to(torch.uint8), confidence.to(torch.uint8), embedding
