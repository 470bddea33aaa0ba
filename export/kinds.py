"""Of what kinds checkpoints are, and in what precisions networks are written."""

from typing import Literal, get_args

Precision = Literal["fp32", "fp16", "int8"]
Family = Literal[
    "segformer",
    "remote",
    "onnx",
    "clip",
    "dinov2",
    "dinov3",
    "blip",
    "vision-encoder-decoder",
    "mtcnn",
    "detr",
    "smp",
    "yolo",
    "state_dict",
]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
