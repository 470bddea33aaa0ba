"""A network in the shape of a shelf segmenter that costs nothing: every pixel is a product, by half."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper


def write(path: Path, side: int) -> Path:
    nodes = [
        helper.make_node("Mul", ["pixels", "nothing"], ["black"]),
        helper.make_node("ReduceMax", ["black", "last"], ["ground"], keepdims=0),
        helper.make_node("Add", ["ground", "product"], ["mask"]),
        helper.make_node("Add", ["ground", "half"], ["confidence"]),
    ]
    kept = [
        helper.make_tensor("nothing", TensorProto.UINT8, [], [0]),
        helper.make_tensor("product", TensorProto.UINT8, [], [1]),
        helper.make_tensor("half", TensorProto.UINT8, [], [128]),
        helper.make_tensor("last", TensorProto.INT64, [1], [3]),
    ]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.UINT8, ["b", side, side]) for name in ("mask", "confidence")
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["b", side, side, 3])
    graph = helper.make_graph(nodes, "shelf", [pixels], outputs, kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
