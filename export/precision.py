"""Smaller weights: half precision, or eight-bit matrices. The picture going in and the matte coming out stay UINT8."""

from collections.abc import Callable, Mapping
from graphlib import TopologicalSorter
from tempfile import TemporaryDirectory
from types import MappingProxyType

import onnx

from export.batches import reads
from export.kinds import Precision


def _as_is(graph: onnx.ModelProto) -> onnx.ModelProto:
    return graph


def _half(graph: onnx.ModelProto) -> onnx.ModelProto:
    """float16 weights and arithmetic; operators without a half-precision kernel stay float32 (the library's list)."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    converted: onnx.ModelProto = convert_float_to_float16(graph, keep_io_types=True)
    _merge_casts(converted.graph)
    _sort(converted.graph)
    return converted


def _merge_casts(graph: onnx.GraphProto) -> None:
    """One cast per tensor. The converter writes the same one again for every reader that stays float32."""
    made: set[str] = set()
    kept = []
    for node in graph.node:
        if not made.intersection(node.output):
            kept.append(node)
        made.update(name for name in node.output if name)
    del graph.node[:]
    graph.node.extend(kept)


def _sort(graph: onnx.GraphProto) -> None:
    """Every node after those that it reads. The converter appends its casts at the end, which ONNX Runtime forgives in
    the outermost graph only, and this one may come to lie in a loop.
    """
    nodes = list(graph.node)
    makers = {output: index for index, node in enumerate(nodes) for output in node.output if output}
    needs = {
        index: [makers[name] for name in sorted(reads(node)) if name in makers] for index, node in enumerate(nodes)
    }
    del graph.node[:]
    graph.node.extend(nodes[index] for index in TopologicalSorter(needs).static_order())
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        for nested in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
            _sort(nested)


def _eight_bits(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Dynamic quantisation of matrix products. Convolutions stay float: quantised so, they are many times slower."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    plain = onnx.ModelProto()
    plain.CopyFrom(graph)
    del plain.graph.value_info[:]  # shapes that the exporter noted contradict those that the quantiser infers
    with TemporaryDirectory() as folder:
        path = f"{folder}/int8.onnx"
        quantize_dynamic(plain, path, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Gemm"])
        return onnx.load(path)


CONVERT: Mapping[Precision, Callable[[onnx.ModelProto], onnx.ModelProto]] = MappingProxyType(
    {"fp32": _as_is, "fp16": _half, "int8": _eight_bits}
)
