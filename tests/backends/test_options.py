"""What a configuration says about its session."""

from typing import Any

import pytest

from twin.options import Defaults, SessionOptions, read_options
from twin.parameters import ConfigError


def config(**parameters: str) -> dict[str, Any]:
    return {"parameters": {key: {"string_value": text} for key, text in parameters.items()}}


def read(
    given: dict[str, Any], defaults: Defaults | None = None, *, on_gpu: bool = False, cores: int = 8
) -> SessionOptions:
    return read_options(given, defaults or Defaults(), on_gpu=on_gpu, cores=cores)


def shrinkage(arenas: str) -> dict[str, Any]:
    return {"parameters": {"memory.enable_memory_arena_shrinkage": {"string_value": arenas}}}


@pytest.mark.parametrize(
    ("level", "meaning"),
    [
        (-1, "ORT_ENABLE_BASIC"),
        (0, "ORT_ENABLE_ALL"),
        (1, "ORT_ENABLE_EXTENDED"),
        (2, "ORT_DISABLE_ALL"),
        (7, "ORT_ENABLE_ALL"),
    ],
)
def test_the_graph_level_has_nvidias_meaning(level: int, meaning: str) -> None:
    assert read({"optimization": {"graph": {"level": level}}}).graph_level == meaning


def test_an_empty_configuration_leaves_all_but_the_threads_to_onnx_runtime() -> None:
    assert read({}, cores=6) == SessionOptions(intra_op_threads=6)
    assert read({}, on_gpu=True) == SessionOptions()


def test_every_parameter_reaches_the_options() -> None:
    given = config(
        execution_mode="1",
        intra_op_thread_count="3",
        inter_op_thread_count="2",
        enable_mem_arena="False",
        enable_mem_pattern="1",
    )
    assert read({**given, "model_operations": {"op_library_filename": ["a.so", "b.so"]}}) == SessionOptions(
        execution_mode="ORT_PARALLEL",
        intra_op_threads=3,
        inter_op_threads=2,
        memory_arena=False,
        memory_pattern=True,
        op_libraries=("a.so", "b.so"),
    )


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (config(execution_mode="2"), r"'execution_mode' is '2', allowed are 0 \(ORT_SEQUENTIAL\), 1 \(ORT_PARALLEL\)"),
        (config(intra_op_thread_count="many"), "'intra_op_thread_count' is 'many', allowed is a whole number"),
        (config(enable_mem_arena="on"), "'enable_mem_arena' is 'on', allowed are 1, 0, true and false"),
        (shrinkage("cpu"), "is 'cpu', allowed is a list such as 'cpu:0;gpu:0'"),
        ({"batch_input": [{}]}, "batch_input is not supported"),
        ({"sequence_batching": {"direct": {}}}, "sequence_batching is not supported"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_in_words(given: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        read(given)


def test_instances_share_the_cores_where_nobody_names_a_number() -> None:
    assert read({"instance_group": [{"count": 1}]}, cores=8).intra_op_threads == 8
    assert read({"instance_group": [{"count": 2}, {"count": 1}]}, cores=8).intra_op_threads == 2
    assert read({"instance_group": [{"count": 4}]}, cores=2).intra_op_threads == 1
    assert read({"instance_group": [{"count": 4}]}, on_gpu=True).intra_op_threads == 0


def test_the_model_comes_before_the_environment_and_the_environment_before_the_share() -> None:
    two = {"instance_group": [{"count": 2}]}
    assert read(two, Defaults(intra_op_threads=5)).intra_op_threads == 5
    assert read({**two, **config(intra_op_thread_count="3")}, Defaults(intra_op_threads=5)).intra_op_threads == 3
    assert read(config(inter_op_thread_count="-1"), Defaults(inter_op_threads=4)).inter_op_threads == 4


def test_a_cpu_instance_shrinks_no_gpu_arena() -> None:
    assert read(shrinkage("cpu:0;gpu:0")).arena_shrinkage == "cpu:0"
    assert read(shrinkage("gpu:0")).arena_shrinkage == ""
    assert read(shrinkage("cpu:0;gpu:1"), on_gpu=True).arena_shrinkage == "cpu:0;gpu:1"


def test_the_environment_sets_the_defaults_of_all_models() -> None:
    assert Defaults.read({}) == Defaults(max_batch_size=4, intra_op_threads=0, inter_op_threads=0, spinning=False)
    environment = {
        "ONNXRUNTIME_BACKEND_DEFAULT_MAX_BATCH_SIZE": "16",
        "ONNXRUNTIME_BACKEND_INTRA_OP_THREAD_COUNT": "2",
        "ONNXRUNTIME_BACKEND_INTER_OP_THREAD_COUNT": "3",
        "ONNXRUNTIME_BACKEND_SPINNING": "true",
    }
    defaults = Defaults.read(environment)
    assert defaults == Defaults(max_batch_size=16, intra_op_threads=2, inter_op_threads=3, spinning=True)
    assert read_options({}, defaults, on_gpu=False, cores=8).spinning


@pytest.mark.parametrize("text", ["-1", "four"])
def test_a_bad_environment_variable_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match=f"ONNXRUNTIME_BACKEND_DEFAULT_MAX_BATCH_SIZE is '{text}'"):
        Defaults.read({"ONNXRUNTIME_BACKEND_DEFAULT_MAX_BATCH_SIZE": text})
