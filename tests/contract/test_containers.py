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


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line.strip()]


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
    copied = [rest.split()[:-1] for word, rest in words if word == "COPY" and not rest.startswith("--from")]
    assert copied
    assert all((ROOT / source).exists() for sources in copied for source in sources)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_image_has_a_health_check(dockerfile: Path) -> None:
    assert "HEALTHCHECK" in {word for word, _ in instructions(dockerfile)}


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_every_setting_in_an_image_exists(dockerfile: Path) -> None:
    ours = {name for name in set_variables(dockerfile) if name.startswith(("GATEWAY_", "SERVING_"))}
    assert ours
    assert ours <= known_variables()


def test_every_setting_in_the_compose_file_exists() -> None:
    names = {name for service in compose()["services"].values() for name in service["environment"]}
    assert names <= known_variables()


def test_compose_builds_our_images_drops_privileges_and_waits_for_a_canary() -> None:
    services = compose()["services"]
    assert {ROOT / service["build"]["dockerfile"] for service in services.values()} == set(DOCKERFILES)
    assert all(service["cap_drop"] == ["ALL"] for service in services.values())
    assert services["gateway"]["depends_on"]["triton"]["condition"] == "service_healthy"
    assert services["triton"]["shm_size"]
