"""Tensors as ONNX names them and as Triton does."""

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from twin.parameters import ConfigError

Array: TypeAlias = NDArray[Any]
Strings: TypeAlias = NDArray[np.object_]

_DATA_TYPES = {
    "tensor(bool)": "TYPE_BOOL",
    "tensor(uint8)": "TYPE_UINT8",
    "tensor(uint16)": "TYPE_UINT16",
    "tensor(uint32)": "TYPE_UINT32",
    "tensor(uint64)": "TYPE_UINT64",
    "tensor(int8)": "TYPE_INT8",
    "tensor(int16)": "TYPE_INT16",
    "tensor(int32)": "TYPE_INT32",
    "tensor(int64)": "TYPE_INT64",
    "tensor(float16)": "TYPE_FP16",
    "tensor(float)": "TYPE_FP32",
    "tensor(double)": "TYPE_FP64",
    "tensor(string)": "TYPE_STRING",
}


@dataclass(frozen=True)
class DeviceValue:
    """Values in GPU memory, held by ONNX Runtime's OrtValue."""

    ort_value: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.ort_value.shape())

    def host(self) -> Array:
        """A copy in host memory."""
        values: Array = self.ort_value.numpy()
        return values


# What goes into the network and comes out of it.
Values: TypeAlias = Array | DeviceValue


class NodeArg(Protocol):
    """What ONNX Runtime tells about an input or output; symbolic dims are strings or None."""

    name: str
    type: str
    shape: list[int | str | None]


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of the network. `dims` holds every dimension, the batch too; -1 is a symbolic one."""

    name: str
    data_type: str
    dims: tuple[int, ...]

    @classmethod
    def read(cls, node: NodeArg) -> "TensorSpec":
        """Raises ConfigError for what Triton has no tensor for: sequences, maps, bfloat16, complex numbers."""
        try:
            data_type = _DATA_TYPES[node.type]
        except KeyError:
            raise ConfigError(f"tensor '{node.name}' of the network is a {node.type}, which is not supported") from None
        return cls(node.name, data_type, tuple(dim if isinstance(dim, int) else -1 for dim in node.shape))


def decode_strings(values: Strings) -> Strings:
    """Triton's bytes objects as the str objects that ONNX Runtime takes; raises ValueError where one is not UTF-8."""
    texts = np.empty(values.size, dtype=np.object_)
    for index, value in enumerate(values.reshape(-1)):
        texts[index] = value.decode("utf-8")
    return texts.reshape(values.shape)


def on_host(values: Values) -> Array:
    return values if isinstance(values, np.ndarray) else values.host()
