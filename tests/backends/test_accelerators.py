"""Execution providers out of a configuration."""

from typing import Any

import pytest

from twin.accelerators import CPU, CUDA, OPENVINO, TENSORRT, Providers, read_providers
from twin.parameters import ConfigError

CUDA_DEFAULTS = {
    "cudnn_conv_algo_search": "EXHAUSTIVE",
    "gpu_mem_limit": "18446744073709551615",
    "arena_extend_strategy": "kNextPowerOfTwo",
    "do_copy_in_default_stream": "1",
    "device_id": "1",
    "has_user_compute_stream": "0",
}


def gpu(name: str, **parameters: str) -> dict[str, Any]:
    return accelerator("gpu_execution_accelerator", name, **parameters)


def accelerator(kind: str, name: str, **parameters: str) -> dict[str, Any]:
    return {"optimization": {"execution_accelerators": {kind: [{"name": name, "parameters": parameters}]}}}


def top_level(**parameters: str) -> dict[str, Any]:
    return {"parameters": {key: {"string_value": text} for key, text in parameters.items()}}


def read(config: dict[str, Any], *, on_gpu: bool = True) -> Providers:
    return read_providers(config, on_gpu=on_gpu, device_id=1)


def test_a_cpu_instance_has_the_cpu_provider_alone() -> None:
    assert read(gpu("cuda"), on_gpu=False) == Providers(((CPU, {}),), frozenset())


def test_a_gpu_instance_has_cuda_with_nvidias_defaults_before_the_cpu() -> None:
    assert read({}) == Providers(((CUDA, CUDA_DEFAULTS), (CPU, {})), frozenset())


def test_the_four_top_level_parameters_are_turned_from_codes_to_names() -> None:
    config = top_level(
        cudnn_conv_algo_search="1", gpu_mem_limit="2048", arena_extend_strategy="1", do_copy_in_default_stream="false"
    )
    assert dict(read(config).ordered)[CUDA] == {
        **CUDA_DEFAULTS,
        "cudnn_conv_algo_search": "HEURISTIC",
        "gpu_mem_limit": "2048",
        "arena_extend_strategy": "kSameAsRequested",
        "do_copy_in_default_stream": "0",
    }


def test_keys_of_the_cuda_accelerator_pass_through_and_parameters_come_before_them() -> None:
    config = {**gpu("cuda", gpu_mem_limit="1", enable_cuda_graph="1", empty=""), **top_level(gpu_mem_limit="2")}
    providers = read(config)
    assert dict(providers.ordered)[CUDA] == {**CUDA_DEFAULTS, "gpu_mem_limit": "2", "enable_cuda_graph": "1"}
    assert providers.explicit == {CUDA}
    assert providers.warnings == ()


def test_an_accelerator_key_that_nvidias_backend_would_drop_counts_here_and_is_told() -> None:
    providers = read(gpu("cuda", cudnn_conv_algo_search="DEFAULT"))
    assert dict(providers.ordered)[CUDA]["cudnn_conv_algo_search"] == "DEFAULT"
    assert providers.warnings == (
        (
            "'cudnn_conv_algo_search' under gpu_execution_accelerator is overwritten by NVIDIA's backend: "
            "write it in `parameters`"
        ),
    )


def test_tensorrt_keys_get_onnx_runtimes_names_and_cuda_follows() -> None:
    config = gpu(
        "tensorrt",
        precision_mode="FP16",
        max_workspace_size_bytes="1073741824",
        int8_use_native_calibration_table="0",
        trt_engine_cache_enable="true",
        trt_engine_cache_path="/cache",
        trt_builder_optimization_level="3",
        trt_profile_min_shapes="",
    )
    providers = read(config)
    assert providers.ordered == (
        (
            TENSORRT,
            {
                "trt_fp16_enable": "True",
                "trt_max_workspace_size": "1073741824",
                "trt_int8_use_native_calibration_table": "False",
                "trt_engine_cache_enable": "True",
                "trt_engine_cache_path": "/cache",
                "trt_builder_optimization_level": "3",
                "device_id": "1",
            },
        ),
        (CUDA, CUDA_DEFAULTS),
        (CPU, {}),
    )
    assert providers.explicit == {TENSORRT, CUDA}


def test_precisions_are_nvidias() -> None:
    assert dict(read(gpu("tensorrt", precision_mode="FP32")).ordered)[TENSORRT] == {"device_id": "1"}
    int8 = {"trt_int8_enable": "True", "device_id": "1"}
    assert dict(read(gpu("tensorrt", precision_mode="INT8")).ordered)[TENSORRT] == int8


@pytest.mark.parametrize("on_gpu", [True, False])
@pytest.mark.parametrize(
    ("config", "text"),
    [
        (gpu("tensorrt", precision_mode="BF16"), "unsupported precision mode 'BF16' is requested, allowed are FP32, "),
        (
            gpu("tensorrt", trt_fast="1"),
            "unknown parameter 'trt_fast' is provided for TensorRT Execution Accelerator, allowed are int8_calibration",
        ),
        (gpu("tensorrt", trt_dla_core="one"), "TensorRT parameter 'trt_dla_core' is 'one', allowed is a whole number"),
        (gpu("tensorrt", trt_dla_enable="2"), "TensorRT parameter 'trt_dla_enable' is '2', allowed are 1, 0, true"),
        (gpu("cuda", use_ep_level_unified_stream="x"), "CUDA parameter 'use_ep_level_unified_stream' is 'x'"),
        (gpu("migraphx"), "unknown Execution Accelerator 'migraphx' is requested, allowed on a GPU are tensorrt and"),
        (accelerator("cpu_execution_accelerator", "cuda"), "'cuda' is requested, allowed on a CPU is openvino"),
        (
            accelerator("cpu_execution_accelerator", "openvino", threads="2"),
            "unknown parameter 'threads' is provided for OpenVINO",
        ),
        (top_level(cudnn_conv_algo_search="3"), "'cudnn_conv_algo_search' is '3', allowed are 0 .EXHAUSTIVE., 1 "),
        (top_level(arena_extend_strategy="x"), "'arena_extend_strategy' is 'x', allowed are 0 .kNextPowerOfTwo., 1 "),
        (top_level(gpu_mem_limit="2GB"), "'gpu_mem_limit' is '2GB', allowed is a whole number"),
        (top_level(do_copy_in_default_stream="?"), "'do_copy_in_default_stream' is '.', allowed are 1, 0, true"),
    ],
)
def test_what_is_not_allowed_is_refused_with_and_without_a_gpu(
    config: dict[str, Any], text: str, *, on_gpu: bool
) -> None:
    with pytest.raises(ConfigError, match=text):
        read(config, on_gpu=on_gpu)


def test_openvino_stands_before_the_cpu_provider() -> None:
    providers = read(accelerator("cpu_execution_accelerator", "openvino"), on_gpu=False)
    assert providers.ordered == ((OPENVINO, {"device_type": "CPU"}), (CPU, {}))
    assert providers.explicit == {OPENVINO}


def test_a_provider_asked_for_by_name_must_be_there() -> None:
    with pytest.raises(ConfigError, match=f"asks for {TENSORRT}, but this ONNX Runtime offers {CUDA}, {CPU}"):
        read(gpu("tensorrt")).available([CUDA, CPU])


def test_a_gpu_that_onnx_runtime_cannot_use_and_nobody_asked_for_is_done_without() -> None:
    providers = read({}).available([CPU])
    assert providers.ordered == ((CPU, {}),)
    assert providers.warnings == (f"{CUDA} is not in this ONNX Runtime, the instance runs without it",)
