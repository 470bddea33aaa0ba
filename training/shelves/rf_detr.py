"""RF-DETR with masks (Robinson et al., arXiv:2511.09554) of transformers, with its own loss."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import Tensor

from training.matte.network import normalise, save_surroundings
from training.shelves.errors import ShelvesError
from training.shelves.network import ShelfNetwork
from training.shelves.pictures import CLASSES
from training.shelves.things import KINDS, ROOM

NAMES = tuple(CLASSES[kind] for kind in KINDS)
LEAST_SCORE = 0.25
_NOTHING = -1e4  # a logit
_BROKEN = (OSError, ValueError, RuntimeError, TypeError, LookupError, AttributeError)
# The shape of the authors' medium network, which looks at 432.
_FRESH: Mapping[str, Any] = MappingProxyType(
    {
        "backbone_config": {
            "model_type": "rf_detr_dinov2",
            "image_size": 432,
            "patch_size": 12,
            "num_windows": 2,
            "hidden_size": 384,
            "num_attention_heads": 6,
            "out_features": ["stage3", "stage6", "stage9", "stage12"],
        },
        "decoder_layers": 5,
    }
)


class RfDetr(ShelfNetwork):
    """Logits have a quarter of the side: of each class the largest of its things' masks, 0 of the background."""

    architecture = "rf-detr"
    one_by_one = True

    def __init__(self, network: Any) -> None:  # noqa: ANN401 - the library's classes say little of their parts
        super().__init__()
        self.network = network
        backbone = network.config.backbone_config
        self.multiple = int(backbone.patch_size) * int(backbone.num_windows)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.network.model.model(pixels)
        points = seen.intermediate_reference_points[-1]
        answers, _ = self.network.model.predict_class_and_boxes(seen.last_hidden_state, points)
        features, hidden = seen.backbone_features, seen.intermediate_hidden_states
        masks = self.network.segmentation_head(features, hidden, pixels.shape[-2:])[-1]
        scores, labels = answers.sigmoid().max(dim=-1)
        logits = [torch.zeros_like(masks[:, 0])]
        for index in range(len(NAMES)):
            found = (scores > LEAST_SCORE) & (labels == index)
            logits.append(torch.where(found[..., None, None], masks, _NOTHING).amax(dim=1))
        return torch.stack(logits, dim=1), features.float().flatten(2).mean(dim=2)

    def losses(self, pixels: Tensor, truth: Tensor, weights: Tensor) -> dict[str, Tensor]:  # noqa: ARG002
        """`truth` [B, h, w] are values as `things.numbered` makes them. In single precision, as the matching wants."""
        with torch.autocast(pixels.device.type, enabled=False):
            answer = self.network(pixel_values=normalise(pixels), labels=[targets(one) for one in truth])
        # Of a batch without anything the library's mask losses are empty; their sum is 0.
        return {"loss": answer.loss.sum(), "logits": answer.logits}

    def is_encoder(self, name: str) -> bool:
        return ".backbone." in name

    def save(self, folder: Path, size: int, bases: tuple[str, ...] = ()) -> None:
        self.network.save_pretrained(folder)
        save_surroundings(folder, size, bases)


def refuse(folder: Path) -> None:
    """Raises ShelvesError for a folder with an RF-DETR."""
    try:
        facts = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if isinstance(facts, dict) and facts.get("model_type") == "rf_detr":
        raise ShelvesError(f"{folder}: an RF-DETR; export it as shelf_segmenter_rf_detr and evaluate the ONNX file")


def targets(values: Tensor) -> dict[str, Tensor]:
    """What the library's loss wants of a picture's things [h, w]: `class_labels` [n], `masks` BOOL [n, h, w] and
    `boxes` FP32 [n, 4], middle and extent as shares of what is seen.
    """
    values = values.long()
    numbers = torch.unique(values[values > 0])
    masks = values == numbers[:, None, None]
    left, right = _ends(masks.any(dim=1))
    top, bottom = _ends(masks.any(dim=2))
    boxes = torch.stack([left + right, top + bottom, 2 * (right - left), 2 * (bottom - top)], dim=1) / 2
    return {"class_labels": numbers % ROOM - 1, "masks": masks, "boxes": boxes}


def _ends(held: Tensor) -> tuple[Tensor, Tensor]:
    """Of BOOL [n, w], each row with something in it, where that begins and ends, as shares."""
    width, places = held.shape[1], held.byte()
    return places.argmax(dim=1) / width, 1 - places.flip(1).argmax(dim=1) / width


def start(checkpoint: str | None, revision: str | None = None, decoder_width: int | None = None) -> RfDetr:
    """A network to train, with random weights or those of a folder or hub id. Heads for other classes start anew, and
    so do the masks of a network that had none.

    Raises:
        ShelvesError: not there, not readable, or no RF-DETR.
    """
    from transformers import RfDetrConfig, RfDetrForInstanceSegmentation

    if decoder_width is not None:
        raise ShelvesError("--decoder-width belongs to --network segformer")
    shape: Any = RfDetrConfig  # neither call says all that it takes
    loader: Any = RfDetrForInstanceSegmentation
    labels = {"id2label": dict(enumerate(NAMES)), "label2id": {name: index for index, name in enumerate(NAMES)}}
    if checkpoint is None:
        return RfDetr(loader(shape(**_FRESH, **labels)))
    place = {"revision": revision or "main"}
    try:
        config = shape.from_pretrained(checkpoint, **place, **labels)
        if config.model_type != "rf_detr":
            raise ShelvesError(f"{checkpoint}: a {config.model_type} checkpoint, an RF-DETR is needed")
        network = loader.from_pretrained(
            checkpoint, **place, config=config, ignore_mismatched_sizes=True, use_safetensors=True
        )
    except (*_BROKEN, SafetensorError, StrictDataclassError) as error:
        raise ShelvesError(f"{checkpoint}: cannot be loaded as an RF-DETR ({error})") from error
    return RfDetr(network)
