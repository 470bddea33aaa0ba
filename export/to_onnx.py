"""torch module to ONNX graph, in memory."""

from contextlib import redirect_stderr
from io import StringIO
from tempfile import TemporaryDirectory

import onnx
import torch

from export.errors import CheckpointError


def to_onnx(module: torch.nn.Module, size: int, opset: int) -> onnx.ModelProto:
    """`pixel_values` float [n, 3, size, size] to `raw`; n is dynamic. Two example pictures, since the exporter takes
    a batch of one for a constant.
    """
    example = torch.zeros(2, 3, size, size)
    with TemporaryDirectory() as folder:
        path = f"{folder}/network.onnx"
        try:
            with redirect_stderr(StringIO()):  # a failing export prints its graphs beside what it raises
                _export(module, example, path, opset)
        except torch.onnx.OnnxExporterError as error:
            reason = str(error.__cause__ or error).strip().splitlines()[0]
            raise CheckpointError(f"{type(module).__name__} cannot be exported: {reason}") from error
        return onnx.load(path)


def _export(module: torch.nn.Module, example: torch.Tensor, path: str, opset: int) -> None:
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
