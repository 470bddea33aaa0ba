"""Person detectors of the DETR family (RT-DETR v2, RT-DETR, D-FINE, RF-DETR) on their way into the repository."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import torch

from export import convolutions, matching, pictures, processor, weights
from export.checkpoint import Checkpoint
from export.contract import BOXES, PIXELS, SCORES, Contract
from export.entrance import Entrance
from export.errors import CheckpointError, UsageError
from export.kinds import Precision
from export.loaded import Loaded
from export.matching import MOST, Detections
from export.network import SMALLEST_SIDE, resized
from export.options import Options
from export.pictures import Samples
from export.precision import CONVERT
from export.processor import PROCESSOR_FILE, Pictures, Planes, Preprocessing
from export.proof import Proof, Row, contract_rows, reported_rows, runner
from export.roles import DetectorRole
from export.runtime import Answer, Session
from export.to_onnx import exported
from export.unchecked import unchecked
from export.wrap import stripped

OPSET = 18
PERSON = "person"
_MATTES_ONLY = ("subject", "output", "file")
_CLASSES: Mapping[str, str] = MappingProxyType(
    {
        "rt_detr_v2": "RTDetrV2ForObjectDetection",
        "rt_detr": "RTDetrForObjectDetection",
        "d_fine": "DFineForObjectDetection",
        "rf_detr": "RfDetrForObjectDetection",
    }
)
# Their backbones are transformers: what costs time there is products of matrices, not convolutions.
_WITHOUT_CONVOLUTIONS = ("rf_detr",)


class Detector(torch.nn.Module):
    """`pixels` UINT8 [n, size, size, 3] -> `boxes` FP32 [n, queries, 4], xmin ymin xmax ymax as shares 0 to 1 of width
    and height, and `scores` FP32 [n, queries], the probability of a person, the best first.
    """

    def __init__(
        self, network: torch.nn.Module, person: int, preprocessing: Preprocessing, size: int, side: int
    ) -> None:
        super().__init__()
        self.network = network
        self.person = person
        self.entrance = Entrance(preprocessing, size, side)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.detections(self.entrance(pixels))

    def detections(self, planes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Boxes and scores for the checkpoint's own `pixel_values`."""
        answer = self.network(pixel_values=planes)
        scores = answer.logits[..., self.person].sigmoid()
        scores, order = scores.topk(scores.shape[1], dim=1)
        middle, extent = answer.pred_boxes.split(2, dim=-1)
        boxes = torch.cat([middle - extent / 2, middle + extent / 2], dim=-1).clamp(0, 1)
        return boxes.gather(1, order[..., None].expand(-1, -1, 4)), scores


@dataclass(frozen=True)
class LoadedDetector:
    """A checkpoint's network and preprocessing, the side it works at, and the pictures that it is tried on."""

    role: DetectorRole
    module: Detector
    preprocessing: Preprocessing
    side: int
    folder: Path
    samples: Samples
    calibration: Pictures | None = None  # what eight-bit convolutions take their ranges from, where they are asked for
    answer: str = SCORES
    precision: Precision = "fp32"
    companions: Mapping[str, bytes] = field(default_factory=dict)

    @cached_property
    def plain(self) -> onnx.ModelProto:
        """The graph in float32, which takes a while: torch's first way of tracing takes `len` of a batch for a
        constant, which RT-DETR has in a place that does not matter; its second, to which it turns by itself, does not.
        """
        example = torch.zeros(2, self.role.size, self.role.size, 3, dtype=torch.uint8)
        with unchecked():
            return exported(self.module, example, PIXELS, [BOXES, SCORES], OPSET)

    def graph(self, precision: Precision) -> onnx.ModelProto:
        plain = onnx.ModelProto()
        plain.CopyFrom(self.plain)
        if precision == "int8" and self.calibration is not None:
            return stripped(convolutions.quantised(plain, self.calibration))
        return stripped(CONVERT[precision](plain))

    def prove(self, path: Path, promised: Contract, precision: Precision) -> Proof:
        """The contract, and the answers against the checkpoint's own processor and network in torch."""
        noise = Samples("noise", pictures.noise(self.role.size))
        batches = (noise, self.samples) if self.calibration is None else (self.samples,)  # noise has other ranges
        model, session = onnx.load(path), Session(path)
        wanted = [self._reference(one.batch) for one in batches]
        found = {
            (one.label, size): in_batches(session, one.batch, size) for one in batches for size in (1, pictures.COUNT)
        }
        values = [
            row
            for one, truth in zip(batches, wanted, strict=True)
            for size in (1, pictures.COUNT)
            for row in matching.rows(
                f"boxes, {one.label}, batch {size}", found[one.label, size], truth, self.role.tolerance[precision]
            )
        ]
        rows = (
            *contract_rows(promised, model),
            *values,
            matching.orderly([one for answers in found.values() for one in answers]),
            matching.spread([one for answers in wanted for one in answers]),
            *reported_rows(path, model, runner(path, SCORES), self.samples),
        )
        return Proof(rows, max(float(row.value) for row in values if row.unit == MOST))

    def judge(self, check: str, found: Answer, wanted: Answer, precision: Precision) -> list[Row]:
        """How far two batches of scores [n, queries] are from each other; both come sorted, so order plays no part."""
        return [matching.sorted_scores(check, found, wanted, self.role.tolerance[precision])]

    def facts(self, precision: Precision) -> dict[str, object]:
        return {
            "architecture": type(self.module.network).__name__,
            "network_size": self.side,
            "resized_in_graph": self.side != self.role.size,
            "person_label": self.module.person,
            "preprocessing": asdict(self.preprocessing),
            "remarks": [],
            "tolerance": asdict(self.role.tolerance[precision]),
            **({} if self.calibration is None else {"calibration_pictures": len(self.calibration)}),
        }

    def _reference(self, batch: Pictures) -> list[Detections]:
        """Picture by picture; where nothing is resized, through the checkpoint's own processor if it can run here."""
        planes = self._planes(batch)
        with torch.inference_mode():
            answers = [self.module.detections(torch.from_numpy(planes[i : i + 1])) for i in range(len(planes))]
        found = [plain_detections(boxes.numpy()[0], scores.numpy()[0]) for boxes, scores in answers]
        if not all(np.isfinite(one.boxes).all() and np.isfinite(one.scores).all() for one in found):
            raise CheckpointError(f"{self.folder}: the network answers with values that are no finite numbers")
        return found

    def _planes(self, batch: Pictures) -> Planes:
        own = processor.run(self.folder, batch) if self.side == self.role.size else None
        return resized(self.preprocessing.normalise(batch), self.side) if own is None else own


