"""Image embedders (CLIP's image tower, DINOv2, DINOv3) on their way into the repository."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import torch

from export import pictures, processor, vectors, weights
from export.checkpoint import Checkpoint
from export.contract import EMBEDDING, PIXELS, Contract
from export.entrance import Entrance
from export.errors import CheckpointError, UsageError
from export.kinds import Family, Precision
from export.options import Options
from export.pictures import Samples
from export.processor import PROCESSOR_FILE, Pictures, Preprocessing
from export.proof import Proof, Row
from export.roles import EmbedderRole
from export.runtime import Answer

_MATTES_ONLY = ("network_size", "subject", "output", "file")
_CLASSES: Mapping[Family, tuple[str, str]] = MappingProxyType(
    {
        "clip": ("CLIPVisionModelWithProjection", "image_embeds"),
        "dinov2": ("Dinov2Model", "pooler_output"),
        "dinov3": ("DINOv3ViTModel", "pooler_output"),
    }
)


class Embedder(torch.nn.Module):
    """`pixels` UINT8 [n, side, side, 3] -> `embedding` FP32 [n, width], and the same at length 1."""

    def __init__(self, tower: torch.nn.Module, field: str, preprocessing: Preprocessing, side: int) -> None:
        super().__init__()
        self.tower = tower
        self._field = field
        self.entrance = Entrance(preprocessing, side, side)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.vectors(self.entrance(pixels))
        return found, torch.nn.functional.normalize(found, dim=-1)

    def vectors(self, planes: torch.Tensor) -> torch.Tensor:
        """What the checkpoint's own class makes of its `pixel_values`."""
        found: torch.Tensor = getattr(self.tower(pixel_values=planes), self._field)
        return found


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
    companions: Mapping[str, bytes] = field(default_factory=dict)

    def graph(self, precision: Precision) -> onnx.ModelProto:
        side = self.role.size
        example = torch.zeros(2, side, side, 3, dtype=torch.uint8)
        return vectors.graph(self.module, example, PIXELS, precision)

    def prove(self, path: Path, promised: Contract, precision: Precision) -> Proof:
        """The contract, and the answers against the checkpoint's own processor and network in torch."""
        batches = (Samples("noise", pictures.noise(self.role.size)), self.samples)
        return vectors.prove(path, promised, batches, self._reference, self.role.tolerance[precision], precision)

    def judge(self, check: str, found: Answer, wanted: Answer, precision: Precision) -> list[Row]:
        return vectors.judge(check, found, wanted, self.role.tolerance[precision], precision)

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
    module = _module(checkpoint, preprocessing, framing.side)
    _insist_on_shape(checkpoint.source, module, role)
    return LoadedEmbedder(role, module, preprocessing, checkpoint.folder, samples)


def _refuse_options(role: EmbedderRole, options: Options) -> None:
    for name in _MATTES_ONLY:
        if getattr(options, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} is for mattes; {role.name} is an embedder")


def _module(checkpoint: Checkpoint, preprocessing: Preprocessing, side: int) -> Embedder:
    import transformers

    name, field = _CLASSES[checkpoint.family]
    kind: Any = getattr(transformers, name)
    # The two towers' checkpoints state the length of the common vector for both, the image's own part may not.
    settings = {key: checkpoint.config[key] for key in ("projection_dim",) if key in checkpoint.config}
    return Embedder(weights.pretrained(checkpoint, kind, settings), field, preprocessing, side).eval()


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
