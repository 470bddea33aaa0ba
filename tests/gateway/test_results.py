"""Which result belongs to a picture: a new one whenever something that makes it has changed, the old one otherwise."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from obstore.store import MemoryStore

from gateway.app import create_app
from gateway.errors import InferenceUnavailableError
from gateway.inference import Cut, Inventory
from gateway.pipelines import Pipeline
from gateway.settings import Settings
from tests.gateway.conftest import PHOTO_URL
from tests.gateway.fakes import WHOLE, FakeFetcher, FakeInference, client_of, picture

UPLOAD = "/api/v2/step/predict_upload"
NEWER = replace(WHOLE, versions={**WHOLE.versions, "step_matte": (2,)})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A repository with a step and a network, the code that steps share, and a catalogue that refreshes on demand."""
    for name, text in {
        "models/decode/config.pbtxt": 'backend: "python"',
        "models/decode/1/model.py": "one",
        "models/decode/1/helper.py": "one",
        "models/step_matte/config.pbtxt": 'backend: "onnxruntime"',
        "models/step_matte/1/model.onnx": "weights",
        "models/step_matte/1/model.json": '{"sha256": "abc"}',
        "imaging/decode.py": "one",
        "imaging/deep/tones.py": "one",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Settings(
        model_repository=tmp_path / "models", step_sources=tmp_path / "imaging", canary_interval_seconds=3600
    )


async def made(client: httpx.AsyncClient) -> dict[str, object]:
    answer = await client.post(UPLOAD, files={"file": picture()})
    assert answer.status_code == 200, answer.text
    body: dict[str, object] = answer.json()
    return body


def restarted(inference: FakeInference) -> None:
    """As after a restart of Triton: all requests count anew."""
    inference.inventory_now = replace(WHOLE, requests={"decode": 1})


@pytest.fixture
def inference() -> FakeInference:
    return FakeInference(inventory_now=replace(WHOLE, requests={"decode": 100}))


@pytest.mark.parametrize(
    "name",
    [
        "models/decode/1/model.py",
        "models/decode/1/helper.py",
        "imaging/decode.py",
        "imaging/deep/tones.py",
        "imaging/new.py",
        "models/step_matte/1/model.json",
    ],
)
async def test_changed_files_make_new_results_once_triton_has_loaded_them(
    app: FastAPI, client: httpx.AsyncClient, inference: FakeInference, tmp_path: Path, name: str
) -> None:
    first = await made(client)
    (tmp_path / name).write_text('{"sha256": "def"}')
    await app.state.parts.catalogue.refresh()
    assert (await made(client))["cached"], "Triton still runs what it loaded"
    restarted(inference)
    await app.state.parts.catalogue.refresh()
    second = await made(client)
    assert not second["cached"]
    assert second["id"] != first["id"]


async def test_a_restart_alone_changes_no_result(
    app: FastAPI, client: httpx.AsyncClient, inference: FakeInference
) -> None:
    await made(client)
    restarted(inference)
    await app.state.parts.catalogue.refresh()
    assert (await made(client))["cached"]


async def test_what_was_loaded_while_triton_was_away_is_read_anew(
    app: FastAPI, client: httpx.AsyncClient, inference: FakeInference, tmp_path: Path
) -> None:
    await made(client)
    as_before, inference.inventory_now = inference.inventory_now, None
    with pytest.raises(InferenceUnavailableError):
        await app.state.parts.catalogue.refresh()
    (tmp_path / "imaging/decode.py").write_text("two")
    assert (await made(client))["cached"]
    inference.inventory_now = as_before
    await app.state.parts.catalogue.refresh()
    assert not (await made(client))["cached"]


async def test_a_changed_config_makes_new_results(
    app: FastAPI, client: httpx.AsyncClient, inference: FakeInference
) -> None:
    await made(client)
    inference.inventory_now = replace(WHOLE, configs={"cutout_step": "another chain"})
    await app.state.parts.catalogue.refresh()
    assert not (await made(client))["cached"]


async def test_gateways_over_the_same_files_share_their_results(
    settings: Settings, inference: FakeInference, store: MemoryStore
) -> None:
    found = []
    for _ in range(2):
        async with client_of(create_app(settings, inference, store)) as client:
            found.append((await made(client))["id"])
    assert found[0] == found[1]


async def test_a_version_loaded_between_two_looks_makes_its_own_result(
    app: FastAPI, client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.inventory_now = NEWER
    newer = await made(client)
    assert (newer["version"], newer["cached"]) == (2, False)
    inference.inventory_now = WHOLE
    await app.state.parts.catalogue.refresh()
    older = await made(client)
    assert (older["version"], older["cached"]) == (1, False)
    assert older["id"] != newer["id"]


@dataclass
class Restless(FakeInference):
    """Loads another version during every inference."""

    versions: list[int] = field(default_factory=lambda: [1])

    async def infer(self, pipeline: Pipeline, image: bytes, request_id: str) -> Cut:
        cut = await super().infer(pipeline, image, request_id)
        self.versions.append(self.versions[-1] + 1)
        version = (self.versions[-1],)
        self.inventory_now = replace(WHOLE, versions={**WHOLE.versions, "step_matte": version})
        return cut


async def test_where_nobody_can_say_what_made_a_result_it_is_not_kept(settings: Settings, store: MemoryStore) -> None:
    inference = Restless()
    async with client_of(create_app(settings, inference, store)) as client:
        answer = await client.post(UPLOAD, files={"file": picture()})
    assert (answer.status_code, answer.json()["code"]) == (503, "pipeline_changed")
    assert int(answer.headers["retry-after"]) > 0
    assert len(inference.calls) == 2
    assert not store.list().collect()


def canaries_fail(inference: FakeInference) -> None:
    inference.down = dict.fromkeys(WHOLE.steps, "it failed")


def triton_is_gone(inference: FakeInference) -> None:
    inference.inventory_now = None


def pipelines_are_gone(inference: FakeInference) -> None:
    inference.inventory_now = Inventory({"decode": (1,)})


@pytest.mark.parametrize(
    ("befall", "code"),
    [
        (canaries_fail, "pipeline_down"),
        (triton_is_gone, "pipeline_down"),
        (pipelines_are_gone, "pipeline_not_served"),
    ],
)
async def test_what_is_stored_is_answered_while_the_pipeline_is_down(
    app: FastAPI,
    client: httpx.AsyncClient,
    inference: FakeInference,
    fetcher: FakeFetcher,
    befall: Callable[[FakeInference], None],
    code: str,
) -> None:
    first = await made(client)
    fetcher.pictures["https://pictures.example/other.png"] = picture(colour="blue")
    befall(inference)
    with suppress(InferenceUnavailableError):
        await app.state.parts.catalogue.refresh()
    assert await made(client) == {**first, "cached": True}
    assert (await client.post("/api/v2/step/predict", json={"url": PHOTO_URL})).json()["url"] == first["url"]
    redirect = await client.get(f"/api/v2/step/crop?{PHOTO_URL}")
    assert (redirect.status_code, redirect.headers["location"]) == (302, first["url"])
    accept = {"Accept": "image/png"}
    kept = await client.post(UPLOAD, files={"file": picture()}, headers=accept)
    assert (kept.content, kept.headers["x-cached"]) == (inference.cut.png, "true")
    refused = await client.get("/api/v2/step/crop?https://pictures.example/other.png")
    assert (refused.status_code, refused.json()["code"]) == (503, code)
    assert len(inference.calls) == 1
