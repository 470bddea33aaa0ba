"""Smaller weights: half precision, or eight-bit matrices. The picture going in and the matte coming out stay UINT8."""

from collections.abc import Callable, Mapping
from tempfile import TemporaryDirectory
from types import MappingProxyType

import onnx

from export.roles import Precision


def _as_is(graph: onnx.ModelProto) -> onnx.ModelProto:
    return graph


def _half(graph: onnx.ModelProto) -> onnx.ModelProto:
    """float16 weights and arithmetic; operators without a half-precision kernel stay float32 (the library's list)."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    converted: onnx.ModelProto = convert_float_to_float16(graph, keep_io_types=True)
    return converted


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
