"""Graph surgery: a bare network becomes `pixels` UINT8 [n, S, S, 3] to `alpha` UINT8 [n, S, S], all inside."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.contract import ALPHA, BATCH, OWN, PIXELS
from export.errors import CheckpointError
from export.network import Head, Network
from export.roles import MatteRole
from export.smooth import windows

LEAST_OPSET = 11  # Resize with half-pixel centres
OPTIONAL_INPUTS_OPSET = 13  # before it, a Resize by sizes needs its other inputs too, empty
RELEASE_IR = 10  # what the ONNX Runtime of Triton 24.10 reads


class _Chain:
    """Nodes one after another, each taking the last one's output."""

    def __init__(self, start: str, opset: int, label: str) -> None:
        self.tensor = start
        self.opset = opset
        self.label = f"{OWN}{label}"
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def then(self, operator: str, *extra: str, left: str = "", **attributes: int | str | Sequence[int]) -> None:
        """One more node on the last one's output, `extra` inputs after it and `left` before it."""
        output = f"{self.label}_{len(self.nodes)}_{operator.lower()}"
        inputs = [*filter(None, [left]), self.tensor, *extra]
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output))
        self.nodes[-1].attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self.tensor = output

    def constant(self, name: str, values: object, dtype: type[np.generic] = np.float32) -> str:
        tensor = numpy_helper.from_array(np.asarray(values, dtype=dtype), f"{OWN}{name.removeprefix(OWN)}")
        if tensor.name not in {known.name for known in self.constants}:
            self.constants.append(tensor)
        return tensor.name

    def resize(self, channels: int, before: int, after: int) -> None:
        """[n, channels, before, before] to [n, channels, after, after], bilinear; smoothed where it shrinks."""
        if before > after:
            self._shrink(channels, before, after)
        elif before < after:
            self._grow(after)

    def _shrink(self, channels: int, before: int, after: int) -> None:
        """Rows, then columns, each as products of small matrices with the pixels that they reach."""
        blocks = windows(before, after)
        reads = self.constant(f"{self.label}_reads", blocks.reads, np.int64)
        weights = self.constant(f"{self.label}_weights", blocks.weights)
        for width in (before, after):
            self.then("Gather", reads, axis=2)
            self.then("MatMul", left=weights)
            shape = self.constant(f"{self.label}_shape_{width}", [-1, channels, after, width], np.int64)
            self.then("Reshape", shape)
            self.then("Transpose", perm=[0, 1, 3, 2])

    def _grow(self, side: int) -> None:
        shape, lead, sizes = (f"{self.label}_{part}" for part in ("shape", "lead", "sizes"))
        first, second = self.constant("0", [0], np.int64), self.constant("2", [2], np.int64)
        sides = self.constant(f"{self.label}_sides", [side, side], np.int64)
        self.nodes += [
            helper.make_node("Shape", [self.tensor], [shape], name=shape),
            helper.make_node("Slice", [shape, first, second], [lead], name=lead),
            helper.make_node("Concat", [lead, sides], [sizes], name=sizes, axis=0),
        ]
        unused = "" if self.opset >= OPTIONAL_INPUTS_OPSET else self.constant("none", [])
        self.then("Resize", unused, unused, sizes, mode="linear", coordinate_transformation_mode="half_pixel")


def wrap(network: Network, role: MatteRole) -> onnx.ModelProto:
    """The network inside the role's contract; deterministic for the same input."""
    model = onnx.ModelProto()
    model.CopyFrom(network.graph)
    opset = opset_of(model)
    if opset < LEAST_OPSET:
        raise CheckpointError(f"the graph has opset {opset}; at least {LEAST_OPSET} is needed")
    front = _front(network, role, opset, model.graph.input[0].type.tensor_type.elem_type)
    back = _back(network, role, opset, model.graph.output[0])
    inner = list(model.graph.node)
    _reconnect(inner, model.graph.input[0].name, front.tensor)
    del model.graph.node[:]
    model.graph.node.extend([*front.nodes, *inner, *back.nodes])
    known = {tensor.name for tensor in front.constants}
    model.graph.initializer.extend([*front.constants, *(t for t in back.constants if t.name not in known)])
    _set_ends(model.graph, role)
    return stripped(model)


def opset_of(model: onnx.ModelProto) -> int:
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)


