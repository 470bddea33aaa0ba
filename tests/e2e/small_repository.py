"""A model repository of one-step pipelines, for servers that a test may break."""

from pathlib import Path

_STEP = """
name: "{name}" backend: "python" max_batch_size: 4
input [ {{ name: "image" data_type: TYPE_STRING dims: [ 1 ] }} ]
output [ {{ name: "out" data_type: TYPE_STRING dims: [ 1 ] }} ]
instance_group [ {{ kind: KIND_CPU count: 2 }} ]
dynamic_batching {{ }}
"""
_ENSEMBLE = """
name: "{name}" platform: "ensemble" max_batch_size: 4
input [ {{ name: "image" data_type: TYPE_STRING dims: [ 1 ] }} ]
output [ {{ name: "out" data_type: TYPE_STRING dims: [ 1 ] }} ]
ensemble_scheduling {{ step [ {{
  model_name: "{step}" model_version: -1
  input_map {{ key: "image" value: "image" }} output_map {{ key: "out" value: "out" }}
}} ] }}
"""
_ECHO = """
import time
import numpy
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        assert numpy.__version__.startswith("1.26"), numpy.__version__
        time.sleep({seconds} * len(requests))
        answers = [pb_utils.get_input_tensor_by_name(request, "image").as_numpy() for request in requests]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("out", answer)]) for answer in answers]
"""


def echo(seconds: float = 0) -> str:
    """Code of a step that returns its input, `seconds` later for every request."""
    return _ECHO.format(seconds=seconds)


def write_step(repository: Path, name: str, code: str) -> None:
    _write(repository / name, _STEP.format(name=name))
    (repository / name / "1" / "model.py").write_text(code)


def write_pipeline(repository: Path, name: str, step: str) -> None:
    """An ensemble of one step: `image` in, `out` out, both bytes."""
    _write(repository / name, _ENSEMBLE.format(name=name, step=step))


def _write(folder: Path, config: str) -> None:
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").write_text(config)
