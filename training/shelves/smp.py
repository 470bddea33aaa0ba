"""UNet and DeepLabV3+ of segmentation_models_pytorch, an optional dependency."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from training.matte.network import save_surroundings
from training.shelves.errors import ShelvesError
from training.shelves.network import ShelfNetwork
from training.shelves.pictures import CLASSES

CURE = "pip install '.[training,smp]'"
# The library's name of a network and of its encoder.
KINDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"unet-resnet34": ("Unet", "resnet34"), "deeplabv3plus-resnet50": ("DeepLabV3Plus", "resnet50")}
)
_CLASS, _WEIGHTS, _CONFIG = "_model_class", "model.safetensors", "config.json"


class SmpLogits(ShelfNetwork):
    """Logits have the side of the pixels, a multiple of 32."""

    def __init__(self, architecture: str, network: Any) -> None:  # noqa: ANN401 - the library has no types
        super().__init__()
        self.architecture = architecture
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        levels = self.network.encoder(pixels)
        logits: Tensor = self.network.segmentation_head(self.network.decoder(levels))
        return logits, levels[-1].float().mean(dim=(2, 3))

    def is_encoder(self, name: str) -> bool:
        return name.startswith("network.encoder.")

    def save(self, folder: Path, size: int, bases: tuple[str, ...] = ()) -> None:
        self.network.save_pretrained(folder)
        save_surroundings(folder, size, bases)


def kind_of(folder: Path) -> str | None:
    """The architecture of a folder as the library's `save_pretrained` leaves it; None of any other."""
    try:
        facts = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(facts, dict) or _CLASS not in facts:
        return None
    found = (str(facts[_CLASS]), str(facts.get("encoder_name")))
    return next((name for name, kind in KINDS.items() if kind == found), " ".join(found))


def start(architecture: str, checkpoint: str | None, decoder_width: int | None = None) -> SmpLogits:
    """A network to train, with random weights or those of a folder.

    Raises:
        ShelvesError: the library is missing, or the folder has no such network with a shelf's classes.
    """
    if decoder_width is not None:
        raise ShelvesError("--decoder-width belongs to --network segformer")
    if checkpoint is None:
        return SmpLogits(architecture, _fresh(architecture))
    found = load(Path(checkpoint))
    if found.architecture != architecture:
        raise ShelvesError(f"{checkpoint}: a {found.architecture}; --network asks for {architecture}")
    return found


def load(folder: Path) -> SmpLogits:
    """Raises ShelvesError as `start`."""
    architecture = kind_of(folder)
    if architecture is None or architecture not in KINDS:
        raise ShelvesError(f"{folder}: {architecture or 'no network'}; {', '.join(KINDS)} are expected")
    network = _fresh(architecture)
    try:
        network.load_state_dict(load_file(folder / _WEIGHTS))
    except (OSError, RuntimeError, SafetensorError) as error:
        text = " ".join(str(error).split())[:300]
        raise ShelvesError(f"{folder}: no {architecture} with {len(CLASSES)} classes ({text})") from error
    return SmpLogits(architecture, network)


def _fresh(architecture: str) -> Any:  # noqa: ANN401
    try:
        import segmentation_models_pytorch as library
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision that was built for another torch
        raise ShelvesError(f"{architecture} needs segmentation_models_pytorch: {CURE} ({error})") from error
    name, encoder = KINDS[architecture]
    return getattr(library, name)(encoder_name=encoder, encoder_weights=None, in_channels=3, classes=len(CLASSES))
