"""The twin behind a real tritonserver: every knob that a CPU can turn gives ONNX Runtime's answer."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

from tests.backends import networks
from tests.backends.configs import ADD, GATHERING, ONE, PERCEPTRON, graph_level, parameters
from tests.backends.inference import expected, infer, infer_together
from tests.backends.server import TwinServer

pytestmark = pytest.mark.e2e

KNOBS = {
    "nothing": "",
    "level_basic": graph_level(-1),
    "level_all": graph_level(0),
    "level_extended": graph_level(1),
    "level_off": graph_level(2),
    "threads": parameters({"intra_op_thread_count": "2", "inter_op_thread_count": "2"}),
    "sequential": parameters({"execution_mode": "0"}),
    "parallel": parameters({"execution_mode": "1", "inter_op_thread_count": "2"}),
    "arena_off_pattern_off": parameters({"enable_mem_arena": "false", "enable_mem_pattern": "0"}),
    "arena_on_shrinking": parameters(
        {
            "enable_mem_arena": "1",
            "enable_mem_pattern": "true",
            "memory.enable_memory_arena_shrinkage": "cpu:0;gpu:0",
        }
    ),
    "gpu_settings_on_a_cpu": parameters(
        {"cudnn_conv_algo_search": "2", "gpu_mem_limit": "1000000", "arena_extend_strategy": "1"}
    )
    + ' optimization { execution_accelerators { gpu_execution_accelerator [ { name: "tensorrt" '
    'parameters { key: "precision_mode" value: "FP16" } } ] } }',
}


@pytest.fixture(scope="module")
def knobs(server: TwinServer) -> Iterator[TwinServer]:
    """Every knob turned, each in a model of its own; loaded side by side, since loading is mostly waiting."""
    for knob, config in KNOBS.items():
        server.add(knob, f"{PERCEPTRON} {config}", networks.perceptron())
    with ThreadPoolExecutor(len(KNOBS)) as pool:
        list(pool.map(server.client.load_model, KNOBS))
    yield server
    for knob in KNOBS:
        server.client.unload_model(knob)


@pytest.mark.parametrize("knob", KNOBS)
def test_every_knob_gives_the_answer_of_onnx_runtime(knobs: TwinServer, knob: str) -> None:
    x = np.random.default_rng(1).normal(size=(8, 16)).astype(np.float32)
    answers = infer(knobs.client, knob, {"x": x})
    np.testing.assert_allclose(answers["y"], expected(networks.perceptron(), {"x": x})["y"], rtol=1e-5, atol=1e-6)


def test_two_instances_answer_alike(server: TwinServer) -> None:
    network = networks.perceptron()
    server.add("two", PERCEPTRON.replace("count: 1", "count: 2"), network)
    requests = [{"x": np.full((1, 16), value, np.float32)} for value in range(6)]
    with server.loaded("two"):
        answers = infer_together(server.client, "two", requests)
    for feeds, answer in zip(requests, answers, strict=True):
        assert isinstance(answer, dict)
        np.testing.assert_allclose(answer["y"], expected(network, feeds)["y"], rtol=1e-5, atol=1e-6)


def test_a_file_of_another_name_is_served(server: TwinServer) -> None:
    version = server.add("renamed", f'default_model_filename: "other.onnx" {ADD}', None)
    networks.save(networks.add(), version / "other.onnx")
    with server.loaded("renamed"):
        answers = infer(server.client, "renamed", {"a": np.ones((1, 4), np.float32), "b": np.ones((1, 4), np.float32)})
    assert answers["c"].tolist() == [[2, 2, 2, 2]]


def test_a_folder_with_external_weights_is_served(server: TwinServer) -> None:
    network = networks.perceptron()
    networks.save_with_external_data(networks.perceptron(), server.add("folder", PERCEPTRON, None) / "model.onnx")
    x = np.ones((2, 16), np.float32)
    with server.loaded("folder"):
        answers = infer(server.client, "folder", {"x": x})
    np.testing.assert_allclose(answers["y"], expected(network, {"x": x})["y"], rtol=1e-5, atol=1e-6)


def test_only_the_outputs_asked_for_come_back(server: TwinServer) -> None:
    server.add(
        "outputs",
        ADD.replace('{ name: "c"', '{ name: "difference" data_type: TYPE_FP32 dims: [ 4 ] }, { name: "sum"'),
        networks.sum_and_difference(),
    )
    feeds = {"a": np.full((1, 4), 5, np.float32), "b": np.full((1, 4), 3, np.float32)}
    with server.loaded("outputs"):
        assert infer(server.client, "outputs", feeds, ["difference"]).keys() == {"difference"}
        both = infer(server.client, "outputs", feeds)
    assert {name: values[0, 0] for name, values in both.items()} == {"sum": 8, "difference": 2}


def test_a_configuration_may_list_fewer_outputs_than_the_network_has(server: TwinServer) -> None:
    server.add("fewer", ADD.replace('name: "c"', 'name: "difference"'), networks.sum_and_difference())
    feeds = {"a": np.full((1, 4), 5, np.float32), "b": np.full((1, 4), 3, np.float32)}
    with server.loaded("fewer"):
        answers = infer(server.client, "fewer", feeds)
    assert {name: values.tolist() for name, values in answers.items()} == {"difference": [[2, 2, 2, 2]]}


def test_every_data_type_comes_back_as_it_went_in(server: TwinServer) -> None:
    server.add("data_types", ONE, networks.every_data_type())
    values = np.array([[0, 1, 1], [1, 0, 0]])
    feeds = {f"in_{name}": values.astype(triton_to_np_dtype(name)) for name in networks.DATA_TYPES}
    with server.loaded("data_types"):
        answers = infer(server.client, "data_types", feeds)
    assert answers.keys() == {f"out_{name}" for name in networks.DATA_TYPES}
    for name in networks.DATA_TYPES:
        assert answers[f"out_{name}"].dtype == triton_to_np_dtype(name)
        np.testing.assert_array_equal(answers[f"out_{name}"], feeds[f"in_{name}"])


def test_strings_come_back_and_one_that_is_not_utf8_fails_alone(server: TwinServer) -> None:
    config = (
        f"{ONE} max_batch_size: 4 {GATHERING} "
        'input [ { name: "text" data_type: TYPE_STRING dims: [ 2 ] } ] '
        'output [ { name: "same" data_type: TYPE_STRING dims: [ 2 ] } ]'
    )
    server.add("strings", config, networks.strings())
    rows = [[b"plain", b""], ["gr\u00fcn \U0001f345".encode(), b"a\0b"], [b"\xff\xfe", b"bytes"], [b"last", b"row"]]
    with server.loaded("strings"):
        answers = infer_together(server.client, "strings", [{"text": np.array([row], np.object_)} for row in rows])
    assert isinstance(answers[2], InferenceServerException)
    assert answers[2].status() == "StatusCode.INVALID_ARGUMENT"
    assert "not UTF-8" in answers[2].message()
    for row, answer in zip(rows[:2] + rows[3:], answers[:2] + answers[3:], strict=True):
        assert isinstance(answer, dict)
        assert answer["same"].tolist() == [row]


def test_symbolic_dimensions_take_any_size(server: TwinServer) -> None:
    server.add("symbolic", ONE, networks.transpose())
    with server.loaded("symbolic"):
        for height, width in ((2, 3), (5, 1)):
            x = np.arange(height * width, dtype=np.float32).reshape(1, height, width)
            np.testing.assert_array_equal(infer(server.client, "symbolic", {"x": x})["y"], x.transpose(0, 2, 1))


def test_requests_that_meet_run_as_one_batch_and_get_their_own_rows(server: TwinServer) -> None:
    server.add("batches", f"{ADD} {GATHERING}", networks.add())
    requests = [{"a": np.full((1, 4), n, np.float32), "b": np.ones((1, 4), np.float32)} for n in range(4)]
    with server.loaded("batches"):
        answers = infer_together(server.client, "batches", requests)
        batches = server.batches("batches", inferences=4)
    assert [answer["c"].tolist() for answer in answers if isinstance(answer, dict)] == [[[n + 1] * 4] for n in range(4)]
    assert batches == {4: 1}


def test_a_request_that_makes_the_run_fail_does_not_spoil_its_batch(server: TwinServer) -> None:
    config = (
        f"{ONE} max_batch_size: 4 {GATHERING} "
        'input [ { name: "index" data_type: TYPE_INT64 dims: [ 1 ] } ] '
        'output [ { name: "row" data_type: TYPE_FP32 dims: [ 1, 2 ] } ]'
    )
    server.add("lookup", config, networks.lookup())
    with server.loaded("lookup"):
        answers = infer_together(server.client, "lookup", [{"index": np.array([[n]])} for n in (0, 9, 2, 3)])
    assert isinstance(answers[1], InferenceServerException)
    assert "model 'lookup': onnx runtime error" in answers[1].message()
    assert "Traceback" not in answers[1].message()
    assert [answer["row"].tolist() for answer in answers if isinstance(answer, dict)] == [
        [[[0, 1]]],
        [[[4, 5]]],
        [[[6, 7]]],
    ]


def test_a_batch_larger_than_the_configuration_allows_is_refused(server: TwinServer) -> None:
    server.add("small", ADD, networks.add())
    nine = np.ones((9, 4), np.float32)
    with server.loaded("small"), pytest.raises(InferenceServerException, match="batch-size must be <= 4"):
        infer(server.client, "small", {"a": nine, "b": nine})


def test_an_optional_input_may_be_left_out(server: TwinServer) -> None:
    config = (
        f"{ONE} "
        'input [ { name: "x" data_type: TYPE_FP32 dims: [ 3 ] }, '
        '{ name: "factor" data_type: TYPE_FP32 dims: [ 3 ] optional: true } ] '
        'output [ { name: "y" data_type: TYPE_FP32 dims: [ 3 ] } ]'
    )
    server.add("optional", config, networks.scale())
    x = np.array([1, 2, 3], np.float32)
    with server.loaded("optional"):
        assert infer(server.client, "optional", {"x": x})["y"].tolist() == [2, 4, 6]
        assert infer(server.client, "optional", {"x": x, "factor": x})["y"].tolist() == [1, 4, 9]


def test_a_network_of_scalars_is_completed_and_served(server: TwinServer) -> None:
    server.add("scalars", ONE, networks.add(()))
    with server.loaded("scalars"):
        config = server.client.get_model_config("scalars").config
        answers = infer(server.client, "scalars", {"a": np.ones(1, np.float32), "b": np.ones(1, np.float32)})
    assert (config.max_batch_size, list(config.input[0].dims), config.input[0].HasField("reshape")) == (0, [1], False)
    assert answers["c"].tolist() == [2]


def test_a_batch_of_scalars_is_completed_with_a_reshape_and_served(server: TwinServer) -> None:
    server.add("batched_scalars", ONE, networks.add(("n",)))
    with server.loaded("batched_scalars"):
        config = server.client.get_model_config("batched_scalars").config
        ones = np.ones((3, 1), np.float32)
        answers = infer(server.client, "batched_scalars", {"a": ones, "b": ones})
    assert (config.max_batch_size, list(config.output[0].dims), config.output[0].HasField("reshape")) == (4, [1], True)
    assert answers["c"].tolist() == [[2], [2], [2]]


def test_a_network_without_a_batch_dimension_is_completed_without_batching(server: TwinServer) -> None:
    server.add("unbatched", ONE, networks.add((2, 3)))
    twos = np.full((2, 3), 2, np.float32)
    with server.loaded("unbatched"):
        config = server.client.get_model_config("unbatched").config
        answers = infer(server.client, "unbatched", {"a": twos, "b": twos})
    assert (config.max_batch_size, config.HasField("dynamic_batching")) == (0, False)
    assert [list(tensor.dims) for tensor in config.input] == [[2, 3], [2, 3]]
    np.testing.assert_array_equal(answers["c"], twos + twos)


def test_a_batchable_network_is_completed_with_the_default_batch_and_dynamic_batching(server: TwinServer) -> None:
    server.add("completed", ONE, networks.perceptron())
    with server.loaded("completed"):
        config = server.client.get_model_config("completed").config
    assert (config.max_batch_size, config.HasField("dynamic_batching")) == (4, True)
    assert [(tensor.name, list(tensor.dims)) for tensor in config.input] == [("x", [16])]
    assert [(tensor.name, list(tensor.dims)) for tensor in config.output] == [("y", [8])]


def test_a_model_with_warm_up_samples_loads_and_serves(server: TwinServer) -> None:
    """Only samples that succeed: one that fails can take the whole 24.10 server down, whatever the backend."""
    config = (
        f"{ONE} max_batch_size: 4 "
        'input [ { name: "index" data_type: TYPE_INT64 dims: [ 1 ] } ] '
        'output [ { name: "row" data_type: TYPE_FP32 dims: [ 1, 2 ] } ] '
        'model_warmup [ { name: "three" batch_size: 3 count: 2 inputs { key: "index" '
        'value { data_type: TYPE_INT64 dims: [ 1 ] input_data_file: "index" } } } ]'
    )
    version = server.add("warm", config, networks.lookup())
    (version.parent / "warmup").mkdir()
    (version.parent / "warmup" / "index").write_bytes(np.array([3], np.int64).tobytes())
    with server.loaded("warm"):
        assert infer(server.client, "warm", {"index": np.array([[3]])})["row"].tolist() == [[[6, 7]]]


BROKEN = {
    "no_file": ("", None, "unable to find '1/model.onnx'"),
    "mode": (parameters({"execution_mode": "5"}), networks.perceptron(), "'execution_mode' is '5', allowed are 0 "),
    "accelerator": (
        'optimization { execution_accelerators { cpu_execution_accelerator [ { name: "magic" } ] } }',
        networks.perceptron(),
        "unknown Execution Accelerator 'magic' is requested, allowed on a CPU is openvino",
    ),
    "library": (
        'model_operations { op_library_filename: "/nowhere/ops.so" }',
        networks.perceptron(),
        "ONNX Runtime cannot load model.onnx",
    ),
    "names": ("", networks.add(), "unexpected inference input 'x', allowed inputs are: a, b"),
}


def test_bad_configurations_are_refused_in_words_while_others_serve(server: TwinServer) -> None:
    server.add("good", ADD, networks.add())
    for name, (config, network, _) in BROKEN.items():
        server.add(f"bad_{name}", f"{PERCEPTRON} {config}", network)
    with server.loaded("good"), ThreadPoolExecutor(len(BROKEN)) as pool:
        errors = dict(zip(BROKEN, pool.map(server.load_error, [f"bad_{name}" for name in BROKEN]), strict=True))
        assert server.client.is_model_ready("good")
    assert {name: error for name, error in errors.items() if BROKEN[name][2] not in error} == {}


def test_a_configuration_that_wants_batches_of_a_network_without_is_refused(server: TwinServer) -> None:
    server.add("no_batches", f"{ONE} max_batch_size: 2", networks.add((2, 4)))
    assert "does not support batching while non-zero max_batch_size 2" in server.load_error("no_batches")
