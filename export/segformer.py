"""SegFormer checkpoints of `transformers`: mattes, bare or with the detail head that training adds, and their own
reference; and masks of a shelf's classes.
"""

from copy import deepcopy
from typing import TYPE_CHECKING, cast

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
from export.shelf_labels import channels
from export.to_onnx import to_onnx

if TYPE_CHECKING:
    from transformers import SegformerForSemanticSegmentation

    from training.matte.planes import PlanarSegformer

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


class Labelled(torch.nn.Module):
    """`pixel_values` to logits in the contract's order of classes, and the last stage's features."""

    convolutional = products = False
    opset = OPSET

    def __init__(self, network: torch.nn.Module, order: tuple[int, ...]) -> None:
        super().__init__()
        self.network = network
        self.name = type(network).__name__
        self._order = None if order == tuple(sorted(order)) else list(order)

    def forward(self, planes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        answer = self.network(pixel_values=planes, output_hidden_states=True)
        logits = answer.logits if self._order is None else answer.logits[:, self._order]
        return logits, answer.hidden_states[-1]

    def served(self) -> "Planar":
        """A fifth less time on a CPU, in eight bits nearly half."""
        from training.matte.planes import PlanarSegformer

        return Planar(
            PlanarSegformer(cast("SegformerForSemanticSegmentation", deepcopy(self.network))), self.name, self._order
        ).eval()


class Planar(torch.nn.Module):
    """The same of a network that is computed in another order."""

    convolutional = products = True
    opset = 20  # the first with GELU as one operation: as five, quantisation would come in between

    def __init__(self, network: "PlanarSegformer", name: str, order: list[int] | None) -> None:
        super().__init__()
        self.network = network
        self.name = name
        self._order = order

    def forward(self, planes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits, features = self.network(planes)
        return logits if self._order is None else logits[:, self._order], features

    def served(self) -> "Planar":
        return self


def labelled(checkpoint: Checkpoint) -> Labelled:
    """Raises CheckpointError for damaged weights and other classes than a shelf's."""
    from transformers import SegformerForSemanticSegmentation

    names = _names(checkpoint)
    order = channels(checkpoint.source, names)
    return Labelled(weights.pretrained(checkpoint, SegformerForSemanticSegmentation), order).eval()


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
    names = _names(checkpoint)
    if len(names) == 1:
        return Head("sigmoid")
    if len(names) == 2:  # noqa: PLR2004 - subject and background
        return Head("softmax", _subject(checkpoint.source, names) if subject is None else subject)
    raise CheckpointError(f"{checkpoint.source}: {len(names)} classes; a matte needs 1 (sigmoid) or 2 (softmax)")


def _names(checkpoint: Checkpoint) -> list[str]:
    """The classes of a checkpoint in its own order."""
    from transformers import SegformerConfig

    try:
        config = SegformerConfig.from_dict(checkpoint.config)
    except weights.BROKEN as error:
        raise CheckpointError(f"{checkpoint.folder / CONFIG_FILE}: {' '.join(str(error).split())}") from error
    stated = {str(index): str(name) for index, name in (config.id2label or {}).items()}
    return [stated.get(str(index), "unnamed") for index in range(config.num_labels or 0)]


def _subject(source: str, names: list[str]) -> int:
    """Which of two classes is not the background, as their names say it."""
    plain = tuple(name.strip().lower() for name in names)
    subjects = [index for index, name in enumerate(plain) if name not in _BACKGROUND]
    if len(subjects) == 1:
        return subjects[0]
    if plain == _UNNAMED:
        return 1
    raise UsageError(f"{source}: which of its classes, {' or '.join(names)}, is the subject? Say --subject 0 or 1")
