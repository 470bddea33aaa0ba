"""SegFormer checkpoints of `transformers`, as a bare network and as its own reference."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from export.checkpoint import CONFIG_FILE, Checkpoint
from export.errors import CheckpointError
from export.network import Head, Network, network_size
from export.processor import PROCESSOR_FILE, Planes
from export.processor import read as read_processor
from export.roles import Role
from export.to_onnx import to_onnx

OPSET = 18
_BACKGROUND = ("background", "bg", "0_background")


class Logits(torch.nn.Module):
    """`transformers` answers with a structure; a graph has tensors."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(pixel_values=pixel_values).logits
        return logits


def load(checkpoint: Checkpoint, role: Role, size: int | None) -> Network:
    """Raises CheckpointError for damaged weights and for heads that are no matte."""
    head = _head(checkpoint)
    preprocessing = read_processor(checkpoint.folder / PROCESSOR_FILE)
    module = Logits(_weights(checkpoint)).eval()
    side = network_size(role, preprocessing, size)

    def reference(planes: Planes) -> Planes:
        with torch.inference_mode():
            return np.asarray(module(torch.from_numpy(planes)).numpy(), dtype=np.float32)

    graph = to_onnx(module, side, OPSET)
    return Network("SegformerForSemanticSegmentation", side, head, preprocessing, graph, reference, checkpoint.folder)


def _head(checkpoint: Checkpoint) -> Head:
    from transformers import SegformerConfig

    try:
        config = SegformerConfig.from_dict(checkpoint.config)
    except (TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{checkpoint.folder / CONFIG_FILE}: {error}") from error
    classes = config.num_labels or 0
    if classes == 1:
        return Head("sigmoid")
    if classes == 2:  # noqa: PLR2004 - subject and background
        names = {int(index): str(name).lower() for index, name in (config.id2label or {}).items()}
        return Head("softmax", 0 if names.get(1) in _BACKGROUND else 1)
    raise CheckpointError(f"{checkpoint.source}: {classes} classes; a matte needs 1 (sigmoid) or 2 (softmax)")


def _weights(checkpoint: Checkpoint) -> torch.nn.Module:
    from safetensors import SafetensorError

    try:
        network, missing = _read(checkpoint.folder)
    except (SafetensorError, pickle.UnpicklingError, OSError, ValueError, RuntimeError, KeyError, EOFError) as error:
        raise CheckpointError(f"{checkpoint.source}: cannot read the weights: {first_line(error)}") from error
    if missing:
        few = ", ".join(missing[:3])
        raise CheckpointError(f"{checkpoint.source}: {len(missing)} weights are missing or misshapen, as {few}")
    return network


def _read(folder: Path) -> tuple[torch.nn.Module, list[str]]:
    """The network and the names of weights that the checkpoint does not have."""
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    bare = sorted([*folder.glob("*.pt"), *folder.glob("*.pth")])
    if bare and not any([*folder.glob("*.safetensors"), *folder.glob("*.bin")]):
        bare_network = SegformerForSemanticSegmentation(SegformerConfig.from_pretrained(folder))
        found = bare_network.load_state_dict(torch.load(bare[0], map_location="cpu", weights_only=True), strict=False)
        return bare_network, [*found.missing_keys, *found.unexpected_keys]
    loader: Any = SegformerForSemanticSegmentation
    network, report = loader.from_pretrained(
        folder, output_loading_info=True, local_files_only=True, dtype=torch.float32
    )
    return network, sorted({*report["missing_keys"], *map(_name, report["mismatched_keys"])})


def _name(mismatch: Any) -> str:  # noqa: ANN401 - a name, or a tuple of name and shapes
    return str(mismatch if isinstance(mismatch, str) else mismatch[0])


def first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
