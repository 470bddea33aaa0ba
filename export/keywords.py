"""Keyword classifiers on their way into the repository: an image tower, a head, its temperature, its labels."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from export import keyword_head, label_file, pictures, probabilities, processor, sizes, weights
from export.checkpoint import Checkpoint
from export.contract import BATCH, LABELS, OWN, PIXELS, PROBABILITIES, SCORES, Contract
from export.entrance import Entrance
from export.errors import CheckpointError, UsageError
from export.keyword_head import Keywords
from export.kinds import Precision
from export.options import Options
from export.pictures import Samples
from export.precision import CONVERT
from export.probabilities import Truth
from export.processor import PROCESSOR_FILE, Pictures, Preprocessing
from export.proof import Proof, Row
from export.roles import KeywordRole
from export.runtime import Answer
from export.to_onnx import exported
from export.wrap import renamed, stripped

OPSET = 18
_MATTES_ONLY = ("network_size", "subject", "output", "file")


class Classifier(torch.nn.Module):
    """`pixels` UINT8 [n, side, side, 3] -> `probabilities` FP32 [n, labels]."""

    def __init__(self, tower: torch.nn.Module, head: torch.nn.Module, entrance: Entrance, temperature: float) -> None:
        super().__init__()
        self.tower = tower
        self.head = head
        self.entrance = entrance
        self._temperature = temperature

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.logits(self.entrance(pixels)), dim=-1)

    def logits(self, planes: torch.Tensor) -> torch.Tensor:
        """Over their temperature, of what the checkpoint's processor makes of pictures, its `pixel_values`."""
        vectors = self.tower(pixel_values=planes).image_embeds
        found: torch.Tensor = self.head(torch.nn.functional.normalize(vectors, dim=-1))
        return found / self._temperature


@dataclass(frozen=True)
class LoadedKeywords:
    """A checkpoint's network, preprocessing and labels, and the pictures that it is tried on."""

    role: KeywordRole
    module: Classifier
    preprocessing: Preprocessing
    keywords: Keywords
    folder: Path
    samples: Samples
    remarks: tuple[str, ...] = ()
    answer: str = PROBABILITIES
    precision: Precision = "fp32"

    @property
    def companions(self) -> Mapping[str, bytes]:
        return {label_file.NAME: label_file.text(self.keywords.labels)}

    def graph(self, precision: Precision) -> onnx.ModelProto:
        side = self.role.size
        names = {f"{OWN}{name}": name for name in (PIXELS, PROBABILITIES)}  # networks may have tensors of these names
        example = torch.zeros(2, side, side, 3, dtype=torch.uint8)
        plain = exported(self.module, example, f"{OWN}{PIXELS}", [f"{OWN}{PROBABILITIES}"], OPSET)
        model = renamed(CONVERT[precision](plain), names)
        sizes.forget(model.graph)
        _attach(model.graph, self.companions[label_file.NAME])
        return stripped(model)

    def prove(self, path: Path, promised: Contract, precision: Precision) -> Proof:
        """The contract, and the answers against the checkpoint's own processor and network in torch."""
        batches = (Samples("noise", pictures.noise(self.role.size)), self.samples)
        truth = Truth(self._reference, self.companions[label_file.NAME])
        return probabilities.prove(path, promised, batches, truth, self.role.tolerance[precision])

    def judge(self, check: str, found: Answer, wanted: Answer, precision: Precision) -> list[Row]:
        return probabilities.judge(check, found, wanted, self.role.tolerance[precision])

    def facts(self, precision: Precision) -> dict[str, object]:
        return {
            "architecture": f"{type(self.module.tower).__name__}, {self.keywords.head}",
            **asdict(self.keywords),
            "framing": asdict(self.role.framing),
            "preprocessing": asdict(self.preprocessing),
            "remarks": list(self.remarks),
            "tolerance": self.role.tolerance[precision],
        }

    def _reference(self, batch: Pictures) -> Answer:
        """Picture by picture, through the checkpoint's own processor where it can run here."""
        own = processor.run(self.folder, batch)
        planes = torch.from_numpy(self.preprocessing.normalise(batch) if own is None else own)
        with torch.inference_mode():
            found = np.concatenate([self.module.logits(planes[i : i + 1]).numpy() for i in range(len(planes))])
        if not np.isfinite(found).all():
            raise CheckpointError(f"{self.folder}: the network answers with values that are no finite numbers")
        return np.asarray(found)


