"""What the twin uses of Triton's `triton_python_backend_utils`, in plain Python and with Triton's behaviour.

The real module's classes live inside Triton's stub process; tests marked `e2e` meet them there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class TritonModelException(Exception):  # noqa: N818 - Triton's name
    pass


class TritonError:
    INTERNAL: ClassVar[int] = 1
    INVALID_ARG: ClassVar[int] = 3
    CANCELLED: ClassVar[int] = 6

    def __init__(self, message: str, code: int = INTERNAL) -> None:
        self._message = message
        self._code = code

    def message(self) -> str:
        return self._message

    def code(self) -> int:
        return self._code


class Tensor:
    def __init__(self, name: str, values: Array) -> None:
        self._name = name
        self._values = values

    def name(self) -> str:
        return self._name

    def as_numpy(self) -> Array:
        return self._values

    def is_cpu(self) -> bool:
        return True


class InferenceResponse:
    def __init__(self, output_tensors: Sequence[Tensor], error: TritonError | None = None) -> None:
        self._outputs = list(output_tensors)
        self._error = error

    def output_tensors(self) -> list[Tensor]:
        return self._outputs

    def error(self) -> TritonError | None:
        return self._error


@dataclass
class Request:
    """A request as Triton hands it over; not part of the module that it stands in for."""

    tensors: dict[str, Array]
    outputs: Sequence[str]
    cancelled: bool = False

    def inputs(self) -> list[Tensor]:
        return [Tensor(name, np.asarray(values)) for name, values in self.tensors.items()]

    def requested_output_names(self) -> list[str]:
        return list(self.outputs)

    def is_cancelled(self) -> bool:
        return self.cancelled


@dataclass
class Log:
    warnings: list[str] = field(default_factory=list)

    def log_warn(self, message: str) -> None:
        self.warnings.append(message)


Logger = Log()
