from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import structlog
from fastapi import FastAPI
from obstore.store import MemoryStore

from gateway import logs
from gateway.app import create_app
from gateway.settings import Settings
from tests.gateway.fakes import FakeFetcher, FakeInference, client_of, picture
from tests.gateway.fetchers import make_fetcher

__all__ = ["make_fetcher"]

PHOTO_URL = "https://pictures.example/photo.png?size=big&v=2"


@pytest.fixture(autouse=True, scope="session")
def plain_logs() -> None:
    """One JSON object a line; the default renders tracebacks for people, which takes seconds."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            logs.TRACEBACKS,
            structlog.processors.JSONRenderer(default=str),
        ]
    )


@pytest.fixture(autouse=True)
def jobs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each application's own, whatever its settings: a folder of jobs is used by one at a time."""
    monkeypatch.setenv("GATEWAY_JOBS", str(tmp_path / "jobs"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(model_repository=tmp_path, canary_interval_seconds=0.02)


@pytest.fixture
def inference() -> FakeInference:
    return FakeInference()


@pytest.fixture
def fetcher() -> FakeFetcher:
    return FakeFetcher({PHOTO_URL: picture()})


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def app(settings: Settings, inference: FakeInference, store: MemoryStore, fetcher: FakeFetcher) -> FastAPI:
    return create_app(settings, inference, store, fetcher)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client
