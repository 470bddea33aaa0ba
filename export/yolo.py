"""YOLOv8 with masks (Jocher, Chaurasia and Qiu, "Ultralytics YOLO", 2023), from Ultralytics' own files. AGPL-3.0."""

import importlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from export import suppression, weights
from export.checkpoint import Checkpoint
from export.errors import CheckpointError, ExportError
from export.instance_proof import Instances, painted
from export.instances import Drafts
from export.network import resized
from export.roles import ShelfRole
from export.shelf_labels import classes
from export.suppression import Limits

CURE = "pip install '.[export,yolo]' (AGPL-3.0)"
LEAST_SCORE, LARGEST_IOU = 0.25, 0.7  # Ultralytics' own for predictions
_WIDTHS: Mapping[int, str] = MappingProxyType({16: "yolov8n-seg", 32: "yolov8s-seg"})  # of the first convolution
_TRUSTED = ("ultralytics.nn.", "torch.nn.modules.")
_PLAIN = ("ultralytics.utils.IterableSimpleNamespace",)


class Yolo(torch.nn.Module):
    """A checkpoint's network, its answers before and after suppression."""

    convolutional = True
    cropped = True

    numbers: torch.Tensor

    def __init__(self, network: torch.nn.Module, name: str, numbers: tuple[int, ...]) -> None:
        super().__init__()
        self.network, self.name = network, name
        layers: Any = network.model
        self.head: Any = layers[-1]
        self._strides = [float(one) for one in self.head.stride]
        self.register_buffer("numbers", torch.tensor(numbers), persistent=False)

    def drafts(self, planes: torch.Tensor, count: int) -> Drafts:
        from ultralytics.utils.tal import make_anchors

        levels, features = self._levels(planes)
        protos, raw = self.head.proto(levels[0]), self.head.forward_head(levels, **self.head.one2many)
        # The head keeps its anchors from one call to the next, which a graph must not.
        anchors, strides = (one.transpose(0, 1) for one in make_anchors(levels, self._strides, 0.5))
        middle, extent = (self.head.decode_bboxes(self.head.dfl(raw["boxes"]), anchors[None]) * strides).chunk(2, dim=1)
        boxes = (torch.cat([middle - extent / 2, middle + extent / 2], dim=1) / planes.shape[-1]).transpose(1, 2)
        probable, weighing = raw["scores"].sigmoid().transpose(1, 2), raw["mask_coefficient"].transpose(1, 2)
        scores, labels = probable.max(dim=2)
        kept = suppression.kept(boxes, scores, labels, Limits(len(self.numbers), count, LARGEST_IOU, LEAST_SCORE))
        scores, order = kept.topk(min(count, kept.shape[1]), dim=1)
        found, rows = scores > 0, order[..., None]
        chosen = weighing.gather(1, rows.expand(-1, -1, weighing.shape[2]))
        return Drafts(
            boxes=boxes.gather(1, rows.expand(-1, -1, 4)).clamp(0, 1) * found[..., None],
            scores=scores,
            classes=self.numbers[labels.gather(1, order)] * found,
            logits=(protos.flatten(2).mT @ chosen.mT).unflatten(1, (protos.shape[2], protos.shape[3])),
            features=features,
        )

    def instances(self, planes: torch.Tensor, count: int, size: int) -> Instances:
        from ultralytics.utils.nms import non_max_suppression
        from ultralytics.utils.ops import process_mask

        answer, protos, features = self._answer(planes)
        (rows,) = non_max_suppression(answer, LEAST_SCORE, LARGEST_IOU, max_det=count, nc=len(self.numbers))
        scale = size / planes.shape[-1]
        shapes = process_mask(protos[0], rows[:, 6:], rows[:, :4] * scale, (size, size), upsample=True)
        logits = (rows[:, 6:] @ protos[0].flatten(1)).unflatten(1, protos.shape[2:])
        values = resized(logits[None].numpy(), size)[0] if len(rows) else np.zeros((0, size, size))
        numbers = painted(np.where(shapes.numpy() > 0, values, -np.inf), size)
        known = self.numbers.numpy()[rows[:, 5].numpy().astype(np.int64)]
        return Instances(
            numbers=numbers,
            mask=np.concatenate([[0], known]).astype(np.uint8)[numbers],
            boxes=np.clip(rows[:, :4].numpy().astype(np.float64) / planes.shape[-1], 0, 1),
            scores=rows[:, 4].numpy().astype(np.float64),
            classes=known,
            embedding=features[0].flatten(1).mean(dim=1).numpy().astype(np.float64),
        )

    def _answer(self, planes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Rows [n, 4 + classes + 32, anchors], prototypes [n, 32, h, h], and what the backbone ends in, all by the
        library's own head.
        """
        levels, features = self._levels(planes)
        rows, protos = self.head(levels)
        return rows, protos, features

    def _levels(self, planes: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """What the head reads, and what the backbone ends in."""
        layers: Any = self.network.model
        kept: list[Any] = []
        value: Any = planes
        features = planes
        for layer in layers[:-1]:
            if layer.f != -1:
                several = not isinstance(layer.f, int)
                value = [value if one == -1 else kept[one] for one in layer.f] if several else kept[layer.f]
            value = layer(value)
            kept.append(value)
            if type(layer).__name__ == "SPPF":
                features = value
        return [kept[one] for one in self.head.f], features


def finder(checkpoint: Checkpoint, role: ShelfRole) -> Yolo:
    """Raises CheckpointError for other networks than the role's, for other classes than a shelf's and for files that
    hold more than a network; ExportError where the library is missing.
    """
    network = _network(checkpoint)
    head, names = network.model[-1], network.names
    kind = type(head).__name__
    name = _WIDTHS.get(int(network.model[0].conv.out_channels), "of another width")
    if kind != "Segment" or getattr(head, "one2one_cv2", None) is not None or name != role.network:
        raise CheckpointError(f"{checkpoint.source}: {role.name} takes {role.network}; this is {name}, {kind}")
    listed = [str(one) for one in ([names[key] for key in sorted(names)] if isinstance(names, dict) else names)]
    numbers = classes(checkpoint.source, listed)
    head.export, head.shape = True, None
    return Yolo(network, name, numbers).eval()


def _network(checkpoint: Checkpoint) -> Any:  # noqa: ANN401 - the library has no types
    """The network in a file of Ultralytics', in float32. The file is a pickle of the library's own objects: of those
    nothing but layers is let in.
    """
    assert checkpoint.weights is not None  # noqa: S101 - this family is a file of weights
    try:
        import ultralytics
    except (ImportError, RuntimeError) as error:
        reason = weights.first_line(error)
        raise ExportError(f"{checkpoint.source} needs ultralytics ({reason}): {CURE}") from error
    del ultralytics
    try:
        with torch.serialization.safe_globals(_layers(checkpoint.weights, checkpoint.source)):
            content: Any = torch.load(checkpoint.weights, map_location="cpu", weights_only=True)
    except (*weights.BROKEN, pickle.UnpicklingError) as error:
        raise CheckpointError(f"{checkpoint.source}: cannot read it: {weights.first_line(error)}") from error
    network = (content.get("ema") or content.get("model")) if isinstance(content, dict) else None
    if not isinstance(network, torch.nn.Module) or not hasattr(network, "model"):
        raise CheckpointError(f"{checkpoint.source}: no network in it; Ultralytics keeps one under ema or model")
    return network.float().eval()


def _layers(file: Path, source: str) -> list[Any]:
    """The classes that a file names, all of them layers. Raises CheckpointError for others."""
    found = []
    for name in torch.serialization.get_unsafe_globals_in_checkpoint(file):
        module, _, attribute = name.rpartition(".")
        kind = getattr(importlib.import_module(module), attribute, None) if _may(name) else None
        if not (isinstance(kind, type) and (issubclass(kind, torch.nn.Module) or name in _PLAIN)):
            raise CheckpointError(f"{source}: holds {name}, which is no layer; files with other code are not read")
        found.append(kind)
    return found


def _may(name: str) -> bool:
    return name.startswith(_TRUSTED) or name in _PLAIN
