"""Networks of segmentation_models_pytorch: folders as its `save_pretrained` leaves them, and bare weights of the two
that have roles of their own.
"""

from collections.abc import Mapping
from typing import Any

import torch

from export import weights
from export.checkpoint import CONFIG_FILE, Checkpoint
from export.errors import CheckpointError, ExportError
from export.roles import ShelfRole
from export.shelf_labels import CLASSES, channels

CURE = "pip install '.[export,smp]'"
_CLASS, _ENCODER = "_model_class", "encoder_name"
_NAMES = "class_names"  # ours: the library has no place for names


class Labelled(torch.nn.Module):
    """`pixel_values` to logits in the contract's order of classes, and the encoder's deepest features."""

    convolutional = True
    products = False
    opset = 18

    def __init__(self, network: Any, name: str, order: tuple[int, ...]) -> None:  # noqa: ANN401 - without types
        super().__init__()
        self.network = network
        self.name = name
        self._order = None if order == tuple(sorted(order)) else list(order)

    def forward(self, planes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.network.encoder(planes)
        logits = self.network.segmentation_head(self.network.decoder(features))
        return (logits if self._order is None else logits[:, self._order]), features[-1]

    def served(self) -> "Labelled":
        return self


def labelled(checkpoint: Checkpoint, role: ShelfRole) -> Labelled:
    """Raises CheckpointError for other networks than the role's and for other classes than a shelf's, ExportError
    where the library is missing.
    """
    settings = dict(checkpoint.config) if checkpoint.weights is None else _settings(role)
    kind, encoder = str(settings.pop(_CLASS, "")), str(settings.get(_ENCODER))
    name = f"{kind} {encoder}"
    if role.network not in (None, name):
        raise CheckpointError(f"{checkpoint.source}: {role.name} takes {role.network}; this is {name}")
    order = _order(checkpoint, settings)
    network = _built(checkpoint, kind, settings)
    if checkpoint.weights is None:
        weights.fill(network, checkpoint)
    else:
        weights.put(network, weights.read(checkpoint.weights, checkpoint.source), checkpoint.source)
    return Labelled(network, name, order).eval()


def _settings(role: ShelfRole) -> dict[str, Any]:
    """What bare weights are of: the library's own sizes."""
    assert role.network is not None  # noqa: S101 - other roles take no bare weights
    kind, encoder = role.network.split()
    return {_CLASS: kind, _ENCODER: encoder, "in_channels": 3, "classes": len(CLASSES)}


def _order(checkpoint: Checkpoint, settings: dict[str, Any]) -> tuple[int, ...]:
    """Raises CheckpointError for settings that make another answer than logits of a shelf's classes."""
    names = settings.pop(_NAMES, None)
    if settings.get("in_channels", 3) != 3 or settings.get("activation") is not None:  # noqa: PLR2004 - RGB
        where = checkpoint.folder / CONFIG_FILE
        raise CheckpointError(f"{where}: needed are 3 in_channels and no activation: graphs work with logits")
    count = settings.get("classes", 1)
    if names is None and count == len(CLASSES):
        return tuple(range(len(CLASSES)))
    named = [str(one) for one in names] if isinstance(names, list) else [f"unnamed_{n}" for n in range(int(count))]
    return channels(checkpoint.source, named)


def _built(checkpoint: Checkpoint, kind: str, settings: Mapping[str, Any]) -> torch.nn.Module:
    try:
        import segmentation_models_pytorch as library
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision that was built for another torch
        reason = weights.first_line(error)
        raise ExportError(f"{checkpoint.source} needs segmentation_models_pytorch ({reason}): {CURE}") from error
    make = getattr(library, kind, None)
    if not isinstance(make, type) or not issubclass(make, library.base.SegmentationModel):
        raise CheckpointError(f"{checkpoint.source}: segmentation_models_pytorch has no network {kind!r}")
    try:
        network: torch.nn.Module = make(**{**settings, "encoder_weights": None, "aux_params": None})
    except (*weights.BROKEN, KeyError) as error:
        raise CheckpointError(f"{checkpoint.source}: cannot build {kind}: {weights.first_line(error)}") from error
    return network
