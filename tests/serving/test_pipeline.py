"""What clients call, and what its canary sends."""

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from serving.pipeline import canary_options, is_pipeline

DRY_RUN = 'backend: "python" parameters { key: "canary" value { string_value: "{\\"dry_run\\": true}" } }'


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ('platform: "ensemble"', (True, b"{}")),
        ('backend: "python"', (False, b"{}")),
        ('backend: "onnxruntime"', (False, b"{}")),
        (DRY_RUN, (True, b'{"dry_run": true}')),
    ],
)
def test_a_step_with_options_for_its_canary_is_a_pipeline(config: str, found: tuple[bool, bytes]) -> None:
    parsed = text_format.Parse(config, model_config_pb2.ModelConfig())
    assert (is_pipeline(parsed), canary_options(parsed)) == found
