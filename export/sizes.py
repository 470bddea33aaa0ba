"""Graphs that promise no sizes, so that networks of any fit one config.pbtxt."""

import onnx
from onnx import helper

from export.contract import OWN, PIXELS


def forget(graph: onnx.GraphProto) -> None:
    """Makes every dimension of inputs and outputs symbolic, but for those of pictures.

    Servers compare a graph's sizes with config.pbtxt, and ONNX Runtime works out those of the outputs. It does not
    follow them through Abs, and a Reshape copies nothing.
    """
    for value in graph.output:
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
    for value in (*graph.input, *graph.output):
        if value.name != PIXELS:
            for index, dim in enumerate(value.type.tensor_type.shape.dim):
                dim.dim_param = f"{value.name}_{index}"
