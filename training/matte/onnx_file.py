"""An exported network, run as the server runs it."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as state

from training.matte.errors import MatteError

# ONNX Runtime's exceptions have no common base of their own.
LOADING_ERRORS = (
    *(state.EPFail, state.EngineError, state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf),
    *(state.ModelLoaded, state.NoModel, state.NoSuchFile, state.NotImplemented, state.RuntimeException),
    *(RuntimeError, ValueError),
)


class OnnxPredictor:
    """A `model.onnx` under the contract UINT8 [B, S, S, 3] -> UINT8 [B, S, S]; S is read from the file."""

    def __init__(self, path: Path) -> None:
        try:
            self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        except LOADING_ERRORS as error:
            raise MatteError(f"{path}: not a loadable ONNX file ({error})") from error
        (pixels,), (alpha,) = self._session.get_inputs(), self._session.get_outputs()
        square = pixels.shape[1]
        if pixels.type != "tensor(uint8)" or pixels.shape[1:] != [square, square, 3] or alpha.type != "tensor(uint8)":
            raise MatteError(f"{path}: takes {pixels.type} {pixels.shape}, the contract is uint8 [B, S, S, 3]")
        self._name: str = pixels.name
        self.size: int = square

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """UINT8 [B, S, S, 3] -> UINT8 [B, S, S]."""
        return np.asarray(self._session.run(None, {self._name: pixels})[0], dtype=np.uint8)
