"""Graphs that promise no sizes, so that networks of any fit one config.pbtxt."""

from collections.abc import Collection

import onnx
from onnx import helper

from export.contract import OWN, PIXELS


def forget(graph: onnx.GraphProto, outputs: Collection[str] | None = None) -> None:
    """Makes every dimension of inputs and outputs symbolic, but for those of pictures; of some outputs where they are
    named, and then of no input.

    Servers compare a graph's sizes with config.pbtxt, and ONNX Runtime works out those of the outputs. It does not
    follow them through Abs, and a Reshape copies nothing.
    """
    chosen = [value for value in graph.output if outputs is None or value.name in outputs]
    for value in chosen:
        inner, shape, size = (f"{OWN}{part}_{value.name}" for part in ("sized", "shape", "size"))
        for node in graph.node:
            node.output[:] = [inner if name == value.name else name for name in node.output]
            node.input[:] = [inner if name == value.name else name for name in node.input]
        graph.node.extend(
            [
                helper.make_node("Shape", [inner], [shape], name=shape),
                helper.make_node("Abs", [shape], [size], name=size),
                helper.make_node("Reshape", [inner, size], [value.name], name=f"{OWN}{value.name}"),
            ]
        )
    for value in (*(graph.input if outputs is None else ()), *chosen):
        if value.name != PIXELS:
            for index, dim in enumerate(value.type.tensor_type.shape.dim):
                dim.dim_param = f"{value.name}_{index}"
