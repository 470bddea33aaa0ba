"""From a frame through the segmenter to `/api/drift` and `/metrics`."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from obstore.store import MemoryStore

from gateway.app import create_app
from gateway.drift import profile
from gateway.drift.observation import Observation
from gateway.drift.report import profile_of
from gateway.pipelines import SEGMENT_STREAM
from gateway.settings import Settings
from tests.gateway.fakes import WHOLE, FakeInference, client_of

NETWORK = "shelf_segmenter"
SERVED = replace(
    WHOLE,
    versions={**WHOLE.versions, NETWORK: (1, 2)},
    networks=WHOLE.networks | {NETWORK},
    steps={**WHOLE.steps, SEGMENT_STREAM.name: (NETWORK, "shelf_smooth")},
)
WINDOW = 20


def seen(brightness: float) -> Observation:
    figures = {"brightness": brightness, "share_product": 1.0}
    return Observation("request", 0.0, 8, 8, figures, np.zeros(3, np.float32), b"")


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """A gateway whose network serves version 2, which has a profile of bright pictures."""
    folder = tmp_path / NETWORK / "2"
    folder.mkdir(parents=True)
    (folder / profile.NAME).write_bytes(profile_of(NETWORK, [seen(150 + number / 4) for number in range(400)])[0])
    settings = Settings(
        model_repository=tmp_path, drift_window_frames=WINDOW, drift_windows=1, drift_sample_seconds=0.000001
    )
    return create_app(settings, FakeInference(SERVED), MemoryStore())


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


async def test_dark_frames_of_a_stream_are_drift_a_window_later(app: FastAPI, client: httpx.AsyncClient) -> None:
    before = (await client.get("/api/drift")).json()
    assert (before["enabled"], before["networks"][0]["state"]) == (True, "filling")
    assert before["networks"][0]["pictures"] == 400
    async with app.state.parts.segmenter.open("default", 0.0, "a-request") as stream:
        for number in range(WINDOW):
            await stream.segment(np.full((32, 48, 3), 52, np.uint8))
            while (await client.get("/api/drift")).json()["networks"][0]["frames"] <= number:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.005)
    while (await client.get("/api/drift")).json()["networks"][0]["state"] == "filling":  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.005)
    answer = await client.get("/api/drift")
    assert answer.headers["cache-control"] == "no-store"
    (network,) = answer.json()["networks"]
    assert (network["network"], network["state"], network["window_frames"]) == (NETWORK, "drifted", WINDOW)
    assert network["compared"][0]["figure"] == "brightness"
    assert network["score"] > 1
    metrics = (await client.get("/metrics")).text
    assert f'shelf_drift_episode{{network="{NETWORK}"}} 1.0' in metrics


async def test_a_report_is_in_no_address_that_is_served(app: FastAPI, client: httpx.AsyncClient) -> None:
    await app.state.parts.shelf.put(f"drift/20260101T000000Z-{NETWORK}/report.json", b"{}", "application/json")
    assert (await client.get(f"/files/drift/20260101T000000Z-{NETWORK}/report.json")).status_code == 404
