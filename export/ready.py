"""Ready-made ONNX files: float NCHW in, logits or probabilities out, of any exporter. Read, measured, made uniform."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto

from export import batches, heads, pictures
from export.checkpoint import Checkpoint
from export.errors import CheckpointError, SessionError, UsageError
from export.kinds import Precision
from export.network import Network, network_size, resized
from export.options import Options
from export.processor import PROCESSOR_FILE, Pictures, Planes, Preprocessing
from export.processor import read as read_processor
from export.roles import MatteRole
from export.runtime import Session

_FLOATS: Mapping[int, type[np.floating[Any]]] = MappingProxyType(
    {TensorProto.FLOAT: np.float32, TensorProto.FLOAT16: np.float16}
)
_QUANTISED = frozenset(
    ("MatMulInteger", "ConvInteger", "QLinearMatMul", "QLinearConv", "DynamicQuantizeLinear", "QuantizeLinear")
)


def load(checkpoint: Checkpoint, role: MatteRole, options: Options) -> Network:
    """Raises CheckpointError for what is no such network, and UsageError where the command line must decide."""
    assert checkpoint.graph is not None  # noqa: S101 - the family says so
    model = read(checkpoint.graph)
    source = _input(model)
    preprocessing = _preprocessing(checkpoint.folder, checkpoint.graph.parent)
    size = _size(source, role, preprocessing, options.network_size)
    session = _session(checkpoint.graph)
    dtype = _FLOATS[source.type.tensor_type.elem_type]
    sample = resized(preprocessing.normalise(_samples(size)), size)
    answers = _run(session, source.name, sample.astype(dtype))
    name, remark = _choose(answers, options.output)
    head = heads.head(model, name, _maps(answers[name]), options.activation, options.subject)

    def reference(planes: Planes) -> Planes:
        return np.concatenate([_maps(_run(session, source.name, one[None].astype(dtype))[name]) for one in planes])

    graph = batches.prepared(model, source.name, size, onnx_output(model, name, answers[name]))
    return Network(
        architecture=f"ONNX ({model.producer_name or 'unknown producer'})",
        size=size,
        head=head,
        preprocessing=preprocessing,
        graph=graph,
        reference=reference,
        folder=checkpoint.folder,
        precision=_precision(model),
        loops=not batches.takes_many(graph, reference, sample),
        remarks=(remark,) if remark else (),
    )


def read(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=False)
    except (DecodeError, OSError, ValueError, onnx.checker.ValidationError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"{path}: not a readable ONNX file: {reason}") from error
    return model


def onnx_output(model: onnx.ModelProto, name: str, answer: Planes) -> onnx.ValueInfoProto:
    """The chosen output with the dims that a run showed, since files often state wrong ones."""
    kind = next(value for value in model.graph.output if value.name == name).type.tensor_type.elem_type
    return onnx.helper.make_tensor_value_info(name, kind, [None, *answer.shape[1:]])


def _input(model: onnx.ModelProto) -> onnx.ValueInfoProto:
    initialised = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in initialised]
    if len(inputs) != 1:
        raise CheckpointError(f"{len(inputs)} inputs ({', '.join(i.name for i in inputs)}); a picture is one")
    kind = inputs[0].type.tensor_type
    dims = [dim.dim_value for dim in kind.shape.dim]
    if kind.elem_type not in _FLOATS or len(dims) != 4 or dims[1] not in (0, 3):  # noqa: PLR2004 - NCHW
        dtype = TensorProto.DataType.Name(kind.elem_type)
        raise CheckpointError(f"input {inputs[0].name} is {dtype} {dims}; it must be float [n, 3, height, width]")
    if dims[0] > 1:
        raise CheckpointError(f"the graph takes exactly {dims[0]} pictures at once; one, or any number, can be served")
    source: onnx.ValueInfoProto = inputs[0]
    return source


def _preprocessing(*folders: Path) -> Preprocessing:
    """The processor file beside the graph or at the checkpoint's top; ImageNet's values where there is none."""
    paths = [folder / PROCESSOR_FILE for folder in folders]
    return read_processor(next((path for path in paths if path.exists()), paths[0]))


def _size(source: onnx.ValueInfoProto, role: MatteRole, preprocessing: Preprocessing, stated: int | None) -> int:
    """A fixed side of the graph wins; a command line that contradicts it is an error."""
    height, width = (dim.dim_value for dim in source.type.tensor_type.shape.dim[2:])
    if height != width:
        raise CheckpointError(f"the graph takes {height} x {width}; only squares can be served")
    if height and stated not in (None, height):
        raise UsageError(f"--network-size {stated}, but the graph takes {height} x {width} only")
    return height or network_size(role, preprocessing, stated)


def _session(path: Path) -> Session:
    try:
        return Session(path)
    except SessionError as error:
        raise CheckpointError(f"{path}: ONNX Runtime refuses it: {error}") from error


def _samples(size: int) -> Pictures:
    """One drawn picture and one of noise: enough to see the range of the answers."""
    return np.concatenate([pictures.drawn(size, 1), pictures.noise(size, 1)])


def _run(session: Session, name: str, planes: Planes) -> dict[str, Planes]:
    """Every output, stacked over single pictures: a file may take only one at a time."""
    try:
        runs = [session.run(name, planes[i : i + 1]) for i in range(len(planes))]
    except SessionError as error:
        raise CheckpointError(f"the graph does not run at {planes.shape[2:]}: {error}") from error
    stacked = {label: [run[i] for run in runs] for i, label in enumerate(session.outputs) if runs[0][i].ndim}
    return {label: np.concatenate(answers).astype(np.float32) for label, answers in stacked.items()}


def _maps(answer: Planes) -> Planes:
    """Any square output as float32 [n, c, h, w]."""
    shape = answer.shape if answer.ndim == 4 else (answer.shape[0], 1, *answer.shape[1:])  # noqa: PLR2004
    return np.asarray(answer, dtype=np.float32).reshape(shape)


def _choose(answers: dict[str, Planes], wanted: str | None) -> tuple[str, str]:
    """The output that is the matte, and a remark where it was a choice: of the square maps the largest, then the first
    (side outputs are smaller, and follow).
    """
    maps = {name: _maps(answer) for name, answer in answers.items() if _is_map(answer)}
    if wanted is not None:
        if wanted not in maps:
            raise UsageError(f"no matte-like output {wanted}; outputs: {', '.join(answers)}")
        return wanted, ""
    if not maps:
        shapes = ", ".join(f"{name} {list(answer.shape)}" for name, answer in answers.items())
        raise CheckpointError(f"no output is a square map with 1 or 2 channels: {shapes}")
    name = max(maps, key=lambda key: maps[key].shape[2])
    return name, f"output {name} of {', '.join(answers)}" if len(answers) > 1 else ""


def _is_map(answer: Planes) -> bool:
    if answer.ndim == 3:  # noqa: PLR2004 - [n, h, w]
        return bool(answer.shape[1] == answer.shape[2])
    square = answer.ndim == 4 and answer.shape[2] == answer.shape[3]  # noqa: PLR2004 - [n, c, h, w]
    return square and answer.shape[1] in (1, 2)


def _precision(model: onnx.ModelProto) -> Precision:
    if any(node.op_type in _QUANTISED for node in model.graph.node):
        return "int8"
    halves = sum(tensor.data_type == TensorProto.FLOAT16 for tensor in model.graph.initializer)
    floats = sum(tensor.data_type == TensorProto.FLOAT for tensor in model.graph.initializer)
    return "fp16" if halves > floats else "fp32"
