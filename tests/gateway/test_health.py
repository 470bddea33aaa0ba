import asyncio
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from obstore.store import MemoryStore

from export.roles import ROLES
from gateway.app import create_app
from gateway.inference import Inventory
from gateway.settings import Settings
from tests.gateway.fakes import WHOLE, FakeInference, client_of, picture

ROOT = Path(__file__).parents[2]
UPLOAD = "/api/v2/step/predict_upload"


async def test_health_tells_model_version_and_age_of_the_last_good_canary(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v2/main/health")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "status": "ok",
        "pipeline": "cutout_main",
        "model": "main_matte",
        "version": 1,
        "canary_age_s": 1.5,
        "reason": None,
    }


async def test_a_pipeline_that_is_down_answers_503_at_once_and_comes_back_by_itself(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.down = {"cutout_step": "StatusCode.UNAVAILABLE 127.0.0.1:8001"}
    refused = await client.post(UPLOAD, files={"file": picture()})
    assert (refused.status_code, refused.json()["code"]) == (503, "pipeline_down")
    assert int(refused.headers["retry-after"]) > 0
    health = await client.get("/api/v2/step/health")
    assert (health.status_code, health.json()["status"]) == (503, "down")
    assert int(health.headers["retry-after"]) > 0
    assert "127.0.0.1" not in refused.text + health.text
    assert not inference.calls
    assert (await client.get("/api/v2/main/health")).status_code == 200
    inference.down = {}
    assert (await client.post(UPLOAD, files={"file": picture()})).status_code == 200


@pytest.mark.parametrize("path", ["/health", "/api/v2/step/health"])
async def test_head_tells_the_same_status_as_get(
    client: httpx.AsyncClient, inference: FakeInference, path: str
) -> None:
    for down, status in (((), 200), (WHOLE.steps, 503)):
        inference.down = dict.fromkeys(down, "it failed")
        answer = await client.head(path)
        assert (answer.status_code, answer.headers["cache-control"]) == (status, "no-store")


@pytest.mark.parametrize(
    ("down", "status", "word"),
    [((), 200, "ok"), (("cutout_step",), 200, "degraded"), (tuple(WHOLE.steps), 503, "down")],
)
async def test_the_overall_health_weighs_all_pipelines(
    client: httpx.AsyncClient, inference: FakeInference, down: tuple[str, ...], status: int, word: str
) -> None:
    inference.down = dict.fromkeys(down, "it failed")
    answer = await client.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (status, word)
    assert {state["pipeline"] for state in answer.json()["pipelines"]} == set(WHOLE.steps)


async def test_without_triton_the_gateway_starts_refuses_and_recovers(
    settings: Settings, store: MemoryStore, app: FastAPI
) -> None:
    inference = FakeInference(inventory_now=None)
    app = create_app(settings, inference, store)
    async with client_of(app) as client:
        assert (await client.get("/health")).status_code == 503
        refused = await client.post(UPLOAD, files={"file": picture()})
        assert (refused.status_code, refused.json()["code"]) == (503, "pipeline_down")
        inference.inventory_now = WHOLE
        await app.state.parts.catalogue.refresh()
        assert (await client.post(UPLOAD, files={"file": picture()})).status_code == 200


async def test_what_listens_knows_what_is_served(app: FastAPI) -> None:
    async with app.router.lifespan_context(app):
        assert app.state.parts.catalogue.pipeline("cutout_step").version == 1


async def test_a_refresh_that_fails_in_an_unforeseen_way_is_logged_and_tried_again(
    settings: Settings, store: MemoryStore, capsys: pytest.CaptureFixture[str]
) -> None:
    @dataclass
    class Stumbling(FakeInference):
        asked: int = 0

        async def inventory(self) -> Inventory:
            self.asked += 1
            if self.asked <= 3:
                raise ZeroDivisionError("nobody foresaw this")
            return await super().inventory()

    quick = settings.model_copy(update={"canary_interval_seconds": 0.01})
    inference = Stumbling()
    app = create_app(quick, inference, store)
    async with app.router.lifespan_context(app), asyncio.timeout(10):
        while inference.asked <= 4:  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.01)
    assert app.state.parts.catalogue.pipeline("cutout_step").version == 1
    logged = [line for line in capsys.readouterr().out.splitlines() if "cannot be refreshed" in line]
    assert len(logged) == 1
    assert "nobody foresaw this" in logged[0]


