"""A gateway that is watched: what it exposes after some work, and Prometheus over it with the alerts that ship."""

import asyncio
import json
import re
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import yaml
from fastapi import FastAPI
from obstore.store import MemoryStore
from prometheus_client.parser import text_string_to_metric_families

from gateway.app import create_app
from gateway.settings import Settings
from tests.gateway.fakes import FakeFetcher, FakeInference, picture
from tests.gateway.films import clip, ended, post
from tests.gateway.servers import listening
from tests.gateway.viewers import file_of, shown, viewing

WATCH = Path(__file__).parents[2] / "deploy" / "watch"
DASHBOARD = json.loads((WATCH / "grafana" / "dashboards" / "darkroom.json").read_text())
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
RULES = yaml.safe_load((WATCH / "rules.yml").read_text())
EXPRESSIONS = [rule["expr"] for group in RULES["groups"] for rule in group["rules"]] + QUERIES
# What has no value before something has happened that did not happen here.
SILENT = {
    "a failure": {"gateway_stream_errors_total", "gateway_rejected_total"},
    "a cut-out, a recipe or a fallback": {
        "gateway_fallback_total",
        "gateway_results_total",
        "gateway_routed_total",
        "gateway_store_seconds_bucket",
    },
    "templates in a store": {"gateway_templates_sync_total", "gateway_templates_versions"},
    "a profile to compare with": {
        "shelf_drift",
        "shelf_drift_episode",
        "shelf_drift_frames_total",
        "shelf_drift_reports_total",
        "shelf_drift_webhooks_total",
        "shelf_drift_windows_over",
    },
}
NAME = r"\b(?:gateway|shelf)_\w+(?=[{\[) ]|$)"
CHOSEN = r"\b((?:gateway|shelf)_\w+){([^}]*)}"
PROMETHEUS = shutil.which("prometheus")
SEEN = {"overlay": np.array([b"the overlay"], np.object_), "answer": np.array([b"{}"], np.object_)}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(model_repository=tmp_path, canary_interval_seconds=3600, job_progress_interval_seconds=0.05)


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    """Its network is slow, and not sure of what it sees."""
    answers = {"mean_confidence": np.array([0.5], np.float32)}
    inference = FakeInference(delay_s=0.03, tensors=SEEN, answers=answers)
    return create_app(settings, inference, MemoryStore(), FakeFetcher({}))


@asynccontextmanager
async def client_at(port: int) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        yield client


async def worked(port: int, source: Path) -> None:
    """A frame, a live stream and a job."""
    async with client_at(port) as client, viewing(port, input="frames", output="json") as viewer:
        assert (await client.post("/api/segment_frame", files={"image": ("a.png", picture())})).status_code == 200
        for _ in range(3):
            await viewer.send(file_of(shown(60)))
            await viewer.hear_of("frame")
        await asyncio.sleep(1)  # a shorter stream has no frames per second
        assert (await ended(client, await post(client, source)))["state"] == "done"


async def test_what_the_dashboard_and_the_alerts_name_is_exposed(
    app: FastAPI, settings: Settings, tmp_path: Path
) -> None:
    async with listening(app, settings) as port, client_at(port) as client:
        await worked(port, clip(tmp_path / "a.mp4", 5))
        text = ""
        async with asyncio.timeout(20):  # the gateway has to see the viewer leave
            while "gateway_stream_frames_per_second_bucket" not in text:
                text = (await client.get("/metrics")).text
    samples: dict[str, set[str]] = {}
    for sample in (one for family in text_string_to_metric_families(text) for one in family.samples):
        samples.setdefault(sample.name, set()).update(sample.labels)
    named = {name for expression in EXPRESSIONS for name in re.findall(NAME, expression)}
    assert named - samples.keys() == set().union(*SILENT.values())
    chosen = (found for expression in EXPRESSIONS for found in re.findall(CHOSEN, expression))
    for name, labels in chosen:
        assert set(re.findall(r"(\w+)(?:=~|!~|!=|=)", labels)) <= samples.get(name, {"kind", "reason", "outcome"}), name


def quickened(folder: Path, gateway: int, triton: int) -> Path:
    """The configuration that ships, with this machine's ports, and seconds where it has minutes."""
    rules = json.loads(re.sub(r"\[\d+[mh]\]", "[10s]", json.dumps(RULES)))
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        rule["for"] = "0s"
    settings = yaml.safe_load((WATCH / "prometheus.yml").read_text())
    settings["global"] = dict.fromkeys(settings["global"], "1s")
    for job, port in zip(settings["scrape_configs"], (gateway, triton), strict=True):
        job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
        job["scrape_timeout"] = "1s"
    (folder / "rules.yml").write_text(yaml.safe_dump(rules))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    return folder / "prometheus.yml"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def scraping(configuration: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Prometheus, once it is ready."""
    assert PROMETHEUS
    port, data = free_port(), configuration.with_name("data")
    command = [PROMETHEUS, f"--config.file={configuration}", f"--storage.tsdb.path={data}"]
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *command, f"--web.listen-address=127.0.0.1:{port}", stdout=nowhere, stderr=nowhere
    )
    try:
        async with client_at(port) as client:
            await until(lambda: ready(client))
            yield client
    finally:
        process.kill()
        await process.wait()


async def ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/-/ready")).is_success
    except httpx.TransportError:
        return False


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(0.1)


async def asked(client: httpx.AsyncClient, path: str, **query: str) -> Any:  # noqa: ANN401 - as JSON has it
    answer = (await client.get(f"/api/v1/{path}", params=query)).json()
    assert answer["status"] == "success", answer
    return answer["data"]


async def found(client: httpx.AsyncClient, query: str) -> list[Any]:
    return list((await asked(client, "query", query=query))["result"])


async def firing(client: httpx.AsyncClient) -> set[str]:
    return {one["labels"]["alertname"] for one in (await asked(client, "alerts"))["alerts"] if one["state"] == "firing"}


@pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is missing: apt-get install -y prometheus")
async def test_prometheus_scrapes_it_and_the_alerts_fire(app: FastAPI, settings: Settings, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        serving = await stack.enter_async_context(AsyncExitStack())
        port = await serving.enter_async_context(listening(app, settings))
        client = await stack.enter_async_context(scraping(quickened(tmp_path, port, free_port())))

        async def fired(*names: str) -> bool:
            return set(names) <= await firing(client)

        await until(lambda: found(client, 'up{job="gateway"} == 1'))
        await until(lambda: fired("TritonDown"))
        await worked(port, clip(tmp_path / "a.mp4", 120))
        await until(lambda: fired("ShelfConfidenceLow"))
        for group in (await asked(client, "rules"))["groups"]:
            assert {rule["health"] for rule in group["rules"]} == {"ok"}
        for query in QUERIES:
            await found(client, query.replace("$__rate_interval", "30s"))
        await until(lambda: found(client, 'gateway_stream_frames_total{kind="file",fate="answered"} == 120'))
        await serving.aclose()
        await until(lambda: fired("GatewayDown", "TritonDown"))
