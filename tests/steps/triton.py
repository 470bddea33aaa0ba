"""As much of Triton's Python backend as the steps use, so that a model.py runs without a server."""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

REPOSITORY = Path(__file__).resolve().parents[2] / "model_repository"


@dataclass
class Tensor:
    label: str
    values: NDArray[Any]

    def name(self) -> str:
        return self.label

    def as_numpy(self) -> NDArray[Any]:
        return self.values


@dataclass
class TritonError:
    text: str
    status: int = 0

    UNKNOWN, INTERNAL, NOT_FOUND, INVALID_ARG, UNAVAILABLE, UNSUPPORTED, ALREADY_EXISTS, CANCELLED = range(8)

    def message(self) -> str:
        return self.text

    def code(self) -> int:
        return self.status


@dataclass
class InferenceResponse:
    output_tensors: list[Tensor] = field(default_factory=list)
    error: TritonError | None = None

    def refusal(self) -> TritonError:
        assert self.error is not None, "the request was answered"
        return self.error

    def arrays(self) -> dict[str, NDArray[Any]]:
        assert self.error is None, self.error
        return {tensor.name(): tensor.as_numpy() for tensor in self.output_tensors}


@dataclass
class Request:
    inputs: dict[str, NDArray[Any]]
    wanted: list[str]
    cancelled: bool = False

    def requested_output_names(self) -> list[str]:
        return self.wanted

    def is_cancelled(self) -> bool:
        return self.cancelled


class Logger:
    errors: ClassVar[list[str]] = []

    @classmethod
    def log_error(cls, text: str) -> None:
        cls.errors.append(text)


def get_input_tensor_by_name(request: Request, name: str) -> Tensor | None:
    return Tensor(name, request.inputs[name]) if name in request.inputs else None


class Model(Protocol):
    def execute(self, requests: list[Request]) -> list[InferenceResponse]: ...


def load(step: str) -> types.ModuleType:
    """Return the module `model_repository/<step>/1/model.py`, run with this stand-in for Triton."""
    stand_in = types.ModuleType("triton_python_backend_utils")
    for part in (Tensor, TritonError, InferenceResponse, Logger, get_input_tensor_by_name):
        setattr(stand_in, part.__name__, part)
    spec = importlib.util.spec_from_file_location(f"step_{step}", REPOSITORY / step / "1" / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Not patch.dict, which at its end forgets whatever was imported meanwhile: its second import is another module.
    # The step itself is there, too, as it is in Triton's process: dataclasses look their module up.
    known = {stand_in.__name__: stand_in, spec.name: module}
    sys.modules.update(known)
    try:
        spec.loader.exec_module(module)
    finally:
        for name in known:
            del sys.modules[name]
    return module


def started(step: str, parameters: dict[str, str] | None = None) -> Model:
    """Return the step's model, initialised as Triton does it."""
    config = {"parameters": {key: {"string_value": value} for key, value in (parameters or {}).items()}}
    triton_model = load(step).TritonPythonModel()
    place = str(REPOSITORY / step)
    triton_model.initialize({"model_config": json.dumps(config), "model_name": step, "model_repository": place})
    model: Model = triton_model
    return model
