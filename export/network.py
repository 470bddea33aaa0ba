"""A loaded checkpoint: the bare network as a graph, the original it is measured against, and how its output reads."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from PIL import Image

from export.errors import CheckpointError, UsageError
from export.kinds import Precision
from export.processor import Pictures, Planes, Preprocessing
from export.roles import MatteRole

SMALLEST_SIDE = 32
Reference = Callable[[Planes], Planes]


@dataclass(frozen=True)
class Head:
    """How raw output becomes a matte: one logit, two classes of which one is the subject, or a probability."""

    kind: Literal["sigmoid", "softmax", "probability"]
    subject: int = 0


@dataclass(frozen=True)
class Network:
    """`graph` has one float input [n, 3, size, size] and one output [n, channels, h, w] or [n, h, w]; `reference` is
    the original with the same signature, always returning four dimensions. `precision` is that of the weights as they
    came; a network that `loops` takes one picture at a time.
    """

    architecture: str
    size: int
    head: Head
    preprocessing: Preprocessing
    graph: onnx.ModelProto
    reference: Reference
    folder: Path
    precision: Precision = "fp32"
    loops: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def takes_half(self) -> bool:
        kind: int = self.graph.graph.input[0].type.tensor_type.elem_type
        return kind == onnx.TensorProto.FLOAT16

    def planes(self, pictures: Pictures) -> Planes:
        """What the network reads, float32 [n, 3, size, size], as the checkpoint's processor file states it."""
        return resized(self.preprocessing.normalise(pictures), self.size)

    def matte(self, pictures: Pictures) -> Pictures:
        """The reference matte, UINT8 [n, h, w], for UINT8 pictures [n, h, w, 3]: the network's own code in between,
        Pillow's resize and plain NumPy around it, nothing that the exporter writes. Raises CheckpointError when the
        network's answer is no number.
        """
        side = pictures.shape[1]
        answer = self.reference(self.planes(pictures))
        if not np.isfinite(answer).all():
            raise CheckpointError(f"{self.architecture}: the network answers with values that are no finite numbers")
        raw = resized(_subject(answer, self.head), side)[:, 0].astype(np.float64)
        values = raw if self.head.kind == "probability" else 1 / (1 + np.exp(-raw))
        return np.asarray(np.rint(np.clip(values, 0, 1) * 255), dtype=np.uint8)


def network_size(role: MatteRole, preprocessing: Preprocessing, stated: int | None) -> int:
    """The side the network works at: the command line's, else the checkpoint's own, else the contract's."""
    size = stated if stated is not None else preprocessing.size or role.size
    if size < SMALLEST_SIDE:
        raise UsageError(f"a network size of {size} is below {SMALLEST_SIDE}")
    return size


def resized(planes: Planes, side: int) -> Planes:
    """Bilinear [n, c, h, w] to [n, c, side, side]: averaging on the way down, interpolating on the way up."""
    if planes.shape[2:] == (side, side):
        return planes
    flat = planes.reshape(-1, *planes.shape[2:])
    turned = [np.asarray(Image.fromarray(plane).resize((side, side), Image.Resampling.BILINEAR)) for plane in flat]
    return np.stack(turned).reshape(*planes.shape[:2], side, side)


def _subject(raw: Planes, head: Head) -> Planes:
    """One channel: a softmax over two classes is the sigmoid of their difference."""
    if head.kind == "softmax":
        return raw[:, head.subject : head.subject + 1] - raw[:, 1 - head.subject : 2 - head.subject]
    return raw[:, :1]
