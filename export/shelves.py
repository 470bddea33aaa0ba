"""Networks that give every pixel of a shelf its class, on their way into the repository."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import onnx
import torch

from export import convolutions, masks, pictures, processor, sizes, weights
from export.checkpoint import Checkpoint
from export.contract import CONFIDENCE, EMBEDDING, MASK, OWN, PIXELS, Contract
from export.entrance import Entrance
from export.errors import CheckpointError, UsageError
from export.kinds import Precision
from export.mask_ends import MaskEnds, Masks, reference
from export.network import SMALLEST_SIDE, resized
from export.options import Options
from export.pictures import Samples
from export.precision import CONVERT
from export.processor import PROCESSOR_FILE, Pictures, Planes, Preprocessing
from export.proof import Proof, Row, contract_rows, reported_rows, runner
from export.roles import ShelfRole
from export.runtime import Answer, Session
from export.shelf_labels import CLASSES
from export.to_onnx import exported
from export.wrap import renamed, stripped

OUTPUTS = (MASK, CONFIDENCE, EMBEDDING)
_MATTES_ONLY = ("subject", "output", "file")


class Labelled(Protocol):
    """A checkpoint's own network: its `logits` FP32 [n, 5, h, h] in the contract's order of classes, and the encoder's
    deepest `features` FP32 [n, width, ...], for its `pixel_values`.
    """

    name: str
    convolutional: bool
    products: bool  # of matrices go into eight bits as convolutions do
    opset: int

    def __call__(self, planes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]: ...

    def parameters(self) -> Iterator[torch.nn.Parameter]: ...

    def served(self) -> "Labelled":
        """The same values in less time, for the graph; the network itself where there is no such way."""
        ...


class Segmenter(torch.nn.Module):
    """`pixels` UINT8 [n, size, size, 3] -> what a shelf's contract has for masks."""

    def __init__(self, network: Labelled, preprocessing: Preprocessing, size: int, side: int) -> None:
        super().__init__()
        self.network = network
        self.entrance = Entrance(preprocessing, size, side)
        self.ends = MaskEnds(_side_of_logits(network, side), size)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        logits, features = self.network(self.entrance(pixels))
        mask, confidence = self.ends(logits)
        return mask, confidence, features.flatten(2).mean(dim=2)


@dataclass(frozen=True)
class LoadedShelf:
    """A checkpoint's network and preprocessing, the side it works at, and the pictures that it is tried on."""

    role: ShelfRole
    original: Labelled
    module: Segmenter
    preprocessing: Preprocessing
    side: int
    folder: Path
    samples: Samples
    calibration: Pictures | None = None  # what eight-bit convolutions take their ranges from, where they are asked for
    answer: str = MASK
    precision: Precision = "fp32"
    companions: Mapping[str, bytes] = field(default_factory=dict)

    @cached_property
    def plain(self) -> onnx.ModelProto:
        """The graph in float32, which takes a while."""
        example = torch.zeros(2, self.role.size, self.role.size, 3, dtype=torch.uint8)
        names = (PIXELS, *OUTPUTS)
        first, *others = (f"{OWN}{one}" for one in names)  # networks have tensors of these names inside
        graph = exported(self.module, example, first, others, self.module.network.opset)
        return renamed(graph, dict(zip([first, *others], names, strict=True)))

    def graph(self, precision: Precision) -> onnx.ModelProto:
        plain = onnx.ModelProto()
        plain.CopyFrom(self.plain)
        if precision == "int8" and self.calibration is not None:
            converted = convolutions.quantised(plain, self.calibration, products=self.module.network.products)
        else:
            converted = CONVERT[precision](plain)
        sizes.forget(converted.graph, (EMBEDDING,))
        return stripped(converted)

    def prove(self, path: Path, promised: Contract, precision: Precision) -> Proof:
        """The contract, and the answers against the checkpoint's own processor and network in torch."""
        noise = Samples("noise", pictures.noise(self.role.size))
        model, session = onnx.load(path), Session(path)
        tolerance, truths, values = self.role.tolerance[precision], [], []
        for one in (noise, self.samples):
            wanted = self._reference(one.batch)
            limited = one is not noise or precision == "fp32"  # noise has other ranges, and many near draws
            for size in (1, pictures.COUNT):
                found = in_batches(session, one.batch, size)
                check = f"masks, {one.label}, batch {size}"
                values += masks.rows(check, found, wanted, tolerance, limited=limited)
            truths.append(wanted)
        rows = (
            *contract_rows(promised, model),
            *values,
            masks.spread(truths),
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
            "classes": list(CLASSES),
            "parameters": sum(one.numel() for one in self.original.parameters()),
            "preprocessing": asdict(self.preprocessing),
            "remarks": [],
            "tolerance": asdict(self.role.tolerance[precision]),
            **({} if self.calibration is None else {"calibration_pictures": len(self.calibration)}),
        }

    def _reference(self, batch: Pictures) -> Masks:
        """Picture by picture; where nothing is resized, through the checkpoint's own processor if it can run here."""
        planes = self._planes(batch)
        with torch.inference_mode():
            answers = [self.original(torch.from_numpy(planes[i : i + 1])) for i in range(len(planes))]
        logits, features = (np.concatenate([one[part].numpy() for one in answers]) for part in (0, 1))
        if not (np.isfinite(logits).all() and np.isfinite(features).all()):
            raise CheckpointError(f"{self.folder}: the network answers with values that are no finite numbers")
        return reference(logits, features.reshape(*features.shape[:2], -1).mean(axis=2), self.role.size)

    def _planes(self, batch: Pictures) -> Planes:
        own = processor.run(self.folder, batch) if self.side == self.role.size else None
        return resized(self.preprocessing.normalise(batch), self.side) if own is None else own


