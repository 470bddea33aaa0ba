import asyncio

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from gateway import errors
from gateway.inference import Inventory, TritonInference
from gateway.negotiation import prefers_json, prefers_picture, prefers_png
from gateway.pipelines import Output, Role, pipeline_of
from gateway.settings import Settings
from gateway.triton_errors import translated


@pytest.mark.parametrize(
    ("status", "message", "kind", "public"),
    [
        (
            "INVALID_ARGUMENT",
            "in ensemble 'cutout_step', the JPEG file is truncated",
            errors.UnreadablePictureError,
            "the JPEG file is truncated",
        ),
        ("INVALID_ARGUMENT", "unexpected shape for input 'image'", errors.InferenceFailedError, "the inference failed"),
        ("UNAVAILABLE", "Exceeds maximum queue size", errors.BusyError, "the server's queue is full"),
        (
            "UNAVAILABLE",
            "in ensemble 'cutout_step', Exceeds maximum queue size",
            errors.BusyError,
            "the server's queue is full",
        ),
        ("UNAVAILABLE", "Request timeout expired", errors.InferenceTimeoutError, "the inference took too long"),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", errors.InferenceTimeoutError, "the inference took too long"),
        (
            "UNAVAILABLE",
            "failed to connect to all addresses; last error: 127.0.0.1:8001",
            errors.InferenceUnavailableError,
            "the server is not available",
        ),
        (
            "INTERNAL",
            "in ensemble 'cutout_step', Stub process 'decode_0_0' is not healthy.",
            errors.InferenceUnavailableError,
            "the server is not available",
        ),
        (
            "NOT_FOUND",
            "Request for unknown model: 'cutout_step' is not found",
            errors.PipelineNotServedError,
            "the pipeline is not served",
        ),
        (
            "UNAVAILABLE",
            "Request for unknown model: 'cutout_step' version 1 is not at ready state",
            errors.PipelineNotServedError,
            "the pipeline is not served",
        ),
        ("INTERNAL", "Traceback: /opt/secret.py line 3", errors.InferenceFailedError, "the inference failed"),
        (
            "INVALID_ARGUMENT",
            "recipe_photo: the JPEG file is truncated",
            errors.UnreadablePictureError,
            "the JPEG file is truncated",
        ),
        (
            "UNAVAILABLE",
            "recipe_photo: the keyword 'dish' goes to main_cutout: cutout_main is not served",
            errors.PipelineDownError,
            "the keyword 'dish' goes to main_cutout: cutout_main is not served",
        ),
        (
            "UNAVAILABLE",
            "in ensemble 'describe', captioner_decoder is not served",
            errors.InferenceUnavailableError,
            "the server is not available",
        ),
        ("INTERNAL", "recipe_photo: /opt/secret.py", errors.InferenceFailedError, "the inference failed"),
    ],
)
def test_tritons_errors_become_ours(status: str, message: str, kind: type[errors.GatewayError], public: str) -> None:
    error = translated(InferenceServerException(message, f"StatusCode.{status}"))
    assert type(error) is kind
    assert error.public == public
    assert message in error.private


def test_an_error_that_passes_by_itself_says_when_to_come_back() -> None:
    for message in ("Exceeds maximum queue size", "failed to connect"):
        assert translated(InferenceServerException(message, "StatusCode.UNAVAILABLE")).retry_after_s


@pytest.mark.parametrize("role", list(Role))
def test_each_role_has_its_pipelines(role: Role) -> None:
    assert pipeline_of(role, Output.CUTOUT).outputs == ("cutout", "box")
    assert pipeline_of(role, Output.ALPHA).outputs == ("alpha",)
    assert pipeline_of(role, Output.ALPHA).name == f"alpha_{role}"


async def test_without_a_server_every_call_is_unavailable_and_no_pipeline_has_a_pulse() -> None:
    settings = Settings(triton_url="127.0.0.1:1", inference_timeout_seconds=2)
    async with TritonInference(settings) as inference, asyncio.timeout(10):
        with pytest.raises(errors.InferenceUnavailableError):
            await inference.infer(pipeline_of(Role.STEP, Output.CUTOUT), b"picture", "id")
        with pytest.raises(errors.InferenceUnavailableError):
            await inference.inventory()
        with pytest.raises(errors.InferenceUnavailableError):
            await inference.still_has(Inventory())
        assert inference.pulse("cutout_step") is None


async def test_before_it_is_entered_it_is_unavailable() -> None:
    with pytest.raises(errors.InferenceUnavailableError):
        await TritonInference(Settings()).inventory()


def test_a_picture_of_25_megabytes_survives_the_way_into_a_tensor() -> None:
    data = b"\x00" * 25_000_000
    assert np.array([[data]], dtype=np.object_)[0, 0] == data


@pytest.mark.parametrize(
    ("accept", "png"),
    [
        ("image/png", True),
        ("IMAGE/PNG", True),
        ("image/*", True),
        ("image/png, */*;q=0.5", True),
        ("image/png;q=0.9, application/json;q=0.8", True),
        ("application/json, image/png;q=0.5", False),
        ("image/png;q=0", False),
        ("image/png;q=much", False),
        ("image/png, */*", True),
        ("image/avif, image/webp, image/*, */*;q=0.8", True),
        ("image/png, application/json;q=0, */*", True),
        ("image/png;q=0.5, */*;q=0.8", False),
        ("image/*;q=0.8, application/*", False),
        ("image/png;q=0.5, application/json;q=0.4, */*", True),
        ("*/*", False),
        ("application/json", False),
        ("text/html", False),
        ("", False),
    ],
)
def test_accept_decides_between_picture_and_json(accept: str, png: bool) -> None:  # noqa: FBT001 - a test's parameter
    assert prefers_png(accept) is png


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        ("application/json", True),
        ("APPLICATION/JSON", True),
        ("application/json, image/png;q=0.5", True),
        ("application/json, */*;q=0.1", True),
        ("text/html, application/json", True),
        ("application/json, text/plain, */*", False),
        ("application/json;q=0.8, image/webp", False),
        ("application/json;q=0", False),
        ("application/json;q=0.5, application/zip", False),
        ("image/png", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_json_about_a_file_comes_only_where_it_is_liked_better(accept: str, json: bool) -> None:  # noqa: FBT001 - as above
    assert prefers_json(accept) is json


@pytest.mark.parametrize(
    ("accept", "is_picture"),
    [
        ("image/*", True),
        ("image/webp", True),
        ("image/avif;q=0.2, image/png;q=0.9, application/json;q=0.9", True),
        ("image/png;q=0.2, application/json", False),
        ("image/png;q=0.2, */*;q=0.8", False),
        ("*/*", False),
        ("application/json", False),
        ("image/png;q=0", False),
        ("", False),
    ],
)
def test_any_picture_is_told_from_json(accept: str, is_picture: bool) -> None:  # noqa: FBT001 - a test's parameter
    assert prefers_picture(accept) is is_picture