def load(checkpoint: Checkpoint, role: DetectorRole, options: Options, samples: Samples) -> Loaded:
    """Raises CheckpointError for weights, labels and processors that do not give what the role promises."""
    refuse_options(role, options)
    calibration = _calibration(checkpoint, role, options)
    preprocessing = processor.read_squeezed(checkpoint.folder / PROCESSOR_FILE)
    side = options.network_size or preprocessing.size or role.size
    if side < SMALLEST_SIDE:
        raise UsageError(f"a network size of {side} is below {SMALLEST_SIDE}")
    person = _person(checkpoint)
    module = Detector(_network(checkpoint), person, preprocessing, role.size, side).eval()
    _insist_on_shape(checkpoint.source, module, role, side)
    return LoadedDetector(role, module, preprocessing, side, checkpoint.folder, samples, calibration)


def refuse_options(role: DetectorRole, options: Options) -> None:
    """Raises UsageError for what only other networks have."""
    for name in _MATTES_ONLY:
        if getattr(options, name) is not None:
            raise UsageError(f"--{name} is for mattes; {role.name} is a detector")


def in_batches(session: Session, batch: Pictures, size: int) -> list[Detections]:
    """What a file answers to the pictures of a batch, `size` of them at a time."""
    answers = [session.run(PIXELS, batch[i : i + size], [BOXES, SCORES]) for i in range(0, len(batch), size)]
    return [plain_detections(*one) for boxes, scores in answers for one in zip(boxes, scores, strict=True)]


def plain_detections(boxes: Answer, scores: Answer) -> Detections:
    return Detections(np.asarray(boxes, dtype=np.float64), np.asarray(scores, dtype=np.float64))


def _calibration(checkpoint: Checkpoint, role: DetectorRole, options: Options) -> Pictures | None:
    if options.precision != "int8" or checkpoint.config["model_type"] in _WITHOUT_CONVOLUTIONS:
        return None
    if options.pictures is None:
        raise UsageError(
            f"{role.name}: eight-bit convolutions are calibrated on photographs; name them with --pictures"
        )
    return pictures.others(role.size, options.pictures)


def _person(checkpoint: Checkpoint) -> int:
    """The number of the class person, from the labels in config.json."""
    labels = checkpoint.config.get("id2label")
    names = {str(number): str(name) for number, name in labels.items()} if isinstance(labels, dict) else {}
    found = [number for number, name in names.items() if name.strip().lower() == PERSON]
    if len(found) == 1 and found[0].isdecimal():
        return int(found[0])
    shown = ", ".join(list(names.values())[:5]) or "none stated"
    raise CheckpointError(f"{checkpoint.source}: no class is named {PERSON!r} (its {len(names)} classes: {shown})")


def _network(checkpoint: Checkpoint) -> torch.nn.Module:
    import transformers

    kind: Any = getattr(transformers, _CLASSES[str(checkpoint.config["model_type"])])
    return weights.pretrained(checkpoint, kind)


def _insist_on_shape(source: str, module: Detector, role: DetectorRole, side: int) -> None:
    """One picture through the network: its side must suit the weights, its queries the contract."""
    try:
        with torch.inference_mode():
            shape = tuple(module.detections(torch.zeros(1, 3, side, side))[0].shape)
    except weights.BROKEN as error:
        raise CheckpointError(f"{source}: does not take pictures of {side}: {weights.first_line(error)}") from error
    if shape != (1, role.count, 4):
        raise CheckpointError(f"{source}: answers with {shape[1]} boxes; {role.name} promises {role.count}")
