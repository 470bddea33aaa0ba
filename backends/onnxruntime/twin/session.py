"""An ONNX Runtime session: opened from options and providers, run on host or GPU memory."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from twin.accelerators import CPU, CUDA, Providers
from twin.batch import RunError
from twin.contract import Signature
from twin.options import SessionOptions
from twin.parameters import ConfigError
from twin.tensors import DeviceValue, TensorSpec, Values


class Session:
    """One network, ready to run. Attributes: `signature`, `providers` (their names, in order)."""

    def __init__(self, path: Path, options: SessionOptions, providers: Providers, device_id: int = 0) -> None:
        """Raises ConfigError where ONNX Runtime refuses the file, an option or a provider asked for by name."""
        offered = providers.available(ort.get_available_providers())
        self._session = _open(path, options, offered)
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())
        if lost := offered.explicit - set(self.providers):
            raise ConfigError(f"ONNX Runtime could not start {', '.join(sorted(lost))}; its log says why")
        self.signature = Signature(
            tuple(TensorSpec.read(node) for node in self._session.get_inputs()),
            tuple(TensorSpec.read(node) for node in self._session.get_overridable_initializers()),
            tuple(TensorSpec.read(node) for node in self._session.get_outputs()),
        )
        self._scalars = {spec.name for spec in self.signature.outputs if not spec.dims}
        self._run_options = _run_options(options)
        self._device_id = device_id

    @staticmethod
    def adopt(capsule: Any) -> DeviceValue:
        """The GPU memory of a DLPack capsule, without a copy."""
        return DeviceValue(ort.OrtValue.from_dlpack(capsule))

    def run(self, feeds: Mapping[str, Values], wanted: Sequence[str]) -> dict[str, Values]:
        """The `wanted` outputs, without a copy on the way in or out; raises RunError.

        Outputs stay where the inputs are: in host memory, or on the GPU as soon as one input lies there.
        """
        on_device = not all(isinstance(values, np.ndarray) for values in feeds.values())
        run = self._run_bound if on_device and CUDA in self.providers else self._run_host
        return _translate(run, feeds, wanted)

    def _run_host(self, feeds: Mapping[str, Values], wanted: Sequence[str]) -> dict[str, Values]:
        """ONNX Runtime reads NumPy's memory and lends its own to the arrays it returns: binding would save nothing."""
        arrays = {name: values if isinstance(values, np.ndarray) else values.host() for name, values in feeds.items()}
        return dict(zip(wanted, self._session.run(list(wanted), arrays, self._run_options), strict=True))

    def _run_bound(self, feeds: Mapping[str, Values], wanted: Sequence[str]) -> dict[str, Values]:
        """Binds inputs where they lie, and has the outputs made on the same device; scalars are made on the host."""
        binding = self._session.io_binding()
        device = "cpu"
        for name, values in feeds.items():
            if isinstance(values, DeviceValue):
                device = values.ort_value.device_name()
                binding.bind_ortvalue_input(name, values.ort_value)
            else:
                binding.bind_cpu_input(name, values)
        for name in wanted:
            binding.bind_output(name, "cpu" if name in self._scalars else device, self._device_id)
        self._session.run_with_iobinding(binding, self._run_options)
        binding.synchronize_outputs()
        outputs = zip(wanted, map(DeviceValue, binding.get_outputs()), strict=True)
        return {name: output.host() if name in self._scalars else output for name, output in outputs}


def inspect(path: Path, op_libraries: Sequence[str]) -> Signature:
    """Reads a network's signature without optimising the graph or touching a GPU."""
    options = SessionOptions(graph_level="ORT_DISABLE_ALL", intra_op_threads=1, op_libraries=tuple(op_libraries))
    return Session(path, options, Providers(((CPU, {}),), frozenset())).signature


def _open(path: Path, options: SessionOptions, providers: Providers) -> Any:
    try:
        return ort.InferenceSession(
            str(path),
            _session_options(options),
            providers=list(providers.ordered),
            enable_fallback=int(not providers.explicit),
        )
    except Exception as error:  # ONNX Runtime's errors have no base of their own
        raise ConfigError(f"ONNX Runtime cannot load {path.name}: {error}") from error


def _session_options(options: SessionOptions) -> Any:
    native = ort.SessionOptions()
    native.graph_optimization_level = getattr(ort.GraphOptimizationLevel, options.graph_level)
    native.execution_mode = getattr(ort.ExecutionMode, options.execution_mode)
    native.intra_op_num_threads = options.intra_op_threads
    native.inter_op_num_threads = options.inter_op_threads
    for pool in ("intra_op", "inter_op"):
        native.add_session_config_entry(f"session.{pool}.allow_spinning", str(int(options.spinning)))
    if options.memory_arena is not None:
        native.enable_cpu_mem_arena = options.memory_arena
    if options.memory_pattern is not None:
        native.enable_mem_pattern = options.memory_pattern
    for library in options.op_libraries:
        native.register_custom_ops_library(library)
    return native


def _run_options(options: SessionOptions) -> Any:
    native = ort.RunOptions()
    if options.arena_shrinkage:
        native.add_run_config_entry("memory.enable_memory_arena_shrinkage", options.arena_shrinkage)
    return native


def _translate(
    run: Callable[[Mapping[str, Values], Sequence[str]], dict[str, Values]],
    feeds: Mapping[str, Values],
    wanted: Sequence[str],
) -> dict[str, Values]:
    try:
        return run(feeds, wanted)
    except Exception as error:  # ONNX Runtime's errors have no base of their own
        raise RunError(f"onnx runtime error: {error}") from error
