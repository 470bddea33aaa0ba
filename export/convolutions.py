"""Eight-bit convolutions, for networks whose time goes there: on a CPU half of what they take in float32.

Weights have a scale per output channel, activations one per tensor, from the least and the largest value that a network
shows on the calibration pictures (ONNX Runtime's static quantisation, written as QuantizeLinear and DequantizeLinear).
What reads a convolution's answer is float32 again.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx

from export.contract import PIXELS
from export.processor import Pictures

# Pooling and resizing of what is eight-bit already loses nothing more, and saves the way to float32 and back.
_OPERATORS = ("Conv", "MaxPool", "AveragePool", "Resize")

# Resizing stays float between sums that do.
_WITH_PRODUCTS = ("Conv", "Gemm")


def quantised(graph: onnx.ModelProto, calibration: Pictures, *, products: bool = False) -> onnx.ModelProto:
    """The graph with its convolutions in eight bits; `calibration` UINT8 [n, side, side, 3], as they will be served.

    With `products` those of matrices with weights follow, and the first convolution, which has little to do there and
    would have to turn the picture around, stays as it is.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    with TemporaryDirectory() as name:
        folder = Path(name)
        folded = _folded(graph, folder)
        quantize_static(
            folded,
            folder / "int8.onnx",
            _Reader(calibration),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_WITH_PRODUCTS if products else _OPERATORS),
            nodes_to_exclude=_first(folded) if products else [],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        return _declared(onnx.load(folder / "int8.onnx"))


class _Reader:
    """Pictures one by one, as the library asks for them."""

    def __init__(self, pictures: Pictures) -> None:
        self._left = iter(pictures)

    def get_next(self) -> dict[str, np.ndarray[Any, Any]] | None:
        picture = next(self._left, None)
        return None if picture is None else {PIXELS: picture[None]}


def _folded(graph: onnx.ModelProto, folder: Path) -> Path:
    """Frozen normalisations inside their convolutions, as ONNX Runtime does it when it loads a graph: between Quantize
    and Dequantize it could not any more. Constants stay as they are: folded, the places of all pixels that an instance
    network looks up would be three times the size of its weights.
    """
    import onnxruntime
    from onnxruntime.quantization.shape_inference import quant_pre_process

    plain = onnx.ModelProto()
    plain.CopyFrom(graph)
    del plain.graph.value_info[:]  # shapes that the exporter noted contradict those that the quantiser infers
    path, fused, folded = (folder / f"{name}.onnx" for name in ("plain", "fused", "folded"))
    onnx.save(plain, path)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(fused)
    onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"], disabled_optimizers=["ConstantFolding"]
    )
    quant_pre_process(fused, folded, skip_symbolic_shape=True, skip_optimization=True)
    return folded


def _first(folded: Path) -> list[str]:
    """The first convolution's name."""
    return next(([node.name] for node in onnx.load(folded).graph.node if node.op_type == "Conv"), [])


def _declared(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Only the operator sets that are used; ONNX Runtime declares every one that it knows."""
    used = {node.domain for node in graph.graph.node}
    kept = [entry for entry in graph.opset_import if entry.domain in used]
    del graph.opset_import[:]
    graph.opset_import.extend(kept)
    return graph
