"""Small ONNX networks, each for one thing that a backend can get wrong."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Dims = Sequence[int | str]
DATA_TYPES = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
}


def add(dims: Dims = ("n", 4)) -> onnx.ModelProto:
    """c = a + b, FP32."""
    return _network([helper.make_node("Add", ["a", "b"], ["c"])], {"a": dims, "b": dims}, {"c": dims})


def perceptron() -> onnx.ModelProto:
    """Two layers with something to fuse and two branches that can run side by side: x [n, 16] -> y [n, 8]."""
    rng = np.random.default_rng(7)
    weights = {
        "first": rng.normal(size=(16, 32)).astype(np.float32),
        "bias": rng.normal(size=32).astype(np.float32),
        "left": rng.normal(size=(32, 8)).astype(np.float32),
        "right": rng.normal(size=(32, 8)).astype(np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["shifted"]),
        helper.make_node("Relu", ["shifted"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "left"], ["l"]),
        helper.make_node("MatMul", ["hidden", "right"], ["r"]),
        helper.make_node("Sigmoid", ["r"], ["gate"]),
        helper.make_node("Mul", ["l", "gate"], ["y"]),
    ]
    return _network(nodes, {"x": ("n", 16)}, {"y": ("n", 8)}, weights=weights)


def sum_and_difference() -> onnx.ModelProto:
    """Two outputs of the same inputs, FP32 [n, 4]."""
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Sub", ["a", "b"], ["difference"])]
    dims = ("n", 4)
    return _network(nodes, {"a": dims, "b": dims}, {"sum": dims, "difference": dims})


def strings() -> onnx.ModelProto:
    """The same strings back: [n, 2]."""
    return _network(
        [helper.make_node("Identity", ["text"], ["same"])],
        {"text": ("n", 2)},
        {"same": ("n", 2)},
        data_type=TensorProto.STRING,
    )


def every_data_type() -> onnx.ModelProto:
    """The same values back, one input `in_FP16` and one output `out_FP16` of shape [n, 3] for every data type."""
    graph = helper.make_graph(
        [helper.make_node("Identity", [f"in_{name}"], [f"out_{name}"]) for name in DATA_TYPES],
        "every_data_type",
        [helper.make_tensor_value_info(f"in_{name}", code, ["n", 3]) for name, code in DATA_TYPES.items()],
        [helper.make_tensor_value_info(f"out_{name}", code, ["n", 3]) for name, code in DATA_TYPES.items()],
    )
    return _model(graph)


def transpose() -> onnx.ModelProto:
    """Height and width exchanged: [n, h, w] -> [n, w, h], every dimension symbolic."""
    node = helper.make_node("Transpose", ["x"], ["y"], perm=[0, 2, 1])
    return _network([node], {"x": ("n", "h", "w")}, {"y": ("n", "w", "h")})


def lookup() -> onnx.ModelProto:
    """A table of 4 rows by index: INT64 [n, 1] -> FP32 [n, 1, 2]; an index from 4 on makes the run fail."""
    table = np.arange(8, dtype=np.float32).reshape(4, 2)
    node = helper.make_node("Gather", ["table", "index"], ["row"], axis=0)
    graph = helper.make_graph(
        [node],
        "lookup",
        [helper.make_tensor_value_info("index", TensorProto.INT64, ["n", 1])],
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, ["n", 1, 2])],
        [numpy_helper.from_array(table, "table")],
    )
    return _model(graph)


def scale() -> onnx.ModelProto:
    """y = x * factor [3], where `factor` may be left out and is then 2."""
    return _network(
        [helper.make_node("Mul", ["x", "factor"], ["y"])],
        {"x": (3,), "factor": (3,)},
        {"y": (3,)},
        weights={"factor": np.full(3, 2, np.float32)},
    )


def folded() -> onnx.ModelProto:
    """Returns half as many rows as it gets: [n, 4] -> [m, 8], which no batch survives."""
    shape = np.array([-1, 8], dtype=np.int64)
    node = helper.make_node("Reshape", ["x", "shape"], ["y"])
    return _network([node], {"x": ("n", 4)}, {"y": ("m", 8)}, weights={"shape": shape})


def sequence() -> onnx.ModelProto:
    """Its output is a sequence, for which Triton has no type."""
    graph = helper.make_graph(
        [helper.make_node("SequenceConstruct", ["x"], ["all"])],
        "sequence",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_sequence_value_info("all", TensorProto.FLOAT, [1])],
    )
    return _model(graph)


def save(network: onnx.ModelProto, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(network, path)
    return path


def save_with_external_data(network: onnx.ModelProto, folder: Path) -> Path:
    """The folder form: `<folder>/model.onnx` and the weights in a file of their own."""
    folder.mkdir(parents=True)
    path = folder / "model.onnx"
    onnx.save(network, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    return path


def _network(
    nodes: list[onnx.NodeProto],
    inputs: Mapping[str, Dims],
    outputs: Mapping[str, Dims],
    data_type: int = TensorProto.FLOAT,
    weights: Mapping[str, np.ndarray] | None = None,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(name, data_type, dims) for name, dims in inputs.items()],
        [helper.make_tensor_value_info(name, data_type, dims) for name, dims in outputs.items()],
        [numpy_helper.from_array(values, name) for name, values in (weights or {}).items()],
    )
    return _model(graph)


def _model(graph: onnx.GraphProto) -> onnx.ModelProto:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model
