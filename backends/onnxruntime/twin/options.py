"""What a model configuration says about its ONNX Runtime session, as plain data.

Keys, defaults and codes are those of NVIDIA's onnxruntime backend, release 24.10. Backend-wide settings never reach
a Python-based backend, so the environment holds them; see `Defaults`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from twin.parameters import Config, ConfigError, as_bool, as_choice, as_int, parameter

# `optimization { graph { level } }`; every other number means what an absent one does.
_GRAPH_LEVELS = {-1: "ORT_ENABLE_BASIC", 1: "ORT_ENABLE_EXTENDED", 2: "ORT_DISABLE_ALL"}
_EXECUTION_MODES = {"0": "ORT_SEQUENTIAL", "1": "ORT_PARALLEL"}
_SHRINKAGE = "memory.enable_memory_arena_shrinkage"
# Parts of a configuration that NVIDIA's backend knows and this one does not.
_UNSUPPORTED = ("batch_input", "batch_output", "sequence_batching")


@dataclass(frozen=True)
class Defaults:
    """Settings of the whole backend, from the environment of the server process.

    `ONNXRUNTIME_BACKEND_DEFAULT_MAX_BATCH_SIZE` (4): max_batch_size that auto-complete gives a model which can batch.
    `ONNXRUNTIME_BACKEND_INTRA_OP_THREAD_COUNT` (0), `ONNXRUNTIME_BACKEND_INTER_OP_THREAD_COUNT` (0): threads of a
    session whose model names no count; 0 leaves the choice to the backend.
    `ONNXRUNTIME_BACKEND_SPINNING` (0): whether a session's threads wait for work by spinning, as NVIDIA's backend has
    it. It gains a little on cores that do nothing else, and takes them from the other processes where there are any.
    """

    max_batch_size: int = 4
    intra_op_threads: int = 0
    inter_op_threads: int = 0
    spinning: bool = False

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Defaults":
        """Reads the variables above; raises ConfigError for one that is not a whole number from 0 on, or no flag."""
        return cls(
            max_batch_size=_count(environment, "DEFAULT_MAX_BATCH_SIZE", cls.max_batch_size),
            intra_op_threads=_count(environment, "INTRA_OP_THREAD_COUNT", cls.intra_op_threads),
            inter_op_threads=_count(environment, "INTER_OP_THREAD_COUNT", cls.inter_op_threads),
            spinning=_flag(environment, "SPINNING"),
        )


@dataclass(frozen=True)
class SessionOptions:
    """One instance's session. Thread counts of 0 and None for arena and pattern leave ONNX Runtime's defaults."""

    graph_level: str = "ORT_ENABLE_ALL"
    execution_mode: str = "ORT_SEQUENTIAL"
    intra_op_threads: int = 0
    inter_op_threads: int = 0
    spinning: bool = False
    memory_arena: bool | None = None
    memory_pattern: bool | None = None
    arena_shrinkage: str = ""
    op_libraries: tuple[str, ...] = ()


def read_options(config: Config, defaults: Defaults, *, on_gpu: bool, cores: int) -> SessionOptions:
    """The session that `config` asks for, on a machine that gives this process `cores` CPU cores.

    Raises ConfigError for a value that is not allowed and for parts of a configuration that have no counterpart here.
    """
    if found := [name for name in _UNSUPPORTED if config.get(name)]:
        raise ConfigError(f"{', '.join(found)} is not supported by the Python twin of the onnxruntime backend")
    level = config.get("optimization", {}).get("graph", {}).get("level", 0)
    mode = parameter(config, "execution_mode") or "0"
    return SessionOptions(
        graph_level=_GRAPH_LEVELS.get(int(level), SessionOptions.graph_level),
        execution_mode=as_choice(mode, "parameter 'execution_mode'", _EXECUTION_MODES),
        intra_op_threads=_threads(config, "intra_op_thread_count")
        or defaults.intra_op_threads
        or _fair_share(config, cores, on_gpu=on_gpu),
        inter_op_threads=_threads(config, "inter_op_thread_count") or defaults.inter_op_threads,
        spinning=defaults.spinning,
        memory_arena=_optional_bool(config, "enable_mem_arena"),
        memory_pattern=_optional_bool(config, "enable_mem_pattern"),
        arena_shrinkage=_shrinkage(config, on_gpu=on_gpu),
        op_libraries=tuple(config.get("model_operations", {}).get("op_library_filename", ())),
    )


def _count(environment: Mapping[str, str], name: str, default: int) -> int:
    key = f"ONNXRUNTIME_BACKEND_{name}"
    value = as_int(environment.get(key) or str(default), f"environment variable {key}")
    if value < 0:
        raise ConfigError(f"environment variable {key} is '{value}', allowed is 0 or more")
    return value


def _flag(environment: Mapping[str, str], name: str) -> bool:
    key = f"ONNXRUNTIME_BACKEND_{name}"
    return as_bool(environment.get(key) or "0", f"environment variable {key}")


def _threads(config: Config, key: str) -> int:
    return max(0, as_int(parameter(config, key) or "0", f"parameter '{key}'"))


def _fair_share(config: Config, cores: int, *, on_gpu: bool) -> int:
    """Threads per instance where nobody says: instances are processes, and each would take all cores otherwise."""
    instances = sum(int(group.get("count", 1)) for group in config.get("instance_group", ()))
    return 0 if on_gpu else max(1, cores // max(1, instances))


def _optional_bool(config: Config, key: str) -> bool | None:
    text = parameter(config, key)
    return None if text is None else as_bool(text, f"parameter '{key}'")


def _shrinkage(config: Config, *, on_gpu: bool) -> str:
    """The arenas to shrink after each run. A CPU instance has no GPU arena, and a run would fail over its name."""
    text = parameter(config, _SHRINKAGE)
    if not text:
        return ""
    arenas = text.split(";")
    if not all(re.fullmatch(r"(cpu|gpu):\d+", arena) for arena in arenas):
        raise ConfigError(f"parameter '{_SHRINKAGE}' is '{text}', allowed is a list such as 'cpu:0;gpu:0'")
    return ";".join(arena for arena in arenas if on_gpu or arena.startswith("cpu"))
