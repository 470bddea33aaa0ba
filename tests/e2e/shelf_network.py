"""A network in the shape of a shelf segmenter: a pixel's class is its red value over 52, its confidence the green."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

SLOTS = 300


def write(path: Path, side: int, *, instances: bool) -> None:
    """A version's model.onnx; `instances` adds the lists, of one product in the upper left quarter."""
    nodes, kept, outputs = _masks(side)
    if instances:
        more, lists = _lists(side)
        nodes, kept, outputs = nodes + more[0], kept + more[1], outputs + lists
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["b", side, side, 3])
    graph = helper.make_graph(nodes, "shelf", [pixels], outputs, kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True)
    onnx.save(model, path)


def _kept(name: str, kind: int, shape: list[int], values: list[Any]) -> onnx.TensorProto:
    return helper.make_tensor(name, kind, shape, values)


def _masks(side: int) -> tuple[list[Any], list[Any], list[Any]]:
    whole: list[str | int | None] = ["b", side, side]
    quarter: list[str | int | None] = ["b", side // 4, side // 4]
    nodes = [
        helper.make_node("Split", ["pixels"], ["red", "green", "blue"], axis=3, num_outputs=3),
        helper.make_node("Cast", ["red"], ["bright"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["bright", "step"], ["kinds"]),
        helper.make_node("Cast", ["kinds"], ["deep"], to=TensorProto.UINT8),
        helper.make_node("Squeeze", ["deep", "last"], ["mask"]),
        helper.make_node("Slice", ["green", "starts", "ends", "axes", "strides"], ["sparse"]),
        helper.make_node("Squeeze", ["sparse", "last"], ["confidence"]),
        helper.make_node("ReduceMean", ["bright", "places"], ["mean"], keepdims=0),
        # What keeps its length unknown, as the configuration has it.
        helper.make_node("Compress", ["mean", "all"], ["embedding"], axis=1),
    ]
    whole_numbers = TensorProto.INT64
    kept = [
        _kept("step", TensorProto.FLOAT, [], [52.0]),
        _kept("last", whole_numbers, [1], [3]),
        _kept("starts", whole_numbers, [2], [0, 0]),
        _kept("ends", whole_numbers, [2], [side, side]),
        _kept("axes", whole_numbers, [2], [1, 2]),
        _kept("strides", whole_numbers, [2], [4, 4]),
        _kept("places", whole_numbers, [2], [1, 2]),
        _kept("all", TensorProto.BOOL, [1], [True]),
    ]
    outputs = [
        helper.make_tensor_value_info("mask", TensorProto.UINT8, whole),
        helper.make_tensor_value_info("confidence", TensorProto.UINT8, quarter),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["b", "width"]),
    ]
    return nodes, kept, outputs


def _lists(side: int) -> tuple[tuple[list[Any], list[Any]], list[Any]]:
    nodes = [
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "one_score"], ["scores"]),
        helper.make_node("Cast", ["scores"], ["classes"], to=TensorProto.INT32),
        helper.make_node("Unsqueeze", ["nothing", "second"], ["nothing_wide"]),
        helper.make_node("Add", ["nothing_wide", "one_box"], ["boxes"]),
        helper.make_node("Cast", ["mask"], ["instances"], to=TensorProto.INT32),
    ]
    kept = [
        _kept("zero", TensorProto.FLOAT, [], [0.0]),
        _kept("second", TensorProto.INT64, [1], [2]),
        _kept("one_score", TensorProto.FLOAT, [1, SLOTS], [1.0, *[0.0] * (SLOTS - 1)]),
        _kept("one_box", TensorProto.FLOAT, [1, SLOTS, 4], [0.0, 0.0, 0.5, 0.5, *[0.0] * (4 * SLOTS - 4)]),
    ]
    outputs = [
        helper.make_tensor_value_info("instances", TensorProto.INT32, ["b", side, side]),
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["b", SLOTS, 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["b", SLOTS]),
        helper.make_tensor_value_info("classes", TensorProto.INT32, ["b", SLOTS]),
    ]
    return (nodes, kept), outputs
