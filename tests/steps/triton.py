"""As much of Triton's Python backend as the steps use, so that a model.py runs without a server."""

from __future__ import annotations

import asyncio
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


class TritonModelException(Exception):  # noqa: N818 - Triton's name
    """A call that did not come to an answer."""


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

    def trace(self) -> None:
        """No request here is traced."""

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


@dataclass
class Called:
    """A model's answer to a step that calls it."""

    tensors: dict[str, NDArray[Any]]
    failure: TritonError | None = None

    def has_error(self) -> bool:
        return self.failure is not None

    def error(self) -> TritonError | None:
        return self.failure


class Calls(Protocol):
    """What stands behind the models that a step calls: name, version (-1 for the newest) and inputs to their answer."""

    async def __call__(self, model: str, version: int, inputs: dict[str, NDArray[Any]]) -> Called: ...


@dataclass
class PreferredMemory:
    """Where a step wants a called model's answer; a step that reads it with NumPy wants it in host memory."""

    kind: int
    device: int = 0


def get_output_tensor_by_name(response: Called, name: str) -> Tensor | None:
    return Tensor(name, response.tensors[name]) if name in response.tensors else None


def _requests_to(calls: Calls) -> type:
    """Triton's class of requests that a step makes, answered by `calls`."""

    @dataclass
    class InferenceRequest:
        model_name: str
        requested_output_names: list[str]
        inputs: list[Tensor]
        model_version: int = -1
        preferred_memory: PreferredMemory | None = None
        trace: None = None

        def exec(self) -> Called:
            return asyncio.run(self.async_exec())

        async def async_exec(self) -> Called:
            return await calls(self.model_name, self.model_version, {one.name(): one.values for one in self.inputs})

    return InferenceRequest


def load(step: str, calls: Calls | None = None) -> types.ModuleType:
    """Return the module `model_repository/<step>/1/model.py`, run with this stand-in for Triton. As there, it finds the
    files beside it by relative import.
    """
    stand_in = types.ModuleType("triton_python_backend_utils")
    parts = (Tensor, TritonError, InferenceResponse, Logger, get_input_tensor_by_name, get_output_tensor_by_name)
    for part in (*parts, PreferredMemory, TritonModelException):
        setattr(stand_in, part.__name__, part)
    setattr(stand_in, "TRITONSERVER_MEMORY_CPU", 0)  # noqa: B010 - a module has no such attribute to mypy
    if calls is not None:
        setattr(stand_in, "InferenceRequest", _requests_to(calls))  # noqa: B010 - a module has no such attribute to mypy
    folder = REPOSITORY / step / "1"
    package = types.ModuleType(f"step_{step}")
    package.__path__ = [str(folder)]
    sys.modules[package.__name__] = package
    spec = importlib.util.spec_from_file_location(f"{package.__name__}.model", folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    # Not patch.dict, which at its end forgets whatever was imported meanwhile: its second import is another module.
    sys.modules[stand_in.__name__] = stand_in
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[stand_in.__name__]
    return module


def started(
    step: str, parameters: dict[str, str] | None = None, *, repository: Path = REPOSITORY, calls: Calls | None = None
) -> Model:
    """Return the step's model, initialised as Triton does it, as if its folder lay in `repository`."""
    config = {"parameters": {key: {"string_value": value} for key, value in (parameters or {}).items()}}
    triton_model = load(step, calls).TritonPythonModel()
    folder = str(repository / step)
    if hasattr(triton_model, "initialize"):  # Triton calls it where there is one
        triton_model.initialize({"model_config": json.dumps(config), "model_name": step, "model_repository": folder})
    model: Model = triton_model
    return model
