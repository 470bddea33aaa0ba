"""The class that Triton calls, with Triton's side stood in for and ONNX Runtime real."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import onnx
import pytest

from tests.backends import networks, triton_stub
from tests.backends.triton_stub import InferenceResponse, Request, TritonError

MODEL = Path(__file__).resolve().parents[2] / "backends" / "onnxruntime" / "model.py"
ADD = {
    "input": [{"name": name, "data_type": "TYPE_FP32", "dims": [4]} for name in ("a", "b")],
    "output": [{"name": "c", "data_type": "TYPE_FP32", "dims": [4]}],
    "max_batch_size": 4,
}
LOOKUP = {
    "input": [{"name": "index", "data_type": "TYPE_INT64", "dims": [1]}],
    "output": [{"name": "row", "data_type": "TYPE_FP32", "dims": [1, 2]}],
    "max_batch_size": 4,
}


class Shell:
    """Loads the backend's file by path, as Triton does, and brings up one instance."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.log = triton_stub.Log()
        monkeypatch.setattr(triton_stub, "Logger", self.log)
        monkeypatch.setitem(sys.modules, "triton_python_backend_utils", triton_stub)
        spec = importlib.util.spec_from_file_location("onnxruntime_twin_model", MODEL)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self._folder = folder
        self._instance = module.TritonPythonModel()

    def initialize(self, config: dict[str, Any], network: onnx.ModelProto, kind: str = "CPU") -> None:
        networks.save(network, self._folder / "1" / "model.onnx")
        self._instance.initialize(
            {
                "model_config": json.dumps({"name": "tested", **config}),
                "model_instance_kind": kind,
                "model_instance_device_id": "0",
                "model_repository": str(self._folder),
                "model_version": "1",
            }
        )

    def execute(self, *requests: Request) -> list[InferenceResponse]:
        answers: list[InferenceResponse] = self._instance.execute(list(requests))
        assert len(answers) == len(requests)
        return answers

    def finalize(self) -> None:
        self._instance.finalize()


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, monkeypatch)


def adding(rows: int, value: float = 1) -> Request:
    values = np.full((rows, 4), value, np.float32)
    return Request({"a": values, "b": values}, ["c"])


def outputs(answer: InferenceResponse) -> dict[str, Any]:
    assert answer.error() is None
    return {tensor.name(): tensor.as_numpy().tolist() for tensor in answer.output_tensors()}


def error(answer: InferenceResponse) -> TritonError:
    found = answer.error()
    assert found is not None
    assert answer.output_tensors() == []
    return found


def test_a_batch_is_answered_request_by_request(shell: Shell) -> None:
    shell.initialize(ADD, networks.add())
    first, second = shell.execute(adding(1, 1), adding(2, 3))
    assert outputs(first) == {"c": [[2] * 4]}
    assert outputs(second) == {"c": [[6] * 4] * 2}
    shell.finalize()


def test_a_cancelled_request_is_skipped_and_the_others_are_answered(shell: Shell) -> None:
    shell.initialize(ADD, networks.add())
    gone = Request({}, ["c"], cancelled=True)
    first, second = shell.execute(gone, adding(1))
    assert error(first).code() == TritonError.CANCELLED
    assert outputs(second) == {"c": [[2] * 4]}


def test_a_batch_larger_than_allowed_is_refused_for_every_request(shell: Shell) -> None:
    shell.initialize(ADD, networks.add())
    for answer in shell.execute(adding(3), adding(2)):
        assert error(answer).message() == "batch size 5 for 'tested', max allowed is 4"


def test_a_missing_input_is_that_requests_own_error(shell: Shell) -> None:
    shell.initialize(ADD, networks.add())
    first, second = shell.execute(Request({"a": np.ones((1, 4), np.float32)}, ["c"]), adding(1))
    assert error(first).code() == TritonError.INVALID_ARG
    assert error(first).message() == "model 'tested' got no input b"
    assert outputs(second) == {"c": [[2] * 4]}


