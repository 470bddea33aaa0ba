"""SegFormer checkpoints of `transformers`, bare or with the detail head that training adds, and their own reference."""

import numpy as np
import torch

from export import weights
from export.checkpoint import CONFIG_FILE, Checkpoint
from export.errors import CheckpointError, UsageError
from export.network import Head, Network, network_size
from export.options import Options
from export.processor import PROCESSOR_FILE, Planes
from export.processor import read as read_processor
from export.roles import MatteRole
from export.to_onnx import to_onnx

OPSET = 18
_BACKGROUND = frozenset(
    ("background", "bg", "0_background", "__background__", "_background_", "other", "unlabeled", "unlabelled", "none")
)
_UNNAMED = ("label_0", "label_1")  # what transformers calls classes without names


class Logits(torch.nn.Module):
    """`transformers` answers with a structure; a graph has tensors."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(pixel_values=pixel_values).logits
        return logits


def load(checkpoint: Checkpoint, role: MatteRole, options: Options) -> Network:
    """Raises CheckpointError for damaged weights and for heads that are no matte."""
    from transformers import SegformerForSemanticSegmentation

    head = _head(checkpoint, options.subject)
    preprocessing = read_processor(checkpoint.folder / PROCESSOR_FILE)
    side = network_size(role, preprocessing, options.network_size)
    network = weights.pretrained(checkpoint, SegformerForSemanticSegmentation)
    detailed = _detailed(network, checkpoint, role.size, side)
    if detailed is not None and head.kind != "sigmoid":
        raise CheckpointError(f"{checkpoint.source}: a detail head draws one class, the network has two")
    module = (Logits(network) if detailed is None else detailed).eval()
    remarks = () if detailed is None else (f"the network looks at {side} x {side}, its detail head at {role.size}",)
    side = side if detailed is None else role.size

    def reference(planes: Planes) -> Planes:
        with torch.inference_mode():
            return np.asarray(module(torch.from_numpy(planes)).numpy(), dtype=np.float32)

    graph = to_onnx(module, side, OPSET)
    name = "SegformerForSemanticSegmentation"
    return Network(name, side, head, preprocessing, graph, reference, checkpoint.folder, remarks=remarks)


def _detailed(network: torch.nn.Module, checkpoint: Checkpoint, size: int, inner: int) -> torch.nn.Module | None:
    """The network with its detail head, None where the checkpoint has none. Raises CheckpointError."""
    from training.matte.detail import DetailedMatte, load_head, refuse_size
    from training.matte.errors import MatteError

    try:
        head = load_head(checkpoint.folder)
        if head is None:
            return None
        refuse_size(size, inner, checkpoint.source)
    except MatteError as error:
        raise CheckpointError(str(error)) from error
    return DetailedMatte(network, head, inner)


def _head(checkpoint: Checkpoint, subject: int | None) -> Head:
    from transformers import SegformerConfig

    try:
        config = SegformerConfig.from_dict(checkpoint.config)
    except weights.BROKEN as error:
        raise CheckpointError(f"{checkpoint.folder / CONFIG_FILE}: {' '.join(str(error).split())}") from error
    classes = config.num_labels or 0
    if classes == 1:
        return Head("sigmoid")
    if classes == 2:  # noqa: PLR2004 - subject and background
        stated = {str(index): str(name) for index, name in (config.id2label or {}).items()}
        names = [stated.get(str(index), "unnamed") for index in range(classes)]
        return Head("softmax", _subject(checkpoint.source, names) if subject is None else subject)
    raise CheckpointError(f"{checkpoint.source}: {classes} classes; a matte needs 1 (sigmoid) or 2 (softmax)")


def _subject(source: str, names: list[str]) -> int:
    """Which of two classes is not the background, as their names say it."""
    plain = tuple(name.strip().lower() for name in names)
    subjects = [index for index, name in enumerate(plain) if name not in _BACKGROUND]
    if len(subjects) == 1:
        return subjects[0]
    if plain == _UNNAMED:
        return 1
    raise UsageError(f"{source}: which of its classes, {' or '.join(names)}, is the subject? Say --subject 0 or 1")
