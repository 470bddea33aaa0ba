"""SegFormer checkpoints of `transformers`, as a bare network and as its own reference."""

import pickle
from typing import Any

import numpy as np
import torch

from export import weights
from export.checkpoint import CONFIG_FILE, Checkpoint
from export.errors import CheckpointError
from export.network import Head, Network, network_size
from export.options import Options
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


def load(checkpoint: Checkpoint, role: Role, options: Options) -> Network:
    """Raises CheckpointError for damaged weights and for heads that are no matte."""
    head = _head(checkpoint)
    preprocessing = read_processor(checkpoint.folder / PROCESSOR_FILE)
    module = Logits(_weights(checkpoint)).eval()
    side = network_size(role, preprocessing, options.network_size)

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
    """Through `transformers`, which knows older names of weights."""
    from safetensors import SafetensorError
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    loader: Any = SegformerForSemanticSegmentation
    told: dict[str, Any] = {"output_loading_info": True, "dtype": torch.float32}
    try:
        if weights.files(checkpoint.folder)[0].suffix in (".pt", ".pth"):
            config, state = SegformerConfig.from_dict(checkpoint.config), weights.state(checkpoint)
            network, report = loader.from_pretrained(None, config=config, state_dict=state, **told)
        else:
            network, report = loader.from_pretrained(checkpoint.folder, local_files_only=True, **told)
    except (SafetensorError, pickle.UnpicklingError, OSError, ValueError, RuntimeError, KeyError, EOFError) as error:
        reason = weights.first_line(error)
        raise CheckpointError(f"{checkpoint.source}: cannot read the weights: {reason}") from error
    misshapen = [name if isinstance(name, str) else name[0] for name in report["mismatched_keys"]]
    weights.refuse_missing(checkpoint.source, sorted({*report["missing_keys"], *misshapen}))
    loaded: torch.nn.Module = network
    return loaded
