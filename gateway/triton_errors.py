"""What Triton's errors are in the gateway's own words."""

import re

import grpc
from tritonclient.utils import InferenceServerException

from gateway.errors import (
    BusyError,
    GatewayError,
    InferenceFailedError,
    InferenceTimeoutError,
    InferenceUnavailableError,
    InvalidOptionError,
    PipelineDownError,
    PipelineNotServedError,
    UnreadablePictureError,
)

RETRY_AFTER_S = 2.0
# What a step says, not Triton: through an ensemble, or called by itself.
CALLER = "recipe_photo: "
BY_A_STEP = re.compile(rf"^(in ensemble '[^']*', |{CALLER})")
# How a step begins what it says about an option of a stream, where Triton gives no code along with an error.
OPTION = "smoothing: "
FORGOTTEN = "must specify the START flag"
NOT_LOADED = ("unknown model", "not at ready state", "is not ready", "no available versions")


def translated(error: InferenceServerException) -> GatewayError:
    """Triton's error in the gateway's words. Only what a step says about the picture is told to clients."""
    code, message = (error.status() or "").removeprefix("StatusCode."), error.message() or ""
    private, said = f"{code}: {message}", BY_A_STEP.sub("", message)
    if code == "INVALID_ARGUMENT" and said != message:
        return UnreadablePictureError(said, private=private)
    if code == "UNAVAILABLE" and message.startswith(CALLER):
        return PipelineDownError(said, private=private, retry_after_s=RETRY_AFTER_S)
    return _trouble(code, message, private)


def translated_in_stream(error: InferenceServerException) -> GatewayError:
    """The same of one answer of a stream, which comes without a code."""
    message = error.message() or ""
    said = BY_A_STEP.sub("", message)
    if said != message and said.startswith(OPTION):
        return InvalidOptionError(said, private=message)
    return _trouble("", message, message)


def says_forgotten(error: InferenceServerException) -> bool:
    """Whether the server knows nothing of the sequence that a frame goes on with."""
    return FORGOTTEN in (error.message() or "")


def translated_call(error: grpc.RpcError) -> GatewayError:
    """The same of a stream as a whole."""
    code, message = error.code().name, error.details() or ""
    return _trouble(code, message, f"{code}: {message}")


def _trouble(code: str, message: str, private: str) -> GatewayError:
    """The server's own, of which a client need know no more than its kind."""
    if any(phrase in message for phrase in NOT_LOADED):
        return PipelineNotServedError("the pipeline is not served", private=private, retry_after_s=RETRY_AFTER_S)
    if "Exceeds maximum queue size" in message:
        return BusyError("the server's queue is full", private=private, retry_after_s=RETRY_AFTER_S)
    if code == "DEADLINE_EXCEEDED" or "timeout expired" in message:
        return InferenceTimeoutError("the inference took too long", private=private, retry_after_s=RETRY_AFTER_S)
    if code in {"UNAVAILABLE", "CANCELLED"} or "Stub process" in message:
        return InferenceUnavailableError("the server is not available", private=private, retry_after_s=RETRY_AFTER_S)
    return InferenceFailedError("the inference failed", private=private)
