"""Execution providers of a session: `optimization { execution_accelerators }` and the CUDA parameters.

The keys are those that NVIDIA's onnxruntime backend of release 24.10 takes. They are checked on every machine, also
on one without a GPU, so that a slip of the pen shows before production does.
"""

from collections.abc import Collection
from dataclasses import dataclass

from twin.parameters import Config, ConfigError, as_bool, as_choice, as_int, parameter

Provider = tuple[str, dict[str, str]]

TENSORRT = "TensorrtExecutionProvider"
CUDA = "CUDAExecutionProvider"
OPENVINO = "OpenVINOExecutionProvider"
CPU = "CPUExecutionProvider"

_PRECISIONS = {"FP32": {}, "FP16": {"trt_fp16_enable": "True"}, "INT8": {"trt_int8_enable": "True"}}
_TENSORRT_RENAMED = {
    "max_workspace_size_bytes": "trt_max_workspace_size",
    "int8_calibration_table_name": "trt_int8_calibration_table_name",
    "int8_use_native_calibration_table": "trt_int8_use_native_calibration_table",
}
_TENSORRT_BOOLS = frozenset(
    {
        "int8_use_native_calibration_table",
        "trt_build_heuristics_enable",
        "trt_context_memory_sharing_enable",
        "trt_cuda_graph_enable",
        "trt_detailed_build_log",
        "trt_dla_enable",
        "trt_dump_ep_context_model",
        "trt_dump_subgraphs",
        "trt_engine_cache_enable",
        "trt_force_sequential_engine_build",
        "trt_force_timing_cache",
        "trt_layer_norm_fp32_fallback",
        "trt_sparsity_enable",
        "trt_timing_cache_enable",
    }
)
_TENSORRT_INTS = frozenset(
    {
        "max_workspace_size_bytes",
        "trt_auxiliary_streams",
        "trt_builder_optimization_level",
        "trt_dla_core",
        "trt_ep_context_embed_mode",
        "trt_max_partition_iterations",
        "trt_min_subgraph_size",
    }
)
_TENSORRT_STRINGS = frozenset(
    {
        "int8_calibration_table_name",
        "trt_engine_cache_path",
        "trt_engine_cache_prefix",
        "trt_ep_context_file_path",
        "trt_extra_plugin_lib_paths",
        "trt_profile_max_shapes",
        "trt_profile_min_shapes",
        "trt_profile_opt_shapes",
        "trt_tactic_sources",
        "trt_timing_cache_path",
    }
)
_CUDA_BOOLS = frozenset({"do_copy_in_default_stream", "use_ep_level_unified_stream"})
_CONV_SEARCHES = {"0": "EXHAUSTIVE", "1": "HEURISTIC", "2": "DEFAULT"}
_ARENA_STRATEGIES = {"0": "kNextPowerOfTwo", "1": "kSameAsRequested"}
_CUDA_DEFAULTS = {
    "cudnn_conv_algo_search": "EXHAUSTIVE",
    "gpu_mem_limit": str(2**64 - 1),
    "arena_extend_strategy": "kNextPowerOfTwo",
    "do_copy_in_default_stream": "1",
}


@dataclass(frozen=True)
class Providers:
    """Providers in order of preference, CPU last. `explicit` ones are asked for by name and must be there."""

    ordered: tuple[Provider, ...]
    explicit: frozenset[str]
    warnings: tuple[str, ...] = ()

    def available(self, offered: Collection[str]) -> "Providers":
        """The part that ONNX Runtime `offered`; raises ConfigError where an explicit provider is missing."""
        missing = [name for name, _ in self.ordered if name not in offered]
        if lost := [name for name in missing if name in self.explicit]:
            raise ConfigError(
                f"the configuration asks for {', '.join(lost)}, but this ONNX Runtime offers {', '.join(offered)}"
            )
        notes = tuple(f"{name} is not in this ONNX Runtime, the instance runs without it" for name in missing)
        kept = tuple(entry for entry in self.ordered if entry[0] in offered)
        return Providers(kept, self.explicit, self.warnings + notes)


def read_providers(config: Config, *, on_gpu: bool, device_id: int) -> Providers:
    """The providers that `config` asks for; raises ConfigError for an unknown accelerator, key or value."""
    accelerators = config.get("optimization", {}).get("execution_accelerators", {})
    tensorrt, cuda = _gpu_accelerators(accelerators.get("gpu_execution_accelerator", ()))
    top_level = _cuda_parameters(config)
    openvino = _openvino(accelerators.get("cpu_execution_accelerator", ()))
    ordered: list[Provider] = []
    explicit = {OPENVINO} if openvino else set()
    if on_gpu and tensorrt is not None:
        ordered.append((TENSORRT, {**tensorrt, "device_id": str(device_id)}))
        explicit.add(TENSORRT)
    if on_gpu:
        ordered.append((CUDA, _cuda_options(cuda or {}, top_level, device_id)))
        if cuda is not None or top_level or tensorrt is not None:
            explicit.add(CUDA)
    ordered += openvino
    ordered.append((CPU, {}))
    return Providers(tuple(ordered), frozenset(explicit), _overwritten(cuda or {}, top_level))


