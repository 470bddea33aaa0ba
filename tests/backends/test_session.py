"""Sessions of real ONNX Runtime: the options arrive, and nothing is copied."""

import re
from ctypes.util import find_library
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from tests.backends import networks
from twin.accelerators import CPU, CUDA, Provider, Providers
from twin.artefact import artefact_name, compute_capability, find_artefact
from twin.batch import RunError
from twin.options import SessionOptions
from twin.parameters import ConfigError
from twin.session import Session, inspect
from twin.tensors import DeviceValue, TensorSpec

ON_CPU = Providers(((CPU, {}),), frozenset())


def native_options(path: Path, options: SessionOptions) -> ort.SessionOptions:
    return Session(path, options, ON_CPU)._session.get_session_options()


def test_every_option_arrives_at_onnx_runtime(tmp_path: Path) -> None:
    path = networks.save(networks.perceptron(), tmp_path / "model.onnx")
    options = SessionOptions(
        graph_level="ORT_ENABLE_EXTENDED",
        execution_mode="ORT_PARALLEL",
        intra_op_threads=2,
        inter_op_threads=3,
        spinning=True,
        memory_arena=False,
        memory_pattern=False,
    )
    native = native_options(path, options)
    assert native.graph_optimization_level == ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    assert native.execution_mode == ort.ExecutionMode.ORT_PARALLEL
    assert (native.intra_op_num_threads, native.inter_op_num_threads) == (2, 3)
    assert (native.enable_cpu_mem_arena, native.enable_mem_pattern) == (False, False)
    assert native.get_session_config_entry("session.intra_op.allow_spinning") == "1"


def test_options_that_are_not_given_stay_onnx_runtimes_own(tmp_path: Path) -> None:
    path = networks.save(networks.perceptron(), tmp_path / "model.onnx")
    native, default = native_options(path, SessionOptions()), ort.SessionOptions()
    assert native.graph_optimization_level == ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    for name in ("execution_mode", "intra_op_num_threads", "inter_op_num_threads", "enable_cpu_mem_arena"):
        assert getattr(native, name) == getattr(default, name)


def test_arena_shrinkage_reaches_the_run(tmp_path: Path) -> None:
    """ONNX Runtime refuses to shrink an arena that is not there, which shows that the entry reaches it."""
    path = networks.save(networks.add(), tmp_path / "model.onnx")
    ones = np.ones((1, 4), np.float32)
    shrinking = Session(path, SessionOptions(arena_shrinkage="cpu:0"), ON_CPU)
    assert np.asarray(shrinking.run({"a": ones, "b": ones}, ["c"])["c"]).tolist() == [[2, 2, 2, 2]]
    without = Session(path, SessionOptions(arena_shrinkage="cpu:0", memory_arena=False), ON_CPU)
    with pytest.raises(RunError, match="arena"):
        without.run({"a": ones, "b": ones}, ["c"])


def test_outputs_are_onnx_runtimes_memory_and_not_a_copy(tmp_path: Path) -> None:
    path = networks.save(networks.add(), tmp_path / "model.onnx")
    ones = np.ones((1, 4), np.float32)
    output = np.asarray(Session(path, SessionOptions(), ON_CPU).run({"a": ones, "b": ones}, ["c"])["c"])
    assert not output.flags.owndata


def test_bound_memory_is_read_and_written_in_place(tmp_path: Path) -> None:
    """The way of GPU tensors, walked in host memory: DLPack in, IO binding, DLPack out."""
    session = Session(networks.save(networks.add(), tmp_path / "model.onnx"), SessionOptions(), ON_CPU)
    ones = np.ones((1, 4), np.float32)
    adopted = session.adopt(ones.__dlpack__())
    assert adopted.shape == (1, 4)
    ones += 1
    output = session._run_bound({"a": adopted, "b": ones}, ["c"])["c"]
    assert isinstance(output, DeviceValue)
    assert np.from_dlpack(output.ort_value).tolist() == [[4, 4, 4, 4]]
    assert output.host().tolist() == [[4, 4, 4, 4]]