def stripped(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without what only describes: stack traces, inferred shapes, doc strings. A tenth of a small network's file."""
    del model.graph.value_info[:]
    del model.metadata_props[:]
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("doc_string")
    for part in (graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("metadata_props")
    model.ir_version = min(model.ir_version, RELEASE_IR)
    return model


def renamed(model: onnx.ModelProto, names: Mapping[str, str]) -> onnx.ModelProto:
    """The ends of a graph under other names, everything inside out of their way."""
    graph = onnx.compose.add_prefix(model, "network/", rename_inputs=False, rename_outputs=False)
    for node in graph.graph.node:
        for tensors in (node.input, node.output):
            tensors[:] = [names.get(tensor, tensor) for tensor in tensors]
    for value in (*graph.graph.input, *graph.graph.output):
        value.name = names[value.name]
    return graph


def network_input(model: onnx.ModelProto) -> onnx.ModelProto:
    """The preprocessing alone, cut out of a wrapped model: `pixels` in, the network's input out."""
    nodes = list(model.graph.node)
    last = max(i for i, node in enumerate(nodes) if node.output[0].startswith(f"{OWN}front_end"))
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.node[last + 1 :]
    del probe.graph.output[:]
    used = {name for node in probe.graph.node for name in node.input}
    kept = [tensor for tensor in probe.graph.initializer if tensor.name in used]
    del probe.graph.initializer[:]
    probe.graph.initializer.extend(kept)
    kind = TensorProto.FLOAT16 if nodes[last].op_type == "Cast" else TensorProto.FLOAT
    probe.graph.output.append(helper.make_tensor_value_info(nodes[last].output[0], kind, None))
    return probe


def _front(network: Network, role: MatteRole, opset: int, kind: int) -> _Chain:
    """Cast, channels first, resize where the sizes differ, normalise; then the network's own float type."""
    facts = network.preprocessing
    chain = _Chain(PIXELS, opset, "front")
    chain.then("Cast", to=TensorProto.FLOAT)
    chain.then("Transpose", perm=[0, 3, 1, 2])
    chain.resize(3, role.size, network.size)
    mean = np.asarray(facts.mean).reshape(1, 3, 1, 1) / facts.scale
    gain = facts.scale / np.asarray(facts.std).reshape(1, 3, 1, 1)
    chain.then("Sub", chain.constant("mean", mean))
    chain.then("Mul", chain.constant("gain", gain))
    if kind == TensorProto.FLOAT16:
        chain.then("Cast", to=kind)
    chain.nodes[-1].output[0] = chain.tensor = f"{OWN}front_end"
    return chain


def _back(network: Network, role: MatteRole, opset: int, raw: onnx.ValueInfoProto) -> _Chain:
    """One channel, the contract's size, 0 to 255."""
    side = output_side(raw, network)
    chain = _Chain(raw.name, opset, "back")
    chain.then("Cast", to=TensorProto.FLOAT)
    chain.then("Reshape", chain.constant("raw_shape", [-1, channels(network.head), side, side], np.int64))
    if network.head.kind == "softmax":
        _difference(chain, network.head)
    chain.resize(1, side, role.size)
    if network.head.kind == "probability":
        chain.then("Clip", chain.constant("zero", 0), chain.constant("one", 1))
    else:
        chain.then("Sigmoid")
    chain.then("Mul", chain.constant("levels", 255))
    chain.then("Round")
    chain.then("Reshape", chain.constant("alpha_shape", [-1, role.size, role.size], np.int64))
    chain.then("Cast", to=TensorProto.UINT8)  # last: TensorRT has eight-bit integers only at its ends
    chain.nodes[-1].output[0] = chain.tensor = ALPHA
    return chain


def channels(head: Head) -> int:
    return 2 if head.kind == "softmax" else 1


def output_side(raw: onnx.ValueInfoProto, network: Network) -> int:
    """The side of the network's output, from the graph."""
    dims = [dim.dim_value for dim in raw.type.tensor_type.shape.dim]
    if len(dims) < 3 or dims[-1] != dims[-2] or dims[-1] < 1:  # noqa: PLR2004 - [n, h, w] at least
        raise CheckpointError(
            f"output {raw.name} has shape {dims}, not a square map for {network.size} x {network.size}"
        )
    return int(dims[-1])


def _difference(chain: _Chain, head: Head) -> None:
    """Subject minus background, so that a sigmoid gives the two-class softmax."""
    weights = np.full((1, 2, 1, 1), -1.0)
    weights[0, head.subject] = 1.0
    chain.then("Mul", chain.constant("sign", weights))
    if chain.opset >= 13:  # noqa: PLR2004 - from here on ReduceSum takes its axes as an input
        chain.then("ReduceSum", chain.constant("axis", [1], np.int64), keepdims=1)
    else:
        chain.then("ReduceSum", axes=[1], keepdims=1)


def _reconnect(nodes: Sequence[onnx.NodeProto], old: str, new: str) -> None:
    """Every reader of `old`, in nested graphs too, reads `new`."""
    for node in nodes:
        for index, name in enumerate(node.input):
            if name == old:
                node.input[index] = new
        for attribute in node.attribute:
            _reconnect(attribute.g.node, old, new)


def _set_ends(graph: onnx.GraphProto, role: MatteRole) -> None:
    side = role.size
    del graph.input[:]
    del graph.output[:]
    graph.input.append(helper.make_tensor_value_info(PIXELS, TensorProto.UINT8, [BATCH, side, side, 3]))
    graph.output.append(helper.make_tensor_value_info(ALPHA, TensorProto.UINT8, [BATCH, side, side]))
