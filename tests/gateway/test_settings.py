import os
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.settings import Settings, unknown_variables

ROOT = Path(__file__).parents[2]
SPANS = ("timeout", "interval", "presign")


def test_every_setting_says_what_it_is() -> None:
    for name, field in Settings.model_fields.items():
        assert field.title, name
        assert field.description, name


def test_every_span_and_size_has_its_unit_in_its_name() -> None:
    for name in Settings.model_fields:
        if any(word in name for word in SPANS):
            assert name.endswith("_seconds"), name
        if name.startswith("max_picture") or "pixels" in name:
            assert name.endswith(("_bytes", "_pixels")), name


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "9001")
    monkeypatch.setenv("GATEWAY_FETCH_ALLOWED_NETWORKS", "127.0.0.0/8, fd00::/8")
    settings = Settings()
    assert settings.port == 9001
    assert settings.fetch_allowed_networks == (ip_network("127.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_PORT", "70000"),
        ("GATEWAY_PORT", "tcp://10.0.0.1:80"),
        ("GATEWAY_TRITON_URL", "http://127.0.0.1:8001"),
        ("GATEWAY_TRITON_URL", "localhost"),
        ("GATEWAY_PUBLIC_URL", "cut.example"),
        ("GATEWAY_FETCH_ALLOWED_NETWORKS", "127.0.0.1/8"),
        ("GATEWAY_FETCH_ALLOWED_NETWORKS", "localhost"),
        ("GATEWAY_MAX_CONCURRENCY", "0"),
        ("GATEWAY_MAX_PIXELS", "178956971"),
        ("GATEWAY_INFERENCE_TIMEOUT_SECONDS", "-1"),
        ("GATEWAY_DELIVERY_TEMPLATE", "https://res.example/fetch/"),
        ("GATEWAY_DELIVERY_TEMPLATE", "https://res.example/{url}/{url}"),
        ("GATEWAY_DELIVERY_TEMPLATE", "https://res.example/{host}/{url}"),
        ("GATEWAY_DELIVERY_TEMPLATE", "javascript:{url}"),
        ("GATEWAY_RESULTS_EPOCH", "../1"),
        ("GATEWAY_LOG_LEVEL", "loud"),
        ("GATEWAY_STORE_URL", ""),
        ("GATEWAY_STORE_URL", "file://"),
        ("GATEWAY_STORE_URL", "s3://"),
        ("GATEWAY_STORE_URL", "az:///prefix"),
    ],
)
def test_a_bad_value_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.removeprefix("GATEWAY_").lower()):
        Settings()


def test_secrets_do_not_show() -> None:
    settings = Settings.model_validate({"s3_access_key_id": "AKIA", "s3_secret_access_key": "hidden-secret"})
    assert "hidden-secret" not in repr(settings) + settings.model_dump_json()


def test_a_variable_that_no_setting_reads_is_found() -> None:
    environment = {"GATEWAY_PORT": "1", "GATEWAY_PROT": "1", "PATH": "x", "gateway_max_pixls": "3"}
    assert unknown_variables(environment) == ["GATEWAY_PROT", "gateway_max_pixls"]


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"GATEWAY_STORE_URL": "/proc/none"}, "No such file or directory"),
        ({"GATEWAY_STORE_URL": "az://container"}, "Account must be specified"),
        ({"GATEWAY_STORE_URL": "gs://bucket", "GATEWAY_GCS_SERVICE_ACCOUNT": "/none.json"}, "/none.json"),
    ],
)
def test_the_program_refuses_a_store_that_cannot_be_opened(variables: dict[str, str], reason: str) -> None:
    ended = run_program(variables)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("GATEWAY_STORE_URL: ")
    assert reason in line


def test_the_program_refuses_bad_settings_by_name_without_a_traceback() -> None:
    ended = run_program({"GATEWAY_PORT": "many", "GATEWAY_MAX_PIXELS": "0"})
    assert ended.returncode == 2
    assert "GATEWAY_PORT: " in ended.stderr
    assert "GATEWAY_MAX_PIXELS: " in ended.stderr
    assert "Traceback" not in ended.stderr


def run_program(variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command, environment = [sys.executable, "-m", "gateway"], {**os.environ, **variables}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
