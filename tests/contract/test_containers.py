"""What can be known of the containers without a Docker engine: files, names, users and settings join up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings import Settings as GatewaySettings
from serving.settings import ServingSettings

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted(ROOT.glob("*/Dockerfile"))


def compose(name: str = "docker-compose.yml") -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return loaded


def ours() -> list[dict[str, Any]]:
    """The services whose images are built from this repository."""
    return [service for service in compose()["services"].values() if "build" in service]


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line.strip()]


def sources(copy: str) -> list[str]:
    """What a COPY takes out of the repository."""
    words = copy.split()
    return [] if words[0].startswith("--from") else [word for word in words[:-1] if not word.startswith("--")]


def set_variables(dockerfile: Path) -> set[str]:
    text = " ".join(rest for word, rest in instructions(dockerfile) if word == "ENV")
    return {part.split("=")[0] for part in text.split() if "=" in part}


def known_variables() -> set[str]:
    gateway = {f"GATEWAY_{name.upper()}" for name in GatewaySettings.model_fields}
    return gateway | {f"SERVING_{name.upper()}" for name in ServingSettings.model_fields}


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_image_runs_as_another_user_than_root(dockerfile: Path) -> None:
    users = [rest for word, rest in instructions(dockerfile) if word == "USER"]
    assert users
    assert users[-1] not in {"root", "0"}


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_image_is_built_in_several_stages_from_files_that_exist(dockerfile: Path) -> None:
    words = instructions(dockerfile)
    assert len([word for word, _ in words if word == "FROM"]) >= 2
    copied = [source for word, rest in words if word == "COPY" for source in sources(rest)]
    assert copied
    assert all((ROOT / source).exists() for source in copied)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_image_has_a_health_check(dockerfile: Path) -> None:
    assert "HEALTHCHECK" in {word for word, _ in instructions(dockerfile)}


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_every_setting_in_an_image_exists(dockerfile: Path) -> None:
    ours = {name for name in set_variables(dockerfile) if name.startswith(("GATEWAY_", "SERVING_"))}
    assert ours
    assert ours <= known_variables()


def test_every_setting_in_the_compose_file_exists() -> None:
    names = {name for service in ours() for name in service["environment"]}
    assert names <= known_variables()


def test_compose_builds_our_images_and_drops_privileges() -> None:
    services = compose()["services"]
    assert {ROOT / service["build"]["dockerfile"] for service in ours()} == set(DOCKERFILES)
    assert all(service["cap_drop"] == ["ALL"] for service in services.values())
    assert services["triton"]["shm_size"]


def test_both_services_read_the_same_templates() -> None:
    folders = {ROOT / "serving" / "Dockerfile": "/opt/darkroom", ROOT / "gateway" / "Dockerfile": "/app"}
    mounts = {}
    for service in ours():
        dockerfile = ROOT / service["build"]["dockerfile"]
        copied = [source for word, rest in instructions(dockerfile) if word == "COPY" for source in sources(rest)]
        workdir = [rest for word, rest in instructions(dockerfile) if word == "WORKDIR"][-1]
        assert "templates" in copied
        assert workdir == folders[dockerfile]
        (mount,) = [volume for volume in service["volumes"] if f":{workdir}/templates" in volume]
        mounts[dockerfile.parent.name] = mount.split(f":{workdir}/templates")
    assert mounts["serving"] == ["${TEMPLATES:-./templates}", ":ro"]
    assert mounts["gateway"] == ["${TEMPLATES:-./templates}", ""], "it writes what comes out of a store"
    assert GatewaySettings.model_fields["templates"].default == Path("templates")


def test_one_pipeline_that_does_not_load_keeps_no_gateway_from_starting() -> None:
    assert compose()["services"]["gateway"]["depends_on"]["triton"]["condition"] == "service_started"


def test_only_the_file_for_it_asks_for_a_gpu() -> None:
    plain, extra = compose()["services"]["triton"], compose("docker-compose.gpu.yml")["services"]["triton"]
    assert "deploy" not in plain
    assert plain["environment"] == {"SERVING_MODEL_CONFIG_NAME": "${MODEL_CONFIG:-cpu}"}
    assert extra["environment"] == {"SERVING_MODEL_CONFIG_NAME": "${MODEL_CONFIG:-cuda}"}
    (device,) = extra["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])


def test_the_health_check_of_the_server_waits_as_long_as_its_launcher() -> None:
    check = next(rest for word, rest in instructions(ROOT / "serving" / "Dockerfile") if word == "HEALTHCHECK")
    seconds = {name: float(number) for name, number in re.findall(r"--([a-z-]+)=(\d+)s", check)}
    assert seconds["start-period"] >= ServingSettings.model_fields["load_timeout_seconds"].default
    assert seconds["timeout"] > ServingSettings.model_fields["canary_timeout_seconds"].default