def _gpu_accelerators(entries: Collection[Config]) -> tuple[dict[str, str] | None, dict[str, str] | None]:
    tensorrt: dict[str, str] | None = None
    cuda: dict[str, str] | None = None
    for entry in entries:
        given = {key: str(value) for key, value in entry.get("parameters", {}).items()}
        if entry["name"] == "tensorrt":
            tensorrt = _tensorrt_options(given)
        elif entry["name"] == "cuda":
            cuda = _cuda_accelerator(given)
        else:
            raise ConfigError(
                f"unknown Execution Accelerator '{entry['name']}' is requested, allowed on a GPU are tensorrt and cuda"
            )
    return tensorrt, cuda


def _tensorrt_options(given: dict[str, str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for key, text in given.items():
        if key == "precision_mode":
            options.update(_precision(text))
        elif (value := _tensorrt_value(key, text)) != "":
            options[_TENSORRT_RENAMED.get(key, key)] = value
    return options


def _tensorrt_value(key: str, text: str) -> str:
    what = f"TensorRT parameter '{key}'"
    if key in _TENSORRT_BOOLS:
        return str(as_bool(text, what))
    if key in _TENSORRT_INTS:
        return str(as_int(text, what))
    if key in _TENSORRT_STRINGS:
        return text
    allowed = ", ".join(sorted({"precision_mode"} | _TENSORRT_BOOLS | _TENSORRT_INTS | _TENSORRT_STRINGS))
    raise ConfigError(
        f"unknown parameter '{key}' is provided for TensorRT Execution Accelerator, allowed are {allowed}"
    )


def _precision(text: str) -> dict[str, str]:
    try:
        return _PRECISIONS[text]
    except KeyError:
        raise ConfigError(f"unsupported precision mode '{text}' is requested, allowed are FP32, FP16, INT8") from None


def _cuda_accelerator(given: dict[str, str]) -> dict[str, str]:
    """Keys go to ONNX Runtime as they are, as NVIDIA's backend passes them; it refuses unknown ones at load."""
    for key in _CUDA_BOOLS & given.keys():
        as_bool(given[key], f"CUDA parameter '{key}'")
    return {key: text for key, text in given.items() if text}


def _cuda_parameters(config: Config) -> dict[str, str]:
    """The four CUDA options that stand in the top-level `parameters`, turned from codes to ONNX Runtime's names."""
    given = {key: text for key in _CUDA_DEFAULTS if (text := parameter(config, key)) is not None}
    options = dict(given)
    for key, codes in (("cudnn_conv_algo_search", _CONV_SEARCHES), ("arena_extend_strategy", _ARENA_STRATEGIES)):
        if key in given:
            options[key] = as_choice(given[key], f"parameter '{key}'", codes)
    if "gpu_mem_limit" in given:
        options["gpu_mem_limit"] = str(as_int(given["gpu_mem_limit"], "parameter 'gpu_mem_limit'"))
    if "do_copy_in_default_stream" in given:
        copy = as_bool(given["do_copy_in_default_stream"], "parameter 'do_copy_in_default_stream'")
        options["do_copy_in_default_stream"] = str(int(copy))
    return options


def _cuda_options(accelerator: dict[str, str], top_level: dict[str, str], device_id: int) -> dict[str, str]:
    device = {"device_id": str(device_id), "has_user_compute_stream": "0"}
    return {**_CUDA_DEFAULTS, **accelerator, **top_level, **device}


def _overwritten(accelerator: dict[str, str], top_level: dict[str, str]) -> tuple[str, ...]:
    """NVIDIA's backend drops these accelerator keys for its defaults; here they count, and the difference is said."""
    return tuple(
        f"'{key}' under gpu_execution_accelerator is overwritten by NVIDIA's backend: write it in `parameters`"
        for key in _CUDA_DEFAULTS
        if key in accelerator and key not in top_level
    )


def _openvino(entries: Collection[Config]) -> list[Provider]:
    for entry in entries:
        if entry["name"] != "openvino":
            raise ConfigError(
                f"unknown Execution Accelerator '{entry['name']}' is requested, allowed on a CPU is openvino"
            )
        if entry.get("parameters"):
            keys = ", ".join(entry["parameters"])
            raise ConfigError(f"unknown parameter '{keys}' is provided for OpenVINO Execution Accelerator, it has none")
    return [(OPENVINO, {"device_type": "CPU"})] if entries else []
