"""Checkpoints that bring their own network code (BiRefNet, BiRefNet-lite, RMBG-2.0)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from export import heads, pictures
from export.checkpoint import Checkpoint
from export.errors import CheckpointError, RemoteCodeError
from export.network import Head, Network, Reference, network_size
from export.options import Options
from export.processor import PROCESSOR_FILE, Planes
from export.processor import read as read_processor
from export.roles import MatteRole
from export.to_onnx import to_onnx
from export.weights import BROKEN, fill, first_line

OPSET = 20  # the first that the exporter gives deformable convolutions in
AUTO_CLASS = "AutoModelForImageSegmentation"


class LastOutput(torch.nn.Module):
    """These networks answer with a list from coarse to fine; the last is the matte's logits."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        answer = self.network(pixel_values)
        answer = getattr(answer, "logits", answer)
        while isinstance(answer, list | tuple):
            answer = answer[-1]
        if not isinstance(answer, torch.Tensor):
            raise TypeError(f"the network answers with a {type(answer).__name__}, not with a tensor")
        return answer


def load(checkpoint: Checkpoint, role: MatteRole, options: Options) -> Network:
    """Runs the checkpoint's code: the caller has asked whether it may. Raises CheckpointError when it is no matte."""
    preprocessing = read_processor(checkpoint.folder / PROCESSOR_FILE)
    size = network_size(role, preprocessing, options.network_size)
    network = _network(checkpoint)
    module = LastOutput(network).eval()

    def reference(planes: Planes) -> Planes:
        with torch.inference_mode():
            return np.asarray(module(torch.from_numpy(planes)).numpy(), dtype=np.float32)

    head = _head(checkpoint, reference, preprocessing.normalise(pictures.drawn(size, 1)), options)
    graph = to_onnx(module, size, OPSET)
    return Network(type(network).__name__, size, head, preprocessing, graph, reference, folder=checkpoint.folder)


def _network(checkpoint: Checkpoint) -> torch.nn.Module:
    """Built plainly and filled afterwards: `from_pretrained` builds on the meta device, which such code does not
    survive (it asks tensors for their values while it is being built).
    """
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    classes = checkpoint.config["auto_map"]
    _insist_on_own_code(checkpoint.source, classes)
    folder = str(checkpoint.folder)
    with _told(checkpoint.source):
        settings: Any = get_class_from_dynamic_module(classes["AutoConfig"], folder)
        build: Any = get_class_from_dynamic_module(classes[AUTO_CLASS], folder)
        network = build(config=settings.from_pretrained(folder))
    if not isinstance(network, torch.nn.Module):
        raise CheckpointError(f"{checkpoint.source}: its code gives no torch module")
    fill(network, checkpoint)
    return network.float()


@contextmanager
def _told(source: str) -> Iterator[None]:
    """Whatever the checkpoint's code raises becomes one line."""
    try:
        yield
    except ImportError as error:
        raise CheckpointError(f"{source}: its code needs a package: {first_line(error)}") from error
    except BROKEN as error:
        raise CheckpointError(f"{source}: its code does not run: {first_line(error)}") from error


def _insist_on_own_code(source: str, classes: dict[str, Any]) -> None:
    """Code in another repository would come from there, of whatever version it has today."""
    for name in (classes.get("AutoConfig"), classes.get(AUTO_CLASS)):
        if "--" in str(name):
            raise RemoteCodeError(
                f"{source} takes its code from another repository ({name}); export a copy that has it"
            )


def _head(checkpoint: Checkpoint, reference: Reference, planes: Planes, options: Options) -> Head:
    """From a first answer, which must be a matte."""
    with _told(checkpoint.source):
        answer = reference(planes)
    if answer.ndim != 4 or answer.shape[1] != 1 or answer.shape[2] != answer.shape[3]:  # noqa: PLR2004 - [n, 1, h, w]
        raise CheckpointError(f"the network's last output is {list(answer.shape)}; a matte is [n, 1, height, width]")
    return heads.plain(answer, options.activation)