def load(checkpoint: Checkpoint, role: ShelfRole, options: Options, samples: Samples) -> LoadedShelf:
    """Raises CheckpointError for weights, labels and processors that do not give what the role promises."""
    refuse_options(role, options)
    preprocessing = processor.read(checkpoint.folder / PROCESSOR_FILE)
    side = options.network_size or preprocessing.size or role.size
    if side < SMALLEST_SIDE:
        raise UsageError(f"a network size of {side} is below {SMALLEST_SIDE}")
    network = _network(checkpoint, role)
    try:
        module = Segmenter(network.served(), preprocessing, role.size, side).eval()
    except weights.BROKEN as error:
        raise CheckpointError(
            f"{checkpoint.source}: does not take pictures of {side}: {weights.first_line(error)}"
        ) from error
    calibration = calibration_pictures(role, options) if module.network.convolutional else None
    return LoadedShelf(role, network, module, preprocessing, side, checkpoint.folder, samples, calibration)


def refuse_options(role: ShelfRole, options: Options) -> None:
    """Raises UsageError for what only other networks have."""
    for name in _MATTES_ONLY:
        if getattr(options, name) is not None:
            raise UsageError(f"--{name} is for mattes; {role.name} tells classes apart")


def calibration_pictures(role: ShelfRole, options: Options) -> Pictures | None:
    if options.precision != "int8":
        return None
    if options.pictures is None:
        raise UsageError(
            f"{role.name}: eight-bit convolutions are calibrated on photographs; name them with --pictures"
        )
    return pictures.others(role.size, options.pictures)


def in_batches(session: Session, batch: Pictures, size: int) -> Masks:
    """What a file answers to the pictures of a batch, `size` of them at a time."""
    answers = [session.run(PIXELS, batch[i : i + size], OUTPUTS) for i in range(0, len(batch), size)]
    mask, confidence, embedding = (np.concatenate([one[part] for one in answers]) for part in range(len(OUTPUTS)))
    return Masks(mask.astype(np.uint8), confidence.astype(np.uint8), embedding.astype(np.float32))


def _network(checkpoint: Checkpoint, role: ShelfRole) -> Labelled:
    if checkpoint.family == "segformer":
        from export import segformer

        return segformer.labelled(checkpoint)
    from export import smp

    return smp.labelled(checkpoint, role)


def _side_of_logits(network: Labelled, side: int) -> int:
    """From one picture through the network."""
    with torch.inference_mode():
        logits, _ = network(torch.zeros(1, 3, side, side))
    _, count, height, width = logits.shape
    if count != len(CLASSES) or height != width:
        raise ValueError(f"logits of {list(logits.shape)}")
    return int(height)
