"""torch module to ONNX graph, in memory."""

from collections.abc import Sequence
from contextlib import redirect_stderr
from io import StringIO
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import onnx
import torch

from export.errors import CheckpointError

Dynamic: TypeAlias = Any  # torch's own type for it is private


def to_onnx(module: torch.nn.Module, size: int, opset: int) -> onnx.ModelProto:
    """`pixel_values` float [n, 3, size, size] to `raw`; n is dynamic."""
    return exported(module, torch.zeros(2, 3, size, size), "pixel_values", ["raw"], opset)


def exported(
    module: torch.nn.Module, example: torch.Tensor, name: str, answers: Sequence[str], opset: int
) -> onnx.ModelProto:
    """One input and several outputs, the first dimension dynamic. `example` holds two pictures, since the exporter
    takes a batch of one for a constant.
    """
    return traced(module, (example,), ([name], answers), ({0: torch.export.Dim.DYNAMIC},), opset)


def traced(
    module: torch.nn.Module,
    example: tuple[torch.Tensor, ...],
    names: tuple[Sequence[str], Sequence[str]],
    dynamic: tuple[dict[int, Dynamic], ...],
    opset: int,
) -> onnx.ModelProto:
    """Inputs and outputs as `names`; `dynamic` are each input's dimensions that may change. In the example all of
    those must be at least two.
    """
    with TemporaryDirectory() as folder:
        path = f"{folder}/network.onnx"
        try:
            with redirect_stderr(StringIO()):  # a failing export prints its graphs beside what it raises
                _export(module, example, path, (names, dynamic), opset)
        except torch.onnx.OnnxExporterError as error:
            reason = str(error.__cause__ or error).strip().splitlines()[0]
            raise CheckpointError(f"{type(module).__name__} cannot be exported: {reason}") from error
        return onnx.load(path)


def _export(
    module: torch.nn.Module,
    example: tuple[torch.Tensor, ...],
    path: str,
    ends: tuple[tuple[Sequence[str], Sequence[str]], tuple[dict[int, Dynamic], ...]],
    opset: int,
) -> None:
    (inputs, outputs), dynamic = ends
    torch.onnx.export(
        module,
        example,
        path,
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_shapes=dynamic,
        opset_version=opset,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
