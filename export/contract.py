"""The served contract, read from config.pbtxt through protobuf, against a role and against a graph."""

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import onnx
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from export.errors import ContractError
from export.roles import (
    CaptionerRole,
    DetectorRole,
    EmbedderRole,
    FaceRole,
    KeywordRole,
    MatteRole,
    Role,
    ShelfRole,
    TextRole,
)

PIXELS = "pixels"
ALPHA = "alpha"
EMBEDDING = "embedding"
NORMALIZED = "normalized"
CROSS, IDS, PAST, LOGITS, PRESENT = "cross", "ids", "past", "logits", "present"
PROBABILITY = "probability"
PROBABILITIES, LABELS = "probabilities", "labels"
BOXES = "boxes"
SCORES = "scores"
MASK, CONFIDENCE, INSTANCES, CLASSES = "mask", "confidence", "instances", "classes"
COARSE = 4  # sides of a mask are so many times those of its confidences
BATCH = "batch"
_TRITON_NAMES = MappingProxyType({"FLOAT": "FP32", "FLOAT16": "FP16", "DOUBLE": "FP64", "BFLOAT16": "BF16"})
OWN = "darkroom_"  # prefix of every tensor that wrapping adds


@dataclass(frozen=True)
class Tensor:
    """Name, Triton data type and dims of one input or output; a batch is shown as -1."""

    name: str
    dtype: str
    dims: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.dtype.removeprefix('TYPE_')} [{', '.join(map(str, self.dims))}]"


@dataclass(frozen=True)
class Contract:
    max_batch_size: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


def read(path: Path) -> Contract:
    """What a config.pbtxt promises. Raises ContractError when it is missing or does not parse."""
    config = model_config_pb2.ModelConfig()
    try:
        text_format.Parse(path.read_text(encoding="utf-8"), config)
    except OSError as error:
        raise ContractError(f"cannot read {path}: {error.strerror}") from error
    except text_format.ParseError as error:
        raise ContractError(f"{path}: {error}") from error
    batch = (-1,) if config.max_batch_size else ()
    inputs, outputs = (
        tuple(Tensor(one.name, model_config_pb2.DataType.Name(one.data_type), (*batch, *one.dims)) for one in entries)
        for entries in (config.input, config.output)
    )
    return Contract(config.max_batch_size, inputs, outputs)


def promised(role: Role, path: Path) -> Contract:
    """What the config.pbtxt at `path` promises of a role. Raises ContractError where the exporter writes another."""
    found = read(path)
    if said := disagreements(found, of_role(role)):
        raise ContractError(f"{role.name}: {'; '.join(said)}")
    return found


def of_role(role: Role) -> Contract:
    """What the exporter writes for a role."""
    if isinstance(role, TextRole):
        return Contract(1, (Tensor(IDS, "TYPE_INT32", (-1, role.length)),), _vectors(role.width))
    if isinstance(role, CaptionerRole):
        return _of_captioner(role)
    if isinstance(role, FaceRole):
        answers = tuple(Tensor(name, "TYPE_FP32", (-1, *shape)) for name, shape in role.outputs.items())
        return Contract(1, (Tensor(PIXELS, "TYPE_FP32", (-1, role.size, role.size, 3)),), answers)
    if isinstance(role, DetectorRole):
        return _of_detector(role)
    return Contract(1, (Tensor(PIXELS, "TYPE_UINT8", (-1, role.size, role.size, 3)),), _of_pictures(role))


def _of_pictures(role: MatteRole | EmbedderRole | KeywordRole | ShelfRole) -> tuple[Tensor, ...]:
    if isinstance(role, ShelfRole):
        return _of_shelf(role)
    if isinstance(role, EmbedderRole):
        return _vectors(role.width)
    if isinstance(role, KeywordRole):
        kinds = ((PROBABILITIES, "TYPE_FP32"), (SCORES, "TYPE_FP32"), (LABELS, "TYPE_UINT8"))
        return tuple(Tensor(name, kind, (-1, -1)) for name, kind in kinds)
    return (Tensor(ALPHA, "TYPE_UINT8", (-1, role.size, role.size)),)


