"""Puts the application together: `create_app` and nothing else happens here, and nothing at import."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial

import structlog
from fastapi import FastAPI
from obstore.store import ObjectStore

from gateway import problems
from gateway.background import beside
from gateway.catalogue import Catalogue
from gateway.cutouts import Cutouts
from gateway.errors import GatewayError
from gateway.fetch import Fetcher
from gateway.inference import Inference
from gateway.middleware import RequestContext
from gateway.pipelines import ALL
from gateway.routes import cutouts, docs, files, health
from gateway.settings import Settings
from gateway.state import Parts, PictureSource
from gateway.store import Shelf
from gateway.telemetry import Telemetry
from gateway.version import version

log = structlog.get_logger("gateway")

DESCRIPTION = """Cut-outs of pictures by URL or upload. Every pipeline behind it is a Triton ensemble that any Triton
client can call too. Errors have one shape: `{"detail", "code", "request_id"}`."""
RETRY_S = 1.0


def create_app(
    settings: Settings, inference: Inference, store: ObjectStore, fetcher: PictureSource | None = None
) -> FastAPI:
    """The gateway over any inference server and object store; `fetcher` is the way out, the vetting one by default."""
    telemetry = Telemetry()
    catalogue = Catalogue(settings.model_repository, inference)
    shelf = Shelf(store, settings, telemetry)
    parts = Parts(
        settings=settings,
        catalogue=catalogue,
        cutouts=Cutouts(settings, catalogue, inference, shelf, telemetry),
        fetcher=fetcher or Fetcher(settings, telemetry.fetched),
        inference=inference,
        shelf=shelf,
        telemetry=telemetry,
    )
    app = FastAPI(
        title="Darkroom",
        version=version(),
        description=DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.parts = parts
    app.add_middleware(RequestContext, telemetry=telemetry, body_timeout_s=settings.upload_timeout_seconds)
    problems.install(app)
    for router in (cutouts.router, health.router, files.router, docs.router):
        app.include_router(router)
    app.mount(docs.ASSETS, docs.assets())
    _follow_canaries(parts)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    async with aclosing(parts.fetcher), parts.inference, beside(_keep_fresh(parts), "catalogue"):
        yield


async def _keep_fresh(parts: Parts) -> None:
    """Keeps the catalogue up to date for as long as the application runs, whether Triton is there or not."""
    states: dict[str, str] = {}
    trouble = ""
    while True:
        pause_s = parts.settings.canary_interval_seconds
        try:
            await parts.catalogue.refresh()
            trouble = ""
        except GatewayError as error:
            pause_s = min(RETRY_S, pause_s)
            if error.private != trouble:
                log.warning("the catalogue cannot be refreshed", detail=error.public, private=error.private)
            trouble = error.private
        _log_changes(parts, states)
        await asyncio.sleep(pause_s)


def _log_changes(parts: Parts, states: dict[str, str]) -> None:
    for pipeline in ALL:
        state = health.pipeline_health(parts, pipeline)
        if states.get(pipeline.name) != state.status:
            pulse = parts.inference.pulse(pipeline.name)
            private = pulse.reason if pulse and not pulse.ok else None
            log.info("pipeline", name=pipeline.name, status=state.status, reason=state.reason, private=private)
        states[pipeline.name] = state.status


def _follow_canaries(parts: Parts) -> None:
    def age_s(name: str) -> float:
        pulse = parts.inference.pulse(name)
        return math.nan if pulse is None or pulse.age_s is None else pulse.age_s

    def is_up(name: str) -> bool:
        pulse = parts.inference.pulse(name)
        return pulse is not None and pulse.ok

    for pipeline in ALL:
        parts.telemetry.follow(pipeline.name, partial(age_s, pipeline.name), partial(is_up, pipeline.name))
