"""Networks that know every instance on a shelf, on their way into the repository."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import onnx
import torch

from export import convolutions, instance_proof, masks, pictures, sizes
from export.contract import BOXES, CLASSES, CONFIDENCE, EMBEDDING, INSTANCES, MASK, OWN, PIXELS, SCORES, Contract
from export.entrance import Entrance
from export.instance_ends import InstanceEnds
from export.instance_proof import Instances
from export.kinds import Precision
from export.network import resized
from export.pictures import Samples
from export.precision import CONVERT
from export.processor import Pictures, Planes, Preprocessing
from export.proof import Proof, Row, contract_rows, reported_rows, runner
from export.roles import ShelfRole
from export.runtime import Answer, Session
from export.shelf_labels import CLASSES as NAMES
from export.to_onnx import exported
from export.unchecked import unchecked
from export.wrap import renamed, stripped

OPSET = 18
OUTPUTS = (MASK, CONFIDENCE, EMBEDDING, INSTANCES, BOXES, SCORES, CLASSES)


@dataclass(frozen=True)
class Drafts:
    """What a network says before its masks are put together: rows of the contract, `classes` INT64, the logits of their
    masks [n, h, h, N], and the encoder's deepest `features` [n, width, ...].
    """

    boxes: torch.Tensor
    scores: torch.Tensor
    classes: torch.Tensor
    logits: torch.Tensor
    features: torch.Tensor


class Finder(Protocol):
    """A checkpoint's own network with what belongs to its kind."""

    name: str
    convolutional: bool
    cropped: bool

    def drafts(self, planes: torch.Tensor, count: int) -> Drafts:
        """For a graph: `count` rows, the best first, suppression included."""

    def instances(self, planes: torch.Tensor, count: int, size: int) -> Instances:
        """For the proof: one picture's, by the library's own code, with masks of `size`."""


class InstanceSegmenter(torch.nn.Module):
    """`pixels` UINT8 [n, size, size, 3] -> all that a shelf's contract has."""

    def __init__(self, network: Finder, preprocessing: Preprocessing, role: ShelfRole, side: int) -> None:
        super().__init__()
        assert role.count is not None  # noqa: S101 - the roles of these networks have one
        self.network, self._count = network, role.count
        self.entrance = Entrance(preprocessing, role.size, side)
        with torch.inference_mode():
            small = network.drafts(torch.zeros(1, 3, side, side), role.count).logits.shape[1]
        self.ends = InstanceEnds(small, role.size, cropped=network.cropped)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        found = self.network.drafts(self.entrance(pixels), self._count)
        mask, confidence, instances = self.ends(found.boxes, found.scores, found.classes, found.logits)
        embedding = found.features.flatten(2).mean(dim=2)
        return mask, confidence, embedding, instances, found.boxes, found.scores, found.classes.to(torch.int32)


@dataclass(frozen=True)
class LoadedInstances:
    """A checkpoint's network and preprocessing, the side it works at, and the pictures that it is tried on."""

    role: ShelfRole
    module: InstanceSegmenter
    preprocessing: Preprocessing
    side: int
    folder: Path
    samples: Samples
    calibration: Pictures | None = None
    answer: str = MASK
    precision: Precision = "fp32"
    companions: Mapping[str, bytes] = field(default_factory=dict)

    @cached_property
    def plain(self) -> onnx.ModelProto:
        """The graph in float32, which takes a while."""
        example = torch.zeros(2, self.role.size, self.role.size, 3, dtype=torch.uint8)
        names = (PIXELS, *OUTPUTS)
        first, *others = (f"{OWN}{one}" for one in names)
        with unchecked():
            graph = exported(self.module, example, first, others, OPSET)
        return renamed(graph, dict(zip([first, *others], names, strict=True)))

    def graph(self, precision: Precision) -> onnx.ModelProto:
        plain = onnx.ModelProto()
        plain.CopyFrom(self.plain)
        if precision == "int8" and self.calibration is not None:
            converted = convolutions.quantised(plain, self.calibration)
        else:
            converted = CONVERT[precision](plain)
        sizes.forget(converted.graph, (EMBEDDING,))
        return stripped(converted)

    def prove(self, path: Path, promised: Contract, precision: Precision) -> Proof:
        """The contract, and the answers against the checkpoint's own network and its library's own end of it."""
        model, session = onnx.load(path), Session(path)
        wanted = self._reference(self.samples.batch)
        values: list[Row] = []
        answers: list[Instances] = []
        for size in (1, pictures.COUNT):
            found = in_batches(session, self.samples.batch, size)
            check = f"{self.samples.label}, batch {size}"
            values += instance_proof.rows(check, found, wanted, self.role, precision)
            answers += found
        rows = (
            *contract_rows(promised, model),
            *values,
            *instance_proof.orderly(answers),
            instance_proof.enough(wanted),
            *reported_rows(path, model, runner(path, MASK), self.samples),
        )
        return Proof(rows, max(float(row.value) for row in values if row.unit == masks.DIFFERENT))

    def judge(self, check: str, found: Answer, wanted: Answer, precision: Precision) -> list[Row]:
        """Rows of the proof that compare two batches of masks."""
        return masks.class_rows(check, found, wanted, self.role.tolerance[precision])

    def facts(self, precision: Precision) -> dict[str, object]:
        return {
            "architecture": self.module.network.name,
            "network_size": self.side,
            "resized_in_graph": self.side != self.role.size,
            "classes": list(NAMES),
            "parameters": sum(one.numel() for one in self.module.parameters()),
            "preprocessing": asdict(self.preprocessing),
            "remarks": [],
            "tolerance": {
                "masks": asdict(instance_proof.tolerated(self.role, precision)),
                "boxes": asdict(self.role.boxes[precision]),
            },
            **({} if self.calibration is None else {"calibration_pictures": len(self.calibration)}),
        }

    def _reference(self, batch: Pictures) -> list[Instances]:
        planes: Planes = resized(self.preprocessing.normalise(batch), self.side)
        count = self.role.count or 0
        with torch.inference_mode():
            return [
                self.module.network.instances(torch.from_numpy(planes[i : i + 1]), count, self.role.size)
                for i in range(len(planes))
            ]


def in_batches(session: Session, batch: Pictures, size: int) -> list[Instances]:
    """What a file answers to the pictures of a batch, `size` of them at a time."""
    found: list[Instances] = []
    for start in range(0, len(batch), size):
        answers = session.run(PIXELS, batch[start : start + size], (INSTANCES, MASK, BOXES, SCORES, CLASSES, EMBEDDING))
        found += [
            Instances(
                np.asarray(numbers, dtype=np.int32),
                np.asarray(mask, dtype=np.uint8),
                np.asarray(boxes, dtype=np.float64),
                np.asarray(scores, dtype=np.float64),
                np.asarray(classes, dtype=np.int64),
                np.asarray(embedding, dtype=np.float64),
            )
            for numbers, mask, boxes, scores, classes, embedding in zip(*answers, strict=True)
        ]
    return found
