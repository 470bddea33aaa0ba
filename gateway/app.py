"""Puts the application together: `create_app` and nothing else happens here, and nothing at import."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial

import structlog
from fastapi import FastAPI
from obstore.store import ObjectStore

from gateway import problems
from gateway.admission import Admission
from gateway.analyst import Analyst
from gateway.background import beside
from gateway.breaker import Guarded
from gateway.catalogue import Catalogue
from gateway.drift.profiles import Profiles
from gateway.drift.watch import DriftWatch
from gateway.embeddings import Embeddings
from gateway.errors import GatewayError
from gateway.fallback import Fallback
from gateway.fetch import Fetcher
from gateway.inference import Inference
from gateway.jobs.keeper import Keeper
from gateway.keywords import Keywords
from gateway.middleware import RequestContext
from gateway.pipelines import ALL
from gateway.recipes import Rules
from gateway.results import Results
from gateway.routes import (
    analysis,
    cutouts,
    docs,
    drift,
    embeddings,
    files,
    films,
    frames,
    health,
    jobs,
    keywords,
    live,
    photos,
    recipes,
)
from gateway.segmentation.film import Studio
from gateway.segmentation.relay import Relays
from gateway.segmentation.segmenter import Segmenter
from gateway.segmentation.stills import Stills
from gateway.segmentation.streams import Streams
from gateway.settings import Settings
from gateway.state import Parts, PictureSource
from gateway.store import Shelf
from gateway.telemetry import Telemetry
from gateway.templates import Templates
from gateway.version import version

log = structlog.get_logger("gateway")

DESCRIPTION = """Cut-outs, product photos and analyses of pictures by URL or upload. Every pipeline behind it is a
Triton ensemble that any Triton client can call too. Errors have one shape: `{"detail", "code", "request_id"}`."""
RETRY_S = 1.0


def create_app(
    settings: Settings,
    inference: Inference,
    store: ObjectStore,
    fetcher: PictureSource | None = None,
    templates: ObjectStore | None = None,
) -> FastAPI:
    """The gateway over any inference server and object store; `fetcher` is the way out, the vetting one by default, and
    `templates` the store that the folder of templates is kept in step with, if any.
    """
    parts = _parts(settings, inference, store, fetcher)
    app = FastAPI(
        title="Darkroom",
        version=version(),
        description=DESCRIPTION,
        lifespan=partial(_lifespan, templates=templates),
        # A body without Content-Type is read as JSON. What that header guards against, another site's script that acts
        # with a visitor's rights, does not arise here: nobody has any.
        strict_content_type=False,
        responses=problems.ANY_OTHER,
        docs_url=None,
        redoc_url=None,
    )
    app.state.parts = parts
    app.add_middleware(
        RequestContext,
        telemetry=parts.telemetry,
        body_timeout_s=settings.upload_timeout_seconds,
        max_requests=settings.max_requests,
    )
    problems.install(app)
    pictures = (cutouts, keywords, photos, recipes, analysis, embeddings)
    for routes in (*pictures, frames, films, jobs, live, health, drift, files, docs):
        app.include_router(routes.router)
    app.mount(docs.ASSETS, docs.assets())
    app.mount(live.ASSETS, live.assets())
    _follow_canaries(parts)
    return app


def _parts(settings: Settings, inference: Inference, store: ObjectStore, fetcher: PictureSource | None) -> Parts:
    telemetry = Telemetry()
    inference = Guarded(inference, settings, telemetry)
    catalogue = Catalogue(settings, inference)
    shelf = Shelf(store, settings, telemetry)
    admission = Admission(settings, telemetry)
    profiles = Profiles(settings, settings.model_repository, catalogue.version)
    watch = DriftWatch(settings, profiles, shelf, telemetry.drift)
    fetcher = fetcher or Fetcher(settings, telemetry.fetched)
    segmenter = Segmenter(catalogue, inference, watch)
    studio = Studio(settings, segmenter, fetcher, telemetry)
    return Parts(
        settings=settings,
        catalogue=catalogue,
        admission=admission,
        results=Results(settings.results_epoch, catalogue, inference, shelf, admission, telemetry),
        fallback=Fallback(settings, telemetry),
        analyst=Analyst(catalogue, inference, admission, telemetry),
        embeddings=Embeddings(catalogue, inference, admission),
        keywords=Keywords(catalogue, inference, admission, telemetry),
        segmenter=segmenter,
        stills=Stills(catalogue, inference, admission, telemetry),
        studio=studio,
        jobs=Keeper(settings, [studio.kind]),
        streams=Streams(settings.max_streams),
        relays=Relays(settings),
        rules=Rules(settings),
        fetcher=fetcher,
        inference=inference,
        shelf=shelf,
        telemetry=telemetry,
        drift=watch,
    )


@asynccontextmanager
async def _lifespan(app: FastAPI, templates: ObjectStore | None) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    async with AsyncExitStack() as stack:
        for part in (parts.fetcher, parts.fallback):
            await stack.enter_async_context(aclosing(part))
        await stack.enter_async_context(parts.inference)
        if templates is not None:
            await stack.enter_async_context(beside(_keep_templates(parts, templates), "templates"))
        await stack.enter_async_context(parts.jobs)
        for work, name in ((parts.drift.watch(), "drift"), (parts.drift.report(), "drift reports")):
            await stack.enter_async_context(beside(work, name))
        # Before it listens: the first request may come at once.
        trouble = await _refresh(parts, "")
        await stack.enter_async_context(beside(_keep_fresh(parts, trouble), "catalogue"))
        yield


async def _keep_templates(parts: Parts, store: ObjectStore) -> None:
    settings = parts.settings
    shelf = Shelf(store, settings, parts.telemetry)
    await Templates(settings.templates, shelf, parts.telemetry).keep(settings.templates_interval_seconds)


async def _keep_fresh(parts: Parts, trouble: str) -> None:
    """Keeps the catalogue up to date for as long as the application runs, whether Triton is there or not."""
    states: dict[str, str] = {}
    interval_s = parts.settings.canary_interval_seconds
    while True:
        _log_changes(parts, states)
        await asyncio.sleep(min(RETRY_S, interval_s) if trouble else interval_s)
        trouble = await _refresh(parts, trouble)


async def _refresh(parts: Parts, before: str) -> str:
    """What kept the catalogue from its refresh, or nothing; the same trouble as `before` is not logged again."""
    try:
        await parts.catalogue.refresh()
    except GatewayError as error:
        trouble = error.private or error.public
        if trouble != before:
            log.warning("the catalogue cannot be refreshed", detail=error.public, private=error.private)
        return trouble
    except Exception as error:
        # Nobody waits for this work: if it ended here, no version loaded later would ever be seen.
        trouble = repr(error)
        if trouble != before:
            log.exception("the catalogue cannot be refreshed", exc_info=error)
        return trouble
    return ""


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
