"""What a model's config tells the gateway: its kind, which others take part, what a pipeline of frames takes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from tritonclient.grpc import model_config_pb2

from serving.canary import is_pipeline

CALLS = ("calls", "may_call")
SHAPING = ("platform", "backend", "default_model_filename", "input", "output", "ensemble_scheduling")
# A network's parameters are about threads and memory.
SHAPING_STEP = (*SHAPING, "parameters")
PIXELS = "pixels"


@dataclass(frozen=True, slots=True)
class FrameContract:
    """What a pipeline of frames takes, UINT8 [side, side, 3], and every output that it can give."""

    side: int
    outputs: tuple[str, ...]


def is_network(config: model_config_pb2.ModelConfig) -> bool:
    """Whether a model is a network, not a Python step and not a pipeline."""
    return bool(config.platform != "ensemble" and config.backend != "python")


def shape(config: model_config_pb2.ModelConfig) -> str:
    """Hash of what a config says about results; how fast they come (instances, queues, threads) leaves it as it is."""
    shaping = model_config_pb2.ModelConfig()
    shaping.CopyFrom(config)
    for known, _ in config.ListFields():
        if known.name not in (SHAPING_STEP if config.backend == "python" else SHAPING):
            shaping.ClearField(known.name)
    return hashlib.sha256(shaping.SerializeToString(deterministic=True)).hexdigest()


def frame_contract(config: model_config_pb2.ModelConfig) -> FrameContract | None:
    """None for what is no pipeline, or takes no frames."""
    if not is_pipeline(config):
        return None
    sides = [tensor.dims[0] for tensor in config.input if tensor.name == PIXELS]
    return FrameContract(int(sides[0]), tuple(tensor.name for tensor in config.output)) if sides else None


def steps(name: str, configs: Mapping[str, model_config_pb2.ModelConfig]) -> tuple[str, ...]:
    """Every model that takes part in a pipeline, each once, a caller before those that it calls."""
    found: dict[str, None] = {}
    waiting = list(_called(configs[name]))
    while waiting:
        step = waiting.pop(0)
        if step not in found:
            found[step] = None
            waiting += _called(configs[step]) if step in configs else ()
    return tuple(found)


def _called(config: model_config_pb2.ModelConfig) -> tuple[str, ...]:
    """An ensemble's steps, and the models that a Python step names in its parameters, separated by commas: `calls`
    those that it cannot do without, `may_call` those that some of its answers come from.
    """
    scheduled = (step.model_name for step in config.ensemble_scheduling.step)
    listed = ",".join(config.parameters[name].string_value for name in CALLS if name in config.parameters)
    return (*scheduled, *(name.strip() for name in listed.split(",") if name.strip()))
