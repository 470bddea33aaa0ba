"""What a pipeline is: what clients call, and what a canary goes through."""

from tritonclient.grpc import model_config_pb2

__all__ = ["canary_options", "is_pipeline", "takes_frames"]

CANARY = "canary"
FRAME = "pixels"


def is_pipeline(config: model_config_pb2.ModelConfig) -> bool:
    """Every ensemble, and a Python step that says with its parameter `canary` that clients call it itself."""
    return bool(config.platform == "ensemble" or CANARY in config.parameters)


def takes_frames(config: model_config_pb2.ModelConfig) -> bool:
    """Whether it is called frame by frame of a video, each with the id of a sequence."""
    return any(tensor.name == FRAME for tensor in config.input)


def canary_options(config: model_config_pb2.ModelConfig) -> bytes:
    """The options that a canary sends: those of the parameter `canary`, or none."""
    given = config.parameters[CANARY].string_value if CANARY in config.parameters else ""
    return (given or "{}").encode()
