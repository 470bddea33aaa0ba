"""ONNX files under the contract of shelf segmenters, that tell classes by colour."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIDE = 64
_SLICE = {"begin": [2, 2], "end": [SIDE, SIDE], "axes": [1, 2], "steps": [4, 4]}
COLOURS = np.array([[0, 0, 0], [250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 250]], np.float32)


def painted(classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture that the network of colours reads these classes [H, W] from."""
    return np.asarray(COLOURS.astype(np.uint8)[classes])


def by_colour(folder: Path, *, instances: bool = False, role: str = "shelf_segmenter") -> Path:
    """A version's folder with `model.onnx` and its card; with `instances` every pixel of class 1 is one product."""
    nodes, constants, outputs = _masks()
    if instances:
        for found, more in zip((nodes, outputs), _lists(constants), strict=True):
            found.extend(more)
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIDE, SIDE, 3])
    initialisers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "colours", [pixels], outputs, initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    (folder / "model.json").write_text(json.dumps({"role": role, "precision": "fp32"}))
    return folder


def _masks() -> tuple[list[Any], dict[str, Any], list[Any]]:
    nodes = [
        helper.make_node("Cast", ["pixels"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["values", "colours"], ["products"]),
        helper.make_node("Sub", ["products", "lengths"], ["near"]),
        helper.make_node("ArgMax", ["near"], ["index"], axis=-1, keepdims=0),
        helper.make_node("Cast", ["index"], ["mask"], to=TensorProto.UINT8),
        helper.make_node("Slice", ["mask", "begin", "end", "axes", "steps"], ["coarse"]),
        helper.make_node("Mul", ["coarse", "tens"], ["confidence"]),
        helper.make_node("ReduceMean", ["values", "spatial"], ["embedding"], keepdims=0),
    ]
    constants = {
        "colours": 2 * COLOURS.T,
        "lengths": (COLOURS**2).sum(axis=1),
        **{name: np.array(value) for name, value in _SLICE.items()},
        "tens": np.array(50, np.uint8),
        "spatial": np.array([1, 2]),
    }
    outputs = [
        helper.make_tensor_value_info("mask", TensorProto.UINT8, ["n", SIDE, SIDE]),
        helper.make_tensor_value_info("confidence", TensorProto.UINT8, ["n", SIDE // 4, SIDE // 4]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 3]),
    ]
    return nodes, constants, outputs


def _lists(constants: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """More nodes and outputs; their constants are added."""
    nodes = [
        helper.make_node("Equal", ["mask", "product"], ["held"]),
        helper.make_node("Cast", ["held"], ["instances"], to=TensorProto.INT32),
    ]
    constants["product"] = np.array(1, np.uint8)
    outputs = [helper.make_tensor_value_info("instances", TensorProto.INT32, ["n", SIDE, SIDE])]
    lists = {
        "boxes": np.array([[[0, 0, 1, 1], [0, 0, 0, 0]]], np.float32),
        "scores": np.array([[0.9, 0.0]], np.float32),
        "classes": np.array([[1, 0]], np.int32),
    }
    for name, value in lists.items():
        nodes.append(helper.make_node("Identity", [f"{name}_fixed"], [name]))
        constants[f"{name}_fixed"] = value
        kind = TensorProto.INT32 if name == "classes" else TensorProto.FLOAT
        outputs.append(helper.make_tensor_value_info(name, kind, list(value.shape)))
    return nodes, outputs
