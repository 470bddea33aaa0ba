"""Any number of pictures through graphs that were made for one."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.contract import ALPHA, OWN, PIXELS
from export.errors import SessionError
from export.network import Network, Reference
from export.processor import Planes
from export.runtime import Session

_TRIAL = 2
_CLOSE = 2e-2  # of the answer's spread: batches change rounding, and quantised graphs their scales; errors are larger


def prepared(model: onnx.ModelProto, source: str, size: int, output: onnx.ValueInfoProto) -> onnx.ModelProto:
    """One input [any, 3, size, size], one output, no node that only other outputs need."""
    graph = onnx.ModelProto()
    graph.CopyFrom(model)
    kind = next(value for value in model.graph.input if value.name == source).type.tensor_type.elem_type
    del graph.graph.input[:]
    del graph.graph.output[:]
    graph.graph.input.append(helper.make_tensor_value_info(source, kind, [None, 3, size, size]))
    graph.graph.output.append(output)
    del graph.graph.value_info[:]  # they may fix the batch
    _prune(graph.graph, output.name)
    return onnx.compose.add_prefix(graph, "network/") if _collides(graph.graph) else graph


def takes_many(graph: onnx.ModelProto, reference: Reference, sample: Planes) -> bool:
    """Whether two pictures at once give what each gives alone. `reference` answers [n, c, h, w] one by one."""
    source = graph.graph.input[0]
    dtype = np.float16 if source.type.tensor_type.elem_type == TensorProto.FLOAT16 else np.float32
    try:
        session = Session(graph.SerializeToString())
        answer = np.asarray(session.run(source.name, sample[:_TRIAL].astype(dtype))[0], dtype=np.float32)
    except SessionError:
        return False  # a reshape with the batch baked in
    wanted = np.asarray(reference(sample[:_TRIAL]), dtype=np.float32)
    spread = float(wanted.max() - wanted.min())
    return answer.size == wanted.size and bool(np.abs(answer.reshape(wanted.shape) - wanted).max() <= _CLOSE * spread)


def looped(network: Network) -> onnx.ModelProto:
    """The graph inside a Loop over the batch: weights outside, picture by picture inside, answers stacked."""
    model = onnx.ModelProto()
    model.CopyFrom(network.graph)
    graph, source, answer = model.graph, model.graph.input[0], model.graph.output[0]
    dims = [dim.dim_value for dim in answer.type.tensor_type.shape.dim][1:]
    one, stacked = "loop_picture", "loop_answers"
    body = _one_picture(graph, source.name, one, answer, dims)
    outer = [
        helper.make_node("Shape", [one], ["loop_dims"]),
        helper.make_node("Gather", ["loop_dims", "loop_zero"], ["loop_count"], axis=0),
        helper.make_node("Loop", ["loop_count", "loop_true"], [stacked], body=body),
    ]
    del graph.node[:]
    graph.node.extend(outer)
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.asarray(0, dtype=np.int64), "loop_zero"),
            numpy_helper.from_array(np.asarray(True), "loop_true"),  # noqa: FBT003
            numpy_helper.from_array(np.asarray([1, 3, network.size, network.size], dtype=np.int64), "loop_shape"),
            numpy_helper.from_array(np.asarray(dims, dtype=np.int64), "loop_map"),
        ]
    )
    source.name, answer.name = one, stacked
    return model


def _one_picture(
    graph: onnx.GraphProto, source: str, batch: str, answer: onnx.ValueInfoProto, dims: list[int]
) -> onnx.GraphProto:
    """The Loop's body: take picture number `loop_index` of `batch`, run the network, shape its answer as `dims`."""
    nodes = [
        helper.make_node("Identity", ["loop_go"], ["loop_on"]),
        helper.make_node("Gather", [batch, "loop_index"], ["loop_plane"], axis=0),
        helper.make_node("Reshape", ["loop_plane", "loop_shape"], [source]),
        *graph.node,
        helper.make_node("Reshape", [answer.name, "loop_map"], ["loop_answer"]),
    ]
    inputs = [
        helper.make_tensor_value_info("loop_index", TensorProto.INT64, []),
        helper.make_tensor_value_info("loop_go", TensorProto.BOOL, []),
    ]
    outputs = [
        helper.make_tensor_value_info("loop_on", TensorProto.BOOL, []),
        helper.make_tensor_value_info("loop_answer", answer.type.tensor_type.elem_type, dims),
    ]
    return helper.make_graph(nodes, "picture", inputs, outputs)


def _collides(graph: onnx.GraphProto) -> bool:
    """Whether a name of the graph is one that the contract or the loop around it needs."""
    names = {name for node in graph.node for name in (*node.input, *node.output)}
    return not names.isdisjoint({PIXELS, ALPHA}) or any(name.startswith((OWN, "loop_")) for name in names)


def _prune(graph: onnx.GraphProto, output: str) -> None:
    wanted, kept = {output}, []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(reads(node))
    del graph.node[:]
    graph.node.extend(reversed(kept))
    weights = [tensor for tensor in graph.initializer if tensor.name in wanted]
    del graph.initializer[:]
    graph.initializer.extend(weights)


def reads(node: onnx.NodeProto) -> set[str]:
    """Every tensor that a node needs, those of its nested graphs too."""
    inner = (nested for attribute in node.attribute for nested in attribute.g.node)
    return set(node.input).union(*(reads(nested) for nested in inner), *(set(_outputs(a.g)) for a in node.attribute))


def _outputs(graph: onnx.GraphProto) -> list[str]:
    return [value.name for value in graph.output]