def test_a_bound_scalar_comes_back_to_the_host(tmp_path: Path) -> None:
    session = Session(networks.save(networks.add(()), tmp_path / "model.onnx"), SessionOptions(), ON_CPU)
    one = np.ones((), np.float32)
    output = session._run_bound({"a": session.adopt(one.__dlpack__()), "b": one}, ["c"])["c"]
    assert isinstance(output, np.ndarray)
    assert output.tolist() == 2


def test_a_signature_tells_inputs_overridable_initialisers_and_outputs(tmp_path: Path) -> None:
    signature = inspect(networks.save(networks.scale(), tmp_path / "model.onnx"), ())
    assert signature.inputs == (TensorSpec("x", "TYPE_FP32", (3,)),)
    assert signature.overridable == (TensorSpec("factor", "TYPE_FP32", (3,)),)
    assert signature.outputs == (TensorSpec("y", "TYPE_FP32", (3,)),)
    assert not signature.batchable
    assert inspect(networks.save(networks.transpose(), tmp_path / "other.onnx"), ()).batchable


def test_a_failing_run_is_one_kind_of_error_with_onnx_runtimes_words(tmp_path: Path) -> None:
    session = Session(networks.save(networks.lookup(), tmp_path / "model.onnx"), SessionOptions(), ON_CPU)
    with pytest.raises(RunError, match=r"onnx runtime error: .*indices element out of data bounds, idx=9"):
        session.run({"index": np.array([[9]])}, ["row"])


def test_a_file_that_is_no_network_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"not a network")
    with pytest.raises(ConfigError, match=r"ONNX Runtime cannot load model\.onnx: "):
        Session(path, SessionOptions(), ON_CPU)


def test_a_tensor_that_triton_has_no_type_for_is_refused(tmp_path: Path) -> None:
    path = networks.save(networks.sequence(), tmp_path / "model.onnx")
    with pytest.raises(ConfigError, match=r"tensor 'all' of the network is a seq\(tensor\(float\)\)"):
        inspect(path, ())


def test_a_provider_that_is_not_there_is_refused_or_done_without(tmp_path: Path) -> None:
    path = networks.save(networks.add(), tmp_path / "model.onnx")
    ordered: tuple[Provider, ...] = ((CUDA, {"device_id": "0"}), (CPU, {}))
    assert Session(path, SessionOptions(), Providers(ordered, frozenset())).providers == (CPU,)
    with pytest.raises(ConfigError, match=f"asks for {CUDA}"):
        Session(path, SessionOptions(), Providers(ordered, frozenset({CUDA})))


def test_the_file_of_the_gpus_generation_comes_before_the_default() -> None:
    config = {"cc_model_filenames": {"9.0": "hopper.onnx"}, "default_model_filename": "other.onnx"}
    assert artefact_name(config, "9.0") == "hopper.onnx"
    assert artefact_name(config, "8.0") == "other.onnx"
    assert artefact_name(config, None) == "other.onnx"
    assert artefact_name({}, None) == "model.onnx"


@pytest.mark.skipif(find_library("cuda") is not None, reason="this machine has an NVIDIA driver")
def test_without_a_driver_there_is_no_compute_capability() -> None:
    with pytest.raises(OSError, match="libcuda"):
        compute_capability(0)


@pytest.mark.gpu
@pytest.mark.skipif(find_library("cuda") is None, reason="this machine has no NVIDIA driver")
def test_a_gpu_tells_its_compute_capability() -> None:
    assert re.fullmatch(r"\d+\.\d", compute_capability(0))


def test_an_artefact_is_a_file_or_a_folder_that_holds_one(tmp_path: Path) -> None:
    version = tmp_path / "model" / "1"
    file = networks.save(networks.add(), version / "plain.onnx")
    folder = networks.save_with_external_data(networks.perceptron(), version / "model.onnx")
    assert find_artefact(version, "plain.onnx") == file
    assert find_artefact(version, "model.onnx") == folder
    with pytest.raises(ConfigError, match=r"unable to find '1/nowhere\.onnx'"):
        find_artefact(version, "nowhere.onnx")
