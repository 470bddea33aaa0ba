"""The face detector's three networks on their way into the repository, with facenet-pytorch's weights."""

import copy
import io
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import torch

from export import mtcnn, pictures
from export.checkpoint import Checkpoint
from export.contract import PIXELS, PROBABILITY, Contract
from export.errors import CheckpointError, UsageError
from export.kinds import Precision
from export.mtcnn import Answers
from export.options import Options
from export.pictures import Samples
from export.precision import CONVERT
from export.processor import Planes
from export.proof import Proof, Row, contract_rows, reported_rows, runner
from export.roles import FaceRole
from export.runtime import Answer, Session
from export.to_onnx import exported
from export.weights import BROKEN, first_line
from export.wrap import stripped

OPSET = 18
NOTHING = -1.0  # the level of a sheet's pixels where there is no picture
_MEAN, _GAIN = 127.5, 0.0078125
_FAR = 3e4  # below zero by more than any activation, and a number in half precision too
_NETWORKS: Mapping[str, tuple[type[torch.nn.Module], str]] = MappingProxyType(
    {
        "face_pnet": (mtcnn.ProposalNet, "pnet.pt"),
        "face_rnet": (mtcnn.RefinementNet, "rnet.pt"),
        "face_onet": (mtcnn.OutputNet, "onet.pt"),
    }
)
_FOREIGN = ("network_size", "subject", "output", "file")
_MOVED = "difference, max"


class Crops(torch.nn.Module):
    """`pixels` FP32 [n, side, side, 3], RGB from 0 to 255, to the network's answers."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> Answers:
        answers: Answers = self.network(_planes(pixels))
        return answers


class Sheets(torch.nn.Module):
    """The same for sheets of pictures: the network pools beside NOTHING as it does at a picture's edge."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> Answers:
        planes = _planes(pixels)
        there = planes[:, :1, 2:, 2:] > -1  # the last pixel that each place of the first layer looks at; 0 is -0.996
        answers: Answers = self.network(planes, (there.float() - 1) * _FAR)
        return answers


