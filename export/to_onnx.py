"""torch module to ONNX graph, in memory."""

from tempfile import TemporaryDirectory

import onnx
import torch


def to_onnx(module: torch.nn.Module, size: int, opset: int) -> onnx.ModelProto:
    """`pixel_values` float [n, 3, size, size] to `raw`; n is dynamic. Two example pictures, since the exporter takes
    a batch of one for a constant.
    """
    example = torch.zeros(2, 3, size, size)
    with TemporaryDirectory() as folder:
        path = f"{folder}/network.onnx"
        torch.onnx.export(
            module,
            (example,),
            path,
            input_names=["pixel_values"],
            output_names=["raw"],
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
            opset_version=opset,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        return onnx.load(path)