def _attach(graph: onnx.GraphProto, text: bytes) -> None:
    """The label file as output `labels` UINT8 [n, bytes], and the probabilities once more as `scores`.

    Sizes are forgotten as in `sizes`, and what is eight-bit becomes so last, since TensorRT has such integers only at
    its ends.
    """
    data, length, shape, batch, size, sized, wide = (
        f"{OWN}labels_{name}" for name in ("data", "length", "shape", "batch", "size", "sized", "wide")
    )
    values = np.frombuffer(text, np.uint8).astype(np.float32)[None]
    graph.initializer.append(numpy_helper.from_array(values, data))
    graph.initializer.append(numpy_helper.from_array(np.array([values.size], np.int64), length))
    graph.node.extend(
        [
            helper.make_node("Identity", [PROBABILITIES], [SCORES], name=f"{OWN}{SCORES}"),
            helper.make_node("Shape", [PIXELS], [batch], name=batch, start=0, end=1),
            helper.make_node("Concat", [batch, length], [shape], name=shape, axis=0),
            helper.make_node("Expand", [data, shape], [wide], name=wide),
            helper.make_node("Abs", [shape], [size], name=size),
            helper.make_node("Reshape", [wide, size], [sized], name=sized),
            helper.make_node("Cast", [sized], [LABELS], name=f"{OWN}{LABELS}", to=TensorProto.UINT8),
        ]
    )
    graph.output.append(helper.make_tensor_value_info(SCORES, TensorProto.FLOAT, [BATCH, f"{SCORES}_1"]))
    graph.output.append(helper.make_tensor_value_info(LABELS, TensorProto.UINT8, [BATCH, f"{LABELS}_1"]))


def load(checkpoint: Checkpoint, role: KeywordRole, options: Options, samples: Samples) -> LoadedKeywords:
    """Raises CheckpointError for weights, heads and processors that do not give what the role promises."""
    for name in _MATTES_ONLY:
        if getattr(options, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} is for mattes; {role.name} is a classifier")
    path = checkpoint.folder / PROCESSOR_FILE
    preprocessing, framing = processor.read_framed(path)
    if framing != role.framing:
        raise CheckpointError(f"{path}: pictures are framed by {framing}; {role.name} needs {role.framing}")
    tower = _tower(checkpoint)
    keywords, head = keyword_head.load(checkpoint, _width(checkpoint.source, tower, role), options.labels)
    entrance = Entrance(preprocessing, role.size, framing.side)
    module = Classifier(tower, head, entrance, keywords.temperature).eval()
    remarks = ("zero-shot: the texts of the prompts, no pictures, and no calibration",) if options.labels else ()
    return LoadedKeywords(role, module, preprocessing, keywords, checkpoint.folder, samples, remarks)


def _tower(checkpoint: Checkpoint) -> torch.nn.Module:
    from transformers import CLIPVisionModelWithProjection, SegformerModel

    from training.keywords.segformer import SegformerTower

    if checkpoint.family == "segformer":
        encoder: Any = weights.pretrained(checkpoint, SegformerModel)
        return SegformerTower(encoder).eval()
    # The two towers' checkpoints state the length of the common vector for both, the image's own part may not.
    settings = {key: checkpoint.config[key] for key in ("projection_dim",) if key in checkpoint.config}
    return weights.pretrained(checkpoint, CLIPVisionModelWithProjection, settings).eval()


def _width(source: str, tower: torch.nn.Module, role: KeywordRole) -> int:
    """Of the vectors that the tower makes of pictures of the role's side."""
    try:
        with torch.inference_mode():
            return int(tower(pixel_values=torch.zeros(1, 3, role.size, role.size)).image_embeds.shape[-1])
    except weights.BROKEN as error:
        reason = weights.first_line(error)
        raise CheckpointError(f"{source}: does not take pictures of {role.size}: {reason}") from error