class Slope(torch.nn.Module):
    """A PReLU in operators that ONNX Runtime computes several at once; its own PRelu takes longer than convolutions."""

    slopes: torch.Tensor

    def __init__(self, slopes: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("slopes", slopes.detach().clone())

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        slopes = self.slopes.reshape(-1, *[1] * (features.dim() - 2))
        return features.relu() - slopes * (-features).relu()


def _planes(pixels: torch.Tensor) -> torch.Tensor:
    return (pixels.permute(0, 3, 1, 2) - _MEAN) * _GAIN


def _exportable(network: torch.nn.Module) -> torch.nn.Module:
    """A copy for the graph; the proof compares it with the plain one."""
    copied = copy.deepcopy(network)
    for name, part in network.named_children():
        if isinstance(part, torch.nn.PReLU):
            setattr(copied, name, Slope(part.weight))
    return copied


@dataclass(frozen=True)
class LoadedFace:
    """One of the three networks with its weights, and the pictures that it is tried on."""

    role: FaceRole
    network: torch.nn.Module
    samples: Samples
    answer: str = PROBABILITY
    precision: Precision = "fp32"
    companions: Mapping[str, bytes] = field(default_factory=dict)

    def graph(self, precision: Precision) -> onnx.ModelProto:
        side, outputs = self.role.size, tuple(self.role.outputs)
        module = (Sheets if self.role.packed else Crops)(_exportable(self.network))
        plain = exported(module.eval(), torch.zeros(2, side, side, 3), PIXELS, outputs, OPSET)
        return stripped(CONVERT[precision](plain))

    def prove(self, path: Path, promised: Contract, precision: Precision) -> Proof:
        """The contract, and the answers against the plain network in torch, for whole pictures and for fractions."""
        model, session = onnx.load(path), Session(path)
        batches = (Samples("noise", pictures.noise(self.role.size)), self.samples)
        tried = [pair for one in batches for pair in _fractions(one)]
        wanted = [self._reference(planes) for _, planes in tried]
        values = [
            row
            for (label, planes), truth in zip(tried, wanted, strict=True)
            for size in (1, len(planes))
            for row in self._compared(f"{label}, batch {size}", session, (planes, truth), size, precision)
        ]
        if self.role.packed:
            values += self._side_by_side(session, precision)
        rows = (
            *contract_rows(promised, model),
            *values,
            _spread(np.concatenate([truth[0].ravel() for truth in wanted])),
            *reported_rows(path, model, runner(path, PROBABILITY), self.samples),
        )
        return Proof(rows, max(float(row.value) for row in values))

    def judge(self, check: str, found: Answer, wanted: Answer, precision: Precision) -> list[Row]:
        """How far two batches of one output are from each other, at most."""
        limit = self.role.tolerance[precision]
        difference = np.abs(np.asarray(found, np.float64) - np.asarray(wanted, np.float64))
        largest = float(np.max(difference)) if np.isfinite(difference).all() else math.inf
        return [Row(check, round(largest, 9), limit, _MOVED, largest <= limit)]

    def facts(self, precision: Precision) -> dict[str, object]:
        return {
            "architecture": type(self.network).__name__,
            "preprocessing": {"mean": _MEAN, "gain": _GAIN, "nothing": NOTHING if self.role.packed else None},
            "remarks": [],
            "tolerance": self.role.tolerance[precision],
        }

    def _reference(self, pixels: Planes) -> list[Answer]:
        """The plain network's answers to pixels FP32 [n, h, w, 3], normalised by NumPy, picture by picture."""
        planes = ((pixels.astype(np.float64) - _MEAN) * _GAIN).transpose(0, 3, 1, 2).astype(np.float32)
        with torch.inference_mode():
            answers = [self.network(torch.from_numpy(planes[i : i + 1])) for i in range(len(planes))]
        found = [np.concatenate([answer[i].numpy() for answer in answers]) for i in range(len(self.role.outputs))]
        if not all(np.isfinite(values).all() for values in found):
            raise CheckpointError(f"{self.role.name}: the network answers with values that are no finite numbers")
        return found

    def _compared(
        self, check: str, session: Session, tried: tuple[Planes, list[Answer]], size: int, precision: Precision
    ) -> list[Row]:
        """All outputs, in batches of `size`."""
        planes, truth = tried
        runs = [session.run(PIXELS, planes[i : i + size], list(self.role.outputs)) for i in range(0, len(planes), size)]
        found = [np.concatenate([run[i] for run in runs]) for i in range(len(truth))]
        return [
            row
            for name, one, other in zip(self.role.outputs, found, truth, strict=True)
            for row in self.judge(f"{name}, {check}", one, other, precision)
        ]

    def _side_by_side(self, session: Session, precision: Precision) -> list[Row]:
        """Pictures of even and odd sizes on one sheet, each against the plain network on that picture alone."""
        side = self.role.size
        source = self.samples.batch[0].astype(np.float32)
        sheet = np.full((1, side, side, 3), NOTHING, np.float32)
        rows: list[Row] = []
        places = ((0, 0, 101, 76), (0, 76, 64, 63), (102, 0, 97, 140), (102, 140, 13, 12), (200, 0, side - 200, side))
        for top, left, height, width in places:
            sheet[0, top : top + height, left : left + width] = source[:height, :width]
        found = session.run(PIXELS, sheet, list(self.role.outputs))
        for top, left, height, width in places:
            for name, one, other in zip(
                self.role.outputs, found, self._reference(source[None, :height, :width]), strict=True
            ):
                part = one[:, top // 2 : top // 2 + other.shape[1], left // 2 : left // 2 + other.shape[2]]
                rows += self.judge(f"{name}, {height} x {width} among others", part, other, precision)
        return rows


def load(checkpoint: Checkpoint, role: FaceRole, options: Options, samples: Samples) -> LoadedFace:
    """Raises CheckpointError for what does not hold the network's weights, all of them and no others."""
    for name in _FOREIGN:
        if getattr(options, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} is not for {role.name}")
    kind, file = _NETWORKS[role.name]
    network = kind()
    try:
        state: Any = torch.load(io.BytesIO(_bytes(checkpoint, file)), map_location="cpu", weights_only=True)
        network.load_state_dict(state, strict=True)
    except BROKEN as error:
        raise CheckpointError(f"{checkpoint.source}: {file} is no {kind.__name__}: {first_line(error)}") from error
    return LoadedFace(role, network.float().eval(), samples)


def open_local(name: str) -> Checkpoint:
    """The wheel of facenet-pytorch, or the folder `facenet_pytorch` out of it. Raises CheckpointError."""
    path = Path(name)
    if not path.exists():
        raise CheckpointError(f"no such checkpoint: {name}")
    if path.is_file() and not zipfile.is_zipfile(path):
        raise CheckpointError(f"{name} is no wheel; give that of facenet-pytorch, or the folder facenet_pytorch in it")
    fields = path.stem.split("-")
    return Checkpoint(name, fields[1] if path.suffix == ".whl" and len(fields) > 1 else "", path, "mtcnn")


def _bytes(checkpoint: Checkpoint, file: str) -> bytes:
    """One file of weights: it lies in `data` of the package, in a wheel and in a folder alike."""
    if checkpoint.folder.is_file():
        with zipfile.ZipFile(checkpoint.folder) as wheel:
            names = [name for name in wheel.namelist() if name.endswith(f"data/{file}")]
            if len(names) == 1:
                return wheel.read(names[0])
    elif (found := checkpoint.folder / "data" / file).is_file():
        return found.read_bytes()
    raise CheckpointError(f"{checkpoint.source}: no data/{file} in it; it is in the wheel of facenet-pytorch 2.6.0")


def _fractions(samples: Samples) -> list[tuple[str, Planes]]:
    """Whole levels, and what averages come to: levels in between."""
    whole = samples.batch.astype(np.float32)
    return [(samples.label, whole), (f"{samples.label}, fractions", whole * np.float32(0.8371))]


def _spread(probability: Answer) -> Row:
    """A network that says the same of every picture is no detector, and agreeing with it no proof."""
    values = np.asarray(probability, np.float64)
    spread, least = float(values.max() - values.min()), 1e-4
    return Row("range of the reference's probability, at least", round(spread, 6), least, "", spread >= least)
