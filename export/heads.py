"""What a ready-made file's output still needs, from the command line, the graph and the values that it gave."""

import math

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from export.errors import CheckpointError, UsageError
from export.network import Head
from export.options import Activation
from export.processor import Planes

OVERSHOOT = 0.5  # a cubic resize after a sigmoid leaves 0..1 by up to 0.45
_FLOATS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE})
# Operators that leave a value between 0 and 1 there, and those that put it there.
_CARRIERS = frozenset(
    ("Cast", "Identity", "Squeeze", "Unsqueeze", "Reshape", "Resize", "Upsample", "Transpose", "Slice", "Gather")
)
_SQUASHING = frozenset({"Sigmoid", "HardSigmoid", "Softmax"})


def head(model: onnx.ModelProto, name: str, answer: Planes, stated: Activation, subject: int | None) -> Head:
    """`answer` is what output `name` gave, [n, c, h, w]. Raises UsageError where only the person can know."""
    if not np.isfinite(answer).all():
        raise CheckpointError(f"output {name} has values that are no finite numbers")
    probability = _is_probability(model, name, answer, stated)
    if answer.shape[1] == 1:
        return Head("probability" if probability else "sigmoid")
    if probability:
        raise CheckpointError(f"output {name} has two channels of probabilities; one channel can be served")
    return Head("softmax", 1 if subject is None else subject)


def plain(answer: Planes, stated: Activation) -> Head:
    """The head of a network of which only the values are known."""
    return Head("probability" if _reads_as_probability("the network", answer, stated, bounded=False) else "sigmoid")


def _is_probability(model: onnx.ModelProto, name: str, answer: Planes, stated: Activation) -> bool:
    if stated == "auto" and not _is_float(model, name):
        raise UsageError(f"output {name} is of whole numbers; say --activation none for a mask of 0 and 1")
    return _reads_as_probability(f"output {name}", answer, stated, bounded=_ends_bounded(model.graph, name))


def _reads_as_probability(what: str, answer: Planes, stated: Activation, *, bounded: bool) -> bool:
    low, high = float(answer.min()), float(answer.max())
    near = low >= -OVERSHOOT and high <= 1 + OVERSHOOT
    reaches = f"{what} reaches from {low:.4g} to {high:.4g}"
    if stated == "none" and not near:
        raise UsageError(f"--activation none is for values within 0..1, and {reaches}")
    if stated != "auto":
        return stated == "none"
    if near and not bounded:
        raise UsageError(f"{what} stays within 0..1 without saying why; say --activation sigmoid or none")
    if not near and (bounded or low >= 0):
        raise UsageError(f"{reaches}, which neither logits nor probabilities do; say --activation sigmoid for logits")
    return near


def _is_float(model: onnx.ModelProto, name: str) -> bool:
    return next(value for value in model.graph.output if value.name == name).type.tensor_type.elem_type in _FLOATS


def _ends_bounded(graph: onnx.GraphProto, name: str) -> bool:
    """Whether the way back from an output meets a squashing operator before anything that computes."""
    makers = {output: node for node in graph.node for output in node.output}
    while name in makers and makers[name].op_type in _CARRIERS:
        name = makers[name].input[0]
    if name not in makers:
        return False
    node = makers[name]
    return node.op_type in _SQUASHING or (node.op_type == "Clip" and _upper(graph, node) <= 1)


def _upper(graph: onnx.GraphProto, clip: onnx.NodeProto) -> float:
    """The greatest value that a Clip lets through, where the graph states it."""
    name = clip.input[2] if len(clip.input) > 2 else ""  # noqa: PLR2004 - value, least, greatest
    stated = {tensor.name: tensor for tensor in graph.initializer}
    stated |= {
        node.output[0]: attribute.t
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    }
    return float(numpy_helper.to_array(stated[name])) if name in stated else math.inf
