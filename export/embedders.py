"""Image embedders (CLIP's image tower, DINOv2, DINOv3) on their way into the repository."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch

from export import pictures, processor, weights
from export.checkpoint import Checkpoint
from export.contract import EMBEDDING, NORMALIZED, OWN, PIXELS, Contract
from export.errors import CheckpointError, UsageError
from export.options import Options
from export.pictures import Samples
from export.precision import CONVERT
from export.processor import PROCESSOR_FILE, Pictures, Preprocessing
from export.proof import Proof, Row, Runner, contract_rows, reported_rows, runner
from export.roles import EmbedderRole, Family, Precision
from export.runtime import Answer
from export.to_onnx import exported
from export.wrap import renamed, stripped

OPSET = 18
_MATTES_ONLY = ("network_size", "subject", "output", "file")
_CLASSES: Mapping[Family, tuple[str, str]] = MappingProxyType(
    {
        "clip": ("CLIPVisionModelWithProjection", "image_embeds"),
        "dinov2": ("Dinov2Model", "pooler_output"),
        "dinov3": ("DINOv3ViTModel", "pooler_output"),
    }
)
_LENGTH_TOLERANCE: Mapping[Precision, float] = MappingProxyType({"fp32": 1e-4, "fp16": 5e-3, "int8": 5e-2})
_TURNED = "1 - cosine, max"
Vectors = npt.NDArray[np.float64]


class Embedder(torch.nn.Module):
    """`pixels` UINT8 [n, side, side, 3] -> `embedding` FP32 [n, width], and the same at length 1."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, tower: torch.nn.Module, field: str, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.tower = tower
        self._field = field
        self._scale = preprocessing.scale
        for name, values in (("mean", preprocessing.mean), ("deviation", preprocessing.std)):
            self.register_buffer(name, torch.tensor(values).reshape(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        planes = pixels.float().permute(0, 3, 1, 2)  # TensorRT has eight-bit integers only at its ends
        planes = (planes * self._scale - self.mean) / self.deviation
        vectors = self.vectors(planes)
        return vectors, torch.nn.functional.normalize(vectors, dim=-1)

    def vectors(self, planes: torch.Tensor) -> torch.Tensor:
        """What the checkpoint's own class makes of its `pixel_values`."""
        vectors: torch.Tensor = getattr(self.tower(pixel_values=planes), self._field)
        return vectors


@dataclass(frozen=True)
class LoadedEmbedder:
    """A checkpoint's network and preprocessing, and the pictures that it is tried on."""

    role: EmbedderRole
    module: Embedder
    preprocessing: Preprocessing
    folder: Path
    samples: Samples
    answer: str = EMBEDDING
    precision: Precision = "fp32"

    def graph(self, precision: Precision) -> onnx.ModelProto:
        side = self.role.size
        example = torch.zeros(2, side, side, 3, dtype=torch.uint8)
        names = (PIXELS, EMBEDDING, NORMALIZED)
        first, *others = (f"{OWN}{name}" for name in names)  # networks have tensors called `embedding` inside
        plain = exported(self.module, example, first, others, OPSET)
        return stripped(renamed(CONVERT[precision](plain), dict(zip([first, *others], names, strict=True))))

    def prove(self, path: Path, promised: Contract, precision: Precision) -> Proof:
        """The contract, and the answers against the checkpoint's own processor and network in torch."""
        run, run_normalized = runner(path, EMBEDDING), runner(path, NORMALIZED)
        batches = (Samples("noise", pictures.noise(self.role.size)), self.samples)
        wanted = [self._reference(one.batch) for one in batches]
        values = [
            row
            for one, truth in zip(batches, wanted, strict=True)
            for size in (1, pictures.COUNT)
            for row in self.judge(
                f"values, {one.label}, batch {size}", _in_batches(run, one.batch, size), truth, precision
            )
        ]
        model = onnx.load(path)
        rows = (
            *contract_rows(promised, model),
            *values,
            _spread(np.concatenate(wanted)),
            _length(run_normalized(self.samples.batch)),
            *reported_rows(path, model, run, self.samples),
        )
        return Proof(rows, max(float(row.value) for row in values if row.unit == _TURNED))

    def judge(self, check: str, found: Answer, wanted: Answer, precision: Precision) -> list[Row]:
        """How far the directions and the lengths of two batches of vectors [n, width] are from each other, at most."""
        one, other = (np.asarray(vectors, dtype=np.float64) for vectors in (found, wanted))
        turned = float(np.max(1 - _cosines(one, other))) if np.isfinite(one).all() else math.inf
        lengths = np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
        stretched = float(np.max(np.abs(lengths - 1))) if np.isfinite(lengths).all() else math.inf
        limit, length_limit = self.role.tolerance[precision], _LENGTH_TOLERANCE[precision]
        return [
            Row(check, round(turned, 9), limit, _TURNED, turned <= limit),
            Row(check, round(stretched, 6), length_limit, "of the length, max", stretched <= length_limit),
        ]

    def facts(self, precision: Precision) -> dict[str, object]:
        return {
            "architecture": type(self.module.tower).__name__,
            "framing": asdict(self.role.framing),
            "preprocessing": asdict(self.preprocessing),
            "remarks": [],
            "tolerance": self.role.tolerance[precision],
        }

    def _reference(self, batch: Pictures) -> Answer:
        """Picture by picture, through the checkpoint's own processor where it can run here."""
        own = processor.run(self.folder, batch)
        planes = self.preprocessing.normalise(batch) if own is None else own
        with torch.inference_mode():
            answers = [self.module.vectors(torch.from_numpy(planes[i : i + 1])).numpy() for i in range(len(planes))]
        found = np.concatenate(answers)
        if not np.isfinite(found).all():
            raise CheckpointError(f"{self.folder}: the network answers with values that are no finite numbers")
        return np.asarray(found)


def load(checkpoint: Checkpoint, role: EmbedderRole, options: Options, samples: Samples) -> LoadedEmbedder:
    """Raises CheckpointError for weights and processors that do not give what the role promises."""
    _refuse_options(role, options)
    path = checkpoint.folder / PROCESSOR_FILE
    preprocessing, framing = processor.read_framed(path)
    if framing != role.framing:
        raise CheckpointError(f"{path}: pictures are framed by {framing}; {role.name} needs {role.framing}")
    module = _module(checkpoint, preprocessing)
    _insist_on_shape(checkpoint.source, module, role)
    return LoadedEmbedder(role, module, preprocessing, checkpoint.folder, samples)


def _refuse_options(role: EmbedderRole, options: Options) -> None:
    for name in _MATTES_ONLY:
        if getattr(options, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} is for mattes; {role.name} is an embedder")


def _module(checkpoint: Checkpoint, preprocessing: Preprocessing) -> Embedder:
    import transformers

    name, field = _CLASSES[checkpoint.family]
    kind: Any = getattr(transformers, name)
    # The two towers' checkpoints state the length of the common vector for both, the image's own part may not.
    settings = {key: checkpoint.config[key] for key in ("projection_dim",) if key in checkpoint.config}
    return Embedder(weights.pretrained(checkpoint, kind, settings), field, preprocessing).eval()


def _insist_on_shape(source: str, module: Embedder, role: EmbedderRole) -> None:
    """One picture through the network: its side must suit the weights, its vector the contract."""
    try:
        with torch.inference_mode():
            shape = tuple(module.vectors(torch.zeros(1, 3, role.size, role.size)).shape)
    except weights.BROKEN as error:
        raise CheckpointError(
            f"{source}: does not take pictures of {role.size}: {weights.first_line(error)}"
        ) from error
    if shape != (1, role.width):
        raise CheckpointError(f"{source}: answers with {list(shape)}; {role.name} promises vectors of {role.width}")


def _in_batches(run: Runner, batch: Pictures, size: int) -> Answer:
    return np.concatenate([run(batch[i : i + size]) for i in range(0, len(batch), size)])


def _cosines(one: Vectors, other: Vectors) -> Vectors:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray(np.sum(one * other, axis=1) / np.maximum(lengths, 1e-12))


def _spread(vectors: Answer) -> Row:
    """A network that gives every picture the same vector is no embedder, and agreeing with it no proof."""
    plain = np.asarray(vectors, dtype=np.float64)
    spread = float(np.max(1 - _cosines(plain, np.broadcast_to(plain[:1], plain.shape))))
    least = 1e-5
    return Row(
        "vectors of different pictures apart by, at least", round(spread, 9), least, "1 - cosine", spread >= least
    )


def _length(vectors: Answer) -> Row:
    error = float(np.max(np.abs(np.linalg.norm(np.asarray(vectors, dtype=np.float64), axis=1) - 1)))
    limit = 1e-3
    return Row("length of normalized vectors", round(error, 9), limit, "from 1, max", error <= limit)
