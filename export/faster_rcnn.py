"""torchvision's Faster R-CNN (ResNet-50, FPN) as a person detector, from a file of weights.

Ren, He, Girshick and Sun, "Faster R-CNN" (NeurIPS 2015), in the form of torchvision's fasterrcnn_resnet50_fpn with the
weights COCO_V1. Its suppression of overlapping boxes has sizes that depend on the picture, which torch's newer exporter
cannot trace, so the graph comes from the older one and takes one picture at a time.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import torch

from export import matching, pictures, weights
from export.checkpoint import Checkpoint
from export.contract import BATCH, BOXES, PIXELS, SCORES, Contract
from export.detectors import plain_detections, refuse_options
from export.errors import CheckpointError, ExportError, UsageError
from export.kinds import Precision
from export.matching import MOST, Detections
from export.options import Options
from export.pictures import Samples
from export.precision import CONVERT
from export.processor import Pictures
from export.proof import Proof, Row, contract_rows, reported_rows, runner
from export.roles import DetectorRole
from export.runtime import Answer, Session
from export.wrap import stripped

OPSET = 17
PERSON = 1  # in the list of COCO's classes that torchvision's weights carry
CLASSES = 91
CURE = "pip install '.[export,torchvision]'"
Sized = tuple[str, Pictures]


class FasterRcnn(torch.nn.Module):
    """`pixels` UINT8 [1, height, width, 3] -> `boxes` FP32 [1, n, 4], xmin ymin xmax ymax as shares 0 to 1 of width and
    height, and `scores` FP32 [1, n], the best first; resizing (800 to 1333 pixels) and suppression are inside.
    """

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        planes = pixels[0].permute(2, 0, 1).float() / 255
        (found,) = self.network([planes])
        persons = found["labels"] == PERSON
        sides = torch._shape_as_tensor(planes)[[2, 1, 2, 1]]  # noqa: SLF001 - sizes that the tracer follows
        boxes = found["boxes"][persons] / sides.float()
        # A batch of one picture; the server takes it for a batch only where its size is none that the graph states.
        batch = pixels.shape[0]
        return boxes.clamp(0, 1).expand(batch, -1, -1), found["scores"][persons].expand(batch, -1)


@dataclass(frozen=True)
class LoadedFasterRcnn:
    """The network with its weights, and the pictures that it is tried on."""

    role: DetectorRole
    module: FasterRcnn
    source: str
    samples: Samples
    answer: str = SCORES
    precision: Precision = "fp32"
    companions: Mapping[str, bytes] = field(default_factory=dict)

    @cached_property
    def plain(self) -> onnx.ModelProto:
        """The graph in float32, which takes a while."""
        with TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tracer warns of every size that it takes for a constant
            torch.onnx.export(
                self.module,
                (torch.from_numpy(self.samples.batch[:1]),),
                f"{folder}/network.onnx",
                input_names=[PIXELS],
                output_names=[BOXES, SCORES],
                dynamic_axes={
                    PIXELS: {0: BATCH, 1: "height", 2: "width"},
                    BOXES: {0: BATCH, 1: "count"},
                    SCORES: {0: BATCH, 1: "count"},
                },
                opset_version=OPSET,
                dynamo=False,
            )
            model = onnx.load(f"{folder}/network.onnx")
        _size_in_double(model.graph)
        return model

    def graph(self, precision: Precision) -> onnx.ModelProto:
        plain = onnx.ModelProto()
        plain.CopyFrom(self.plain)
        converted = CONVERT[precision](plain)
        corners = next(value for value in converted.graph.output if value.name == BOXES).type.tensor_type.shape.dim[2]
        corners.dim_value = 4  # the tracer loses it on the way
        return stripped(converted)

    def prove(self, path: Path, promised: Contract, precision: Precision) -> Proof:
        """The contract, and the answers against the same network in torch, for pictures of three shapes."""
        model, session = onnx.load(path), Session(path)
        values: list[Row] = []
        answers: list[Detections] = []
        truths: list[Detections] = []
        for label, batch in _sized(self.samples):
            found = [_one(session, picture) for picture in batch]
            wanted = [self._reference(picture) for picture in batch]
            values += matching.rows(f"boxes, {label}", found, wanted, self.role.tolerance[precision])
            answers, truths = answers + found, truths + wanted
        rows = (
            *contract_rows(promised, model),
            *values,
            matching.orderly(answers),
            matching.spread(truths),
            *reported_rows(path, model, runner(path, SCORES), self.samples),
        )
        return Proof(rows, max(float(row.value) for row in values if row.unit == MOST))

    def judge(self, check: str, found: Answer, wanted: Answer, precision: Precision) -> list[Row]:
        """How far two lists of scores are from each other; both come sorted."""
        return [matching.sorted_scores(check, found, wanted, self.role.tolerance[precision])]

    def facts(self, precision: Precision) -> dict[str, object]:
        return {
            "architecture": "fasterrcnn_resnet50_fpn",
            "person_label": PERSON,
            "remarks": [],
            "tolerance": asdict(self.role.tolerance[precision]),
        }

    def _reference(self, picture: Pictures) -> Detections:
        with torch.inference_mode():
            boxes, scores = self.module(torch.from_numpy(picture[None]))
        found = plain_detections(boxes.numpy()[0], scores.numpy()[0])
        if not (np.isfinite(found.boxes).all() and np.isfinite(found.scores).all()):
            raise CheckpointError(f"{self.source}: the network answers with values that are no finite numbers")
        return found


def load(checkpoint: Checkpoint, role: DetectorRole, options: Options, samples: Samples) -> LoadedFasterRcnn:
    """Raises CheckpointError for weights of another network, ExportError where torchvision is missing."""
    refuse_options(role, options)
    if options.network_size is not None:
        raise UsageError(f"--network-size: {role.name} resizes by its own rule, 800 to 1333 pixels")
    if options.precision == "fp16":
        raise UsageError(f"{role.name}: half precision has no converter for a graph with branches; fp32 or int8")
    if options.engine != "onnx":
        raise UsageError(f"{role.name} is served by ONNX Runtime only: its boxes are of no fixed number")
    module = FasterRcnn(_network(checkpoint)).eval()
    return LoadedFasterRcnn(role, module, checkpoint.source, samples)


def _network(checkpoint: Checkpoint) -> torch.nn.Module:
    try:
        from torchvision.models.detection import fasterrcnn_resnet50_fpn
    except (ImportError, RuntimeError) as error:  # RuntimeError: one that was built for another torch
        reason = weights.first_line(error)
        raise ExportError(f"{checkpoint.source} needs a torchvision that fits torch ({reason}): {CURE}") from error
    network: Any = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=CLASSES)
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.eps = 0.0  # torchvision does so for COCO_V1, which was trained without
    assert checkpoint.weights is not None  # noqa: S101 - this family is a file of weights
    state = weights.read(checkpoint.weights, checkpoint.source)
    try:
        report = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise CheckpointError(f"{checkpoint.source}: the weights do not fit: {weights.first_line(error)}") from error
    # Counters of training steps, which weights with frozen normalisation do not carry.
    weights.refuse_missing(checkpoint.source, [name for name in report.missing_keys if "num_batches" not in name])
    if report.unexpected_keys:
        raise CheckpointError(f"{checkpoint.source}: weights of another network, as {report.unexpected_keys[0]}")
    loaded: torch.nn.Module = network
    return loaded


def _size_in_double(graph: onnx.GraphProto) -> None:
    """Torch multiplies sides and scale in double precision before it rounds them down, the traced graph in single: 480
    x 640 would come to 800 rows instead of 799, and every box would move with them.
    """
    makers = {name: node for node in graph.node for name in node.output}
    sizes = [node for node in graph.node if node.op_type == "Floor" and makers[node.input[0]].op_type == "Cast"]
    for floor in sizes:
        cast = makers[floor.input[0]]
        product = makers[cast.input[0]]
        cast.attribute[0].i = onnx.TensorProto.DOUBLE
        at = list(graph.node).index(product)
        for index, name in enumerate(product.input):
            wide = f"{product.name}_double_{index}"
            graph.node.insert(at, onnx.helper.make_node("Cast", [name], [wide], name=wide, to=onnx.TensorProto.DOUBLE))
            product.input[index] = wide


def _one(session: Session, picture: Pictures) -> Detections:
    boxes, scores = session.run(PIXELS, picture[None], [BOXES, SCORES])
    return plain_detections(boxes[0], scores[0])


def _sized(samples: Samples) -> Iterator[Sized]:
    """Noise, and the pictures whole, wide and tall."""
    side = samples.batch.shape[1]
    yield "noise", pictures.noise(side, 1)
    yield samples.label, samples.batch[:1]
    yield f"{samples.label}, wide", samples.batch[1:2, : side * 3 // 4]
    yield f"{samples.label}, tall", samples.batch[2:3, :, : side * 7 // 10]