def _vectors(width: int) -> tuple[Tensor, ...]:
    return tuple(Tensor(name, "TYPE_FP32", (-1, width)) for name in (EMBEDDING, NORMALIZED))


def _of_shelf(role: ShelfRole) -> tuple[Tensor, ...]:
    size, coarse, count = role.size, role.size // COARSE, role.count
    masks = (
        Tensor(MASK, "TYPE_UINT8", (-1, size, size)),
        Tensor(CONFIDENCE, "TYPE_UINT8", (-1, coarse, coarse)),
        Tensor(EMBEDDING, "TYPE_FP32", (-1, -1)),
    )
    if count is None:
        return masks
    return (
        *masks,
        Tensor(INSTANCES, "TYPE_INT32", (-1, size, size)),
        Tensor(BOXES, "TYPE_FP32", (-1, count, 4)),
        Tensor(SCORES, "TYPE_FP32", (-1, count)),
        Tensor(CLASSES, "TYPE_INT32", (-1, count)),
    )


def _of_captioner(role: CaptionerRole) -> Contract:
    """Dimensions are [batch, layers * 2, heads, tokens, width], with the texts of one picture after the batch."""
    cross = Tensor(CROSS, "TYPE_FP32", (-1,) * 5)
    if role.part == "encoder":
        return Contract(1, (Tensor(PIXELS, "TYPE_UINT8", (-1, role.size, role.size, 3)),), (cross,))
    past, present = (Tensor(name, "TYPE_FP32", (-1,) * 6) for name in (PAST, PRESENT))
    return Contract(
        max_batch_size=1,
        inputs=(Tensor(IDS, "TYPE_INT64", (-1, -1)), past, cross),
        outputs=(Tensor(LOGITS, "TYPE_FP32", (-1, -1, -1)), present),
    )


def _of_detector(role: DetectorRole) -> Contract:
    count, side = (-1, -1) if role.count is None else (role.count, role.size)
    outputs = (Tensor(BOXES, "TYPE_FP32", (-1, count, 4)), Tensor(SCORES, "TYPE_FP32", (-1, count)))
    return Contract(max_batch_size=1, inputs=(Tensor(PIXELS, "TYPE_UINT8", (-1, side, side, 3)),), outputs=outputs)


def of_graph(model: onnx.ModelProto) -> Contract:
    """What an ONNX graph really takes and gives."""
    initialised = {tensor.name for tensor in model.graph.initializer}
    return Contract(
        max_batch_size=1,
        inputs=tuple(_tensor(value) for value in model.graph.input if value.name not in initialised),
        outputs=tuple(_tensor(value) for value in model.graph.output),
    )


def disagreements(promised: Contract, found: Contract) -> list[str]:
    """One sentence per tensor that is not what config.pbtxt promises."""
    said = []
    if promised.max_batch_size < 1:
        said.append("max_batch_size is 0 but the graph has a batch dimension")
    pairs = (("input", promised.inputs, found.inputs), ("output", promised.outputs, found.outputs))
    for kind, ours, theirs in pairs:
        if ours != theirs:
            said.append(f"{kind}: config.pbtxt has {_list(ours)}, the exported model {_list(theirs)}")
    return said


def _list(tensors: tuple[Tensor, ...]) -> str:
    return ", ".join(map(str, tensors)) or "nothing"


def _tensor(value: onnx.ValueInfoProto) -> Tensor:
    kind = value.type.tensor_type
    dims = tuple(dim.dim_value if dim.HasField("dim_value") else -1 for dim in kind.shape.dim)
    name = onnx.TensorProto.DataType.Name(kind.elem_type)
    return Tensor(value.name, f"TYPE_{_TRITON_NAMES.get(name, name)}", dims)
