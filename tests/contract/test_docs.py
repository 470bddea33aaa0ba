"""The documents are true: every setting, route, model and Make target is there, and what they name exists."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from gateway import deeds
from gateway.routes import cutouts, drift, files, films, frames, health, jobs, keywords, live, photos, recipes
from gateway.settings import Settings as GatewaySettings
from gateway.telemetry import Telemetry
from serving.settings import ServingSettings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
MODELS = sorted(path.parent.name for path in ROOT.glob("model_repository/*/config.pbtxt"))
PIPELINES = sorted(path.parent.name for path in ROOT.glob("ensembles/*/config.pbtxt"))
HOSTS = re.compile(r"nvcr\.io|ghcr\.io|docker\.io|quay\.io|pypi\.org|pythonhosted\.org|registry\.npmjs|huggingface\.co")


def tracked() -> list[Path]:
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("name", [f"GATEWAY_{field.upper()}" for field in GatewaySettings.model_fields])
def test_gateway_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize("name", [f"SERVING_{field.upper()}" for field in ServingSettings.model_fields])
def test_launcher_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in README


def test_no_setting_is_documented_that_does_not_exist() -> None:
    known = {f"GATEWAY_{field.upper()}" for field in GatewaySettings.model_fields}
    known |= {f"SERVING_{field.upper()}" for field in ServingSettings.model_fields}
    assert set(re.findall(r"`((?:GATEWAY|SERVING)_[A-Z0-9_]+)`", README)) <= known


@pytest.mark.parametrize("name", MODELS + PIPELINES)
def test_model_is_documented(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize(
    "name", [name for name in MODELS if name.endswith(("_matte", "_classifier", "shelf_segmenter"))]
)
def test_network_has_a_model_card(name: str) -> None:
    assert (ROOT / "model_repository" / name / "README.md").is_file()


def test_make_target_is_documented() -> None:
    targets = re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets
    assert [target for target in targets if f"`make {target}`" not in README] == []


@pytest.mark.parametrize("document", [README, ARCHITECTURE], ids=["README", "ARCHITECTURE"])
def test_modules_that_a_document_runs_exist(document: str) -> None:
    modules = set(re.findall(r"python3? -m ([a-z_.]+)", document)) - {"venv", "pip"}
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []


@pytest.mark.parametrize("document", [README, ARCHITECTURE], ids=["README", "ARCHITECTURE"])
def test_files_that_a_document_names_exist(document: str) -> None:
    names = re.findall(r"`((?:[a-z_]+/)+[A-Za-z0-9_.-]*)`", document)
    roots = {path.name for path in ROOT.iterdir()}
    assert [name for name in names if name.split("/")[0] in roots and not (ROOT / name).exists()] == []


def test_no_file_names_a_registry_host_or_a_path_of_one_machine() -> None:
    own = Path(__file__)
    files = [path for path in tracked() if path.suffix not in {".onnx", ".png"}]
    texts = {path: path.read_bytes().decode(errors="ignore") for path in files}
    assert [str(path) for path, text in texts.items() if path != own and HOSTS.search(text)] == []
    assert [str(path) for path, text in texts.items() if f"{ROOT}/" in text] == []


@pytest.mark.parametrize(
    "router",
    [
        *(cutouts.router, drift.router, keywords.router, live.router, photos.router, recipes.router, files.router),
        *(films.router, frames.router, jobs.router, health.router),
    ],
    ids=["cutouts", "drift", "keywords", "live", "photos", "recipes", "files", "films", "frames", "jobs", "health"],
)
def test_every_route_is_documented(router: APIRouter) -> None:
    paths = {route.path for route in router.routes if isinstance(route, APIRoute)}
    assert paths
    assert [path for path in paths if path.replace("{role}", "{step\\|main}").replace(":path", "") not in README] == []


def test_every_metric_is_documented() -> None:
    names = re.findall(r"^# TYPE (\S+)", Telemetry().exposition().decode(), re.MULTILINE)
    assert names
    assert [name for name in names if not name.endswith("_created") and f"`{name}`" not in README] == []


@pytest.mark.parametrize("deed", [deeds.REMOVE_BACKGROUND, deeds.PROCESS_FULL], ids=["cut-out", "photo"])
def test_every_form_field_is_documented(deed: deeds.Deed) -> None:
    assert [name for name in deed.names if f"`{name}`" not in README] == []
