"""What the launcher tells a person."""

from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from serving import report
from serving.canary import CanaryResult
from serving.repository import Model, Refusal, Survey
from serving.settings import GatewaySettings, ServingSettings


def model(name: str, config: str, *versions: int) -> Model:
    return Model(name, Path(name), text_format.Parse(config, model_config_pb2.ModelConfig()), versions)


PIPELINE = (
    'platform: "ensemble" ensemble_scheduling { step { model_name: "decode" } step { model_name: "step_matte" } }'
)
SURVEY = Survey(
    {
        "decode": model("decode", 'backend: "python"', 1),
        "step_matte": model("step_matte", 'backend: "onnxruntime"', 3),
        "cutout_step": model("cutout_step", PIPELINE, 1),
    },
    (
        Refusal("product_matte", "no version of it was made yet", "python -m export product_matte --checkpoint X"),
        Refusal("odd", "Internal: line one\\nline two"),
    ),
)


def test_pipelines_are_listed_with_steps_versions_and_the_time_of_their_canary() -> None:
    lines = report.survey_lines(SURVEY, [CanaryResult("cutout_step", ok=True, reason="", seconds=0.123)])
    assert lines[1].split() == ["cutout_step", "decode", "->", "step_matte", "v3", "(0.12", "s)"]
    assert lines[2] == "models served:     decode, step_matte v3"


def test_a_failing_canary_is_not_hidden() -> None:
    lines = report.survey_lines(SURVEY, [CanaryResult("cutout_step", ok=False, reason="it broke", seconds=1)])
    assert lines[1].endswith("CANARY FAILED: it broke")


def test_what_is_not_served_comes_with_reason_and_command() -> None:
    text = "\n".join(report.survey_lines(SURVEY, []))
    assert "  product_matte no version of it was made yet\n" in text
    assert "  odd           Internal: line one\n                line two" in text
    assert "make it: python -m export product_matte --checkpoint X" in text


def test_the_calls_to_paste_carry_the_real_ports() -> None:
    settings = ServingSettings(http_port=9000, grpc_port=9001, metrics_port=9002)
    text = "\n".join(report.server_lines(settings, ["alpha_step", "cutout_step"]))
    assert "http://127.0.0.1:9000/v2/models/alpha_step/infer" in text
    assert "127.0.0.1:9001" in text
    assert "http://127.0.0.1:9002/metrics" in text
    lines = report.gateway_lines(GatewaySettings(port=9003), ["alpha_step", "cutout_main", "cutout_step"])
    assert lines[1].split() == [
        *("curl", "-F", "file=@photo.jpg", "-H", "'Accept:", "image/png'"),
        *("http://127.0.0.1:9003/api/v2/step/predict_upload", "-o", "cutout.png"),
    ]
