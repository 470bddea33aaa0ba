"""ONNX Runtime on the CPU, quiet, with its errors as one type."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as state

from export.errors import SessionError

_FATAL_ONLY = 4
# The library's exceptions have no common base of their own.
_ERRORS = (
    *(state.EPFail, state.EngineError, state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf),
    *(state.ModelLoaded, state.NoModel, state.NoSuchFile, state.NotImplemented, state.RuntimeException),
    *(RuntimeError, ValueError),
)
Answer = npt.NDArray[np.generic]


class Session:
    """A graph in memory or on disk; kernels use as many threads as the machine has cores."""

    def __init__(self, model: Path | bytes) -> None:
        options = ort.SessionOptions()
        options.log_severity_level = _FATAL_ONLY
        try:
            self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except _ERRORS as error:
            raise SessionError(_first_line(error)) from error
        self.inputs: dict[str, str] = {entry.name: entry.type for entry in self._session.get_inputs()}
        self.outputs: tuple[str, ...] = tuple(output.name for output in self._session.get_outputs())

    def run(self, name: str, value: Answer, outputs: Sequence[str] | None = None) -> list[Answer]:
        options = ort.RunOptions()
        options.log_severity_level = _FATAL_ONLY
        try:
            answers: list[Answer] = self._session.run(outputs, {name: value}, options)
        except _ERRORS as error:
            raise SessionError(_first_line(error)) from error
        return answers


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
