"""The launcher's settings, and the command line that they become."""

from pathlib import Path

import pytest
from pydantic import ValidationError

import gateway.settings
from serving import command, discovery
from serving.discovery import Server
from serving.errors import ServerMissingError
from serving.settings import ROOT, GatewaySettings, ServingSettings

SERVER = Server("wheel", Path("/t/bin/tritonserver"), {}, Path("/t/backends"), frozenset({"python"}))


def flags(settings: ServingSettings) -> list[str]:
    return command.arguments(settings, SERVER, ["decode", "cut"], "darkroom-1-", "a key")


def test_every_setting_has_a_title_a_description_and_a_default() -> None:
    for fields in (ServingSettings.model_fields, GatewaySettings.model_fields):
        for name, field in fields.items():
            assert field.title, name
            assert field.description, name
            assert not field.is_required(), name


def test_variables_with_the_prefix_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVING_HTTP_PORT", "9000")
    monkeypatch.setenv("SERVING_MODEL_REPOSITORIES", "/a, /b")
    monkeypatch.setenv("SERVING_EXTRA_ARGUMENTS", "--trace-config=triton,file='a b' --log-verbose=1")
    settings = ServingSettings()
    assert settings.http_port == 9000
    assert settings.model_repositories == (Path("/a"), Path("/b"))
    assert settings.extra_arguments == ("--trace-config=triton,file=a b", "--log-verbose=1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("http_port", 0),
        ("grpc_port", 70000),
        ("canary_interval_seconds", 0),
        ("triton", "moon"),
        ("moel", "x"),
        ("model_config_name", "a b"),
        ("model_repositories", ""),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        ServingSettings.model_validate({name: value})


def test_the_command_loads_exactly_the_computed_set_and_survives_a_broken_model() -> None:
    line = flags(ServingSettings())
    assert line[0] == "/t/bin/tritonserver"
    assert [flag for flag in line if flag.startswith("--load-model")] == ["--load-model=decode", "--load-model=cut"]
    assert {"--model-control-mode=explicit", "--exit-on-error=false", "--strict-readiness=false"} <= set(line)
    assert f"--model-repository={ROOT / 'ensembles'}" in line
    assert "--backend-config=python,shm-region-prefix-name=darkroom-1-" in line
    assert "--backend-directory=/t/backends" in line
    assert {"--http-address=127.0.0.1", "--grpc-address=127.0.0.1", "--metrics-address=127.0.0.1"} <= set(line)
    assert "--disable-auto-complete-config" in line


def test_control_of_models_memory_traces_and_logs_needs_the_key() -> None:
    restricted = "model-repository,shared-memory,trace,logging:darkroom-key=a key"
    line = flags(ServingSettings())
    assert f"--http-restricted-api={restricted}" in line
    assert f"--grpc-restricted-protocol={restricted}" in line
    assert not [flag for flag in flags(ServingSettings(restricted_apis=())) if "restricted" in flag]


def test_without_a_key_of_ones_own_each_run_has_another() -> None:
    settings = ServingSettings()
    assert command.control_key(settings) != command.control_key(settings)
    assert command.control_key(ServingSettings.model_validate({"control_key": "mine"})) == "mine"


def test_a_server_that_listens_everywhere_is_reached_on_the_loopback() -> None:
    assert ServingSettings(host="0.0.0.0").grpc_url == "127.0.0.1:8001"  # noqa: S104
    assert ServingSettings(host="::").http_url == "http://[::1]:8000"
    assert "--grpc-address=[::]" in flags(ServingSettings(host="::"))
    assert GatewaySettings(host="0.0.0.0", port=80).url == "127.0.0.1:80"  # noqa: S104


def test_the_keeper_knows_the_gateways_own_defaults() -> None:
    for name in GatewaySettings.model_fields:
        assert getattr(GatewaySettings(), name) == gateway.settings.Settings.model_fields[name].default, name


def test_the_first_server_that_is_there_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert discovery.origin(ServingSettings()) == "wheel"
    (tmp_path / "tritonserver").touch(0o755)
    assert discovery.origin(ServingSettings()) == "path"
    assert discovery.origin(ServingSettings(external_url="gpu:8001")) == "external"
    assert discovery.origin(ServingSettings(triton="wheel", external_url="gpu:8001")) == "wheel"


def test_a_server_on_path_keeps_its_own_backends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", "/theirs")
    (tmp_path / "tritonserver").touch(0o755)
    server = discovery.discover(ServingSettings())
    assert (server.executable, server.backend_directory, server.backends) == (tmp_path / "tritonserver", None, None)
    assert server.variables["PYTHONPATH"] == f"{ROOT}:/theirs"


@pytest.mark.parametrize(
    ("settings", "cure"),
    [
        (ServingSettings(triton="path"), "SERVING_TRITON=wheel"),
        (ServingSettings(triton="external"), "SERVING_EXTERNAL_URL=host:8001"),
    ],
)
def test_a_server_that_is_asked_for_and_not_there_is_an_error_with_its_cure(
    settings: ServingSettings, cure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerMissingError) as caught:
        discovery.discover(settings)
    assert cure in caught.value.cure