def test_requests_of_mixed_shapes_are_all_answered(shell: Shell) -> None:
    tensors = {"input": "x", "output": "y"}
    entries = {kind: [{"name": name, "data_type": "TYPE_FP32", "dims": [-1, -1]}] for kind, name in tensors.items()}
    shell.initialize({**entries, "max_batch_size": 4}, networks.transpose())
    shapes = [(1, 2, 3), (1, 4, 1), (1, 2, 3)]
    answers = shell.execute(*(Request({"x": np.ones(shape, np.float32)}, ["y"]) for shape in shapes))
    assert [np.shape(outputs(answer)["y"]) for answer in answers] == [(1, 3, 2), (1, 1, 4), (1, 3, 2)]


def test_when_a_run_fails_only_the_culprits_get_the_error(shell: Shell) -> None:
    shell.initialize(LOOKUP, networks.lookup())
    requests = [Request({"index": np.array([[index]])}, ["row"]) for index in (3, 7, 0)]
    good, bad, also_good = shell.execute(*requests)
    assert outputs(good) == {"row": [[[6, 7]]]}
    assert "indices element out of data bounds, idx=7" in error(bad).message()
    assert outputs(also_good) == {"row": [[[0, 1]]]}


def test_without_memory_for_a_batch_each_request_runs_alone(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.initialize(ADD, networks.add())

    def full(arrays: list[Any]) -> NoReturn:
        raise MemoryError(f"no room for {len(arrays)} arrays")

    monkeypatch.setattr(np, "concatenate", full)
    first, second = shell.execute(adding(1, 1), adding(2, 3))
    assert outputs(first) == {"c": [[2] * 4]}
    assert outputs(second) == {"c": [[6] * 4] * 2}


def test_without_memory_for_a_requests_input_only_that_one_fails(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.initialize(ADD, networks.add())
    big, small = adding(1), adding(1)

    def full() -> NoReturn:
        raise MemoryError

    monkeypatch.setattr(big, "inputs", full)
    bad, good = shell.execute(big, small)
    assert error(bad).message() == "model 'tested': out of memory"
    assert outputs(good) == {"c": [[2] * 4]}


def test_a_network_that_loses_rows_is_an_error_and_no_exception(shell: Shell) -> None:
    config = {
        "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [4]}],
        "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": [8]}],
        "max_batch_size": 4,
    }
    shell.initialize(config, networks.folded())
    (answer,) = shell.execute(Request({"x": np.ones((2, 4), np.float32)}, ["y"]))
    assert error(answer).message() == "model 'tested': output 'y' has shape [1, 8] for a batch of 2"


def test_a_string_that_is_not_utf8_is_that_requests_own_error(shell: Shell) -> None:
    config = {
        "input": [{"name": "text", "data_type": "TYPE_STRING", "dims": [2]}],
        "output": [{"name": "same", "data_type": "TYPE_STRING", "dims": [2]}],
        "max_batch_size": 4,
    }
    shell.initialize(config, networks.strings())
    rows = [[b"gr\xc3\xbcn", b""], [b"\xff", b"x"]]
    good, bad = shell.execute(*(Request({"text": np.array([row], np.object_)}, ["same"]) for row in rows))
    assert outputs(good) == {"same": [["grün", ""]]}
    assert error(bad).code() == TritonError.INVALID_ARG
    assert "string input of model 'tested' is not UTF-8" in error(bad).message()


def test_scalars_are_taken_and_given_as_one_element(shell: Shell) -> None:
    entry = {"data_type": "TYPE_FP32", "dims": [1]}
    config = {"input": [{"name": "a", **entry}, {"name": "b", **entry}], "output": [{"name": "c", **entry}]}
    shell.initialize({**config, "max_batch_size": 0}, networks.add(()))
    (answer,) = shell.execute(Request({"a": np.ones(1, np.float32), "b": np.ones(1, np.float32)}, ["c"]))
    assert outputs(answer) == {"c": [2]}


def test_a_gpu_instance_without_a_gpu_build_runs_on_the_cpu_and_says_so(shell: Shell) -> None:
    shell.initialize(ADD, networks.add(), kind="GPU")
    (answer,) = shell.execute(adding(1))
    assert outputs(answer) == {"c": [[2] * 4]}
    assert shell.log.warnings == [
        "model 'tested': CUDAExecutionProvider is not in this ONNX Runtime, the instance runs without it"
    ]


def test_a_configuration_that_does_not_fit_the_network_is_refused_by_name(shell: Shell) -> None:
    with pytest.raises(triton_stub.TritonModelException, match="unable to load model 'tested': configuration expects"):
        shell.initialize(LOOKUP, networks.add())