async def test_a_pipeline_that_is_not_served_is_told_apart(
    settings: Settings, inference: FakeInference, store: MemoryStore
) -> None:
    inference.inventory_now = Inventory({"decode": (1,)}, frozenset(), {})
    async with client_of(create_app(settings, inference, store)) as client:
        refused = await client.post(UPLOAD, files={"file": picture()})
        assert (refused.status_code, refused.json()["code"]) == (503, "pipeline_not_served")
        assert "/v1/models" in refused.json()["detail"]
        assert (await client.get("/api/v2/step/health")).json()["reason"] == refused.json()["detail"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """With the project's own model contracts, one card, and no artefact but two."""
    for config in (ROOT / "model_repository").glob("*/config.pbtxt"):
        (tmp_path / config.parent.name).mkdir()
        shutil.copy(config, tmp_path / config.parent.name)
    for name in ("step_matte/1", "step_matte/3", "main_matte/1"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "model.onnx").touch()
    card = {
        "role": "step_matte",
        "source": "starter",
        "licence": "MIT",
        "commercial_use": True,
        "figures": {"mean_iou": 0.96},
        "size_bytes": 15_000_000,
        "date": "2026-11-20",
        "sha256": "ab" * 32,
        "proof": [],
    }
    (tmp_path / "step_matte/1/model.json").write_text(json.dumps(card))
    (tmp_path / "step_matte/3/model.json").write_text("{broken")
    return Settings(model_repository=tmp_path)


async def test_models_lists_every_network_with_its_versions_and_cards(client: httpx.AsyncClient) -> None:
    models = {model["role"]: model for model in (await client.get("/v1/models")).json()["models"]}
    assert set(models) == set(ROLES)
    step = models["step_matte"]
    assert (step["served"], step["served_version"], step["reason"]) == (True, 1, None)
    assert sorted(step["pipelines"]) == ["alpha_step", "cutout_step"]
    newest, oldest = step["versions"]
    assert (newest["version"], newest["source"]) == (3, None)
    facts = {name: oldest[name] for name in ("version", "source", "licence", "commercial_use", "figures", "size_bytes")}
    assert facts == {
        "version": 1,
        "source": "starter",
        "licence": "MIT",
        "commercial_use": True,
        "figures": {"mean_iou": 0.96},
        "size_bytes": 15_000_000,
    }


async def test_models_says_why_a_network_is_not_served_and_what_would_make_it(client: httpx.AsyncClient) -> None:
    models = {model["role"]: model for model in (await client.get("/v1/models")).json()["models"]}
    product = models["product_matte"]
    assert (product["served"], product["served_version"], product["versions"]) == (False, None, [])
    assert product["reason"] == "no version has been exported"
    assert product["command"].startswith("python -m export product_matte --checkpoint")


async def test_models_knows_a_network_that_is_there_and_not_loaded(
    settings: Settings, inference: FakeInference, store: MemoryStore
) -> None:
    inference.inventory_now = Inventory({"step_matte": (3,)}, frozenset({"step_matte"}), {})
    async with client_of(create_app(settings, inference, store)) as client:
        models = {model["role"]: model for model in (await client.get("/v1/models")).json()["models"]}
    assert models["step_matte"]["served_version"] == 3
    assert (models["main_matte"]["served"], models["main_matte"]["command"]) == (False, None)
    assert models["main_matte"]["reason"] == "Triton has not loaded it"


@pytest.mark.parametrize("name", ["\u00b2", "\u0662", "v2", "-1", "1.5"])
async def test_a_folder_that_is_no_version_is_none(
    app: FastAPI, client: httpx.AsyncClient, settings: Settings, name: str
) -> None:
    folder = settings.model_repository / "step_matte" / name
    folder.mkdir()
    (folder / "model.onnx").touch()
    await app.state.parts.catalogue.refresh()
    models = {model["role"]: model for model in (await client.get("/v1/models")).json()["models"]}
    assert [card["version"] for card in models["step_matte"]["versions"]] == [3, 1]


async def test_models_works_where_the_repository_cannot_be_seen(
    inference: FakeInference, store: MemoryStore, tmp_path: Path
) -> None:
    async with client_of(create_app(Settings(model_repository=tmp_path / "none"), inference, store)) as client:
        models = {model["role"]: model for model in (await client.get("/v1/models")).json()["models"]}
    assert models["main_matte"]["served_version"] == 1
