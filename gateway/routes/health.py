"""What is served and how it does: health, models, metrics."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from gateway import system
from gateway.errors import GatewayError
from gateway.negotiation import prefers_json
from gateway.pipelines import ALL, PRODUCT_PHOTO, Output, Pipeline, Role, pipeline_of
from gateway.problems import NOT_FOUND
from gateway.processing import ProcessingMetrics
from gateway.schemas import Health, Models, PipelineHealth
from gateway.state import Parts, PartsOf
from gateway.version import version

router = APIRouter(tags=["service"])

OK = "ok"
DOWN = "down"
UNAVAILABLE = 503
RETRY_AFTER_S = "5"
FRESH = {"Cache-Control": "no-store"}
METRICS: dict[int | str, dict[str, object]] = {
    200: {
        "description": "Prometheus' text format, or with `?format=json` or `Accept: application/json` the product "
        "photos' counts and times",
        "content": {"text/plain": {"schema": {"type": "string"}}},
        "model": ProcessingMetrics,
    }
}


# Load balancers ask with HEAD.
@router.head("/health", include_in_schema=False)
@router.get("/health", responses={UNAVAILABLE: {"model": Health, "description": "no pipeline answers"}})
async def health(parts: PartsOf, response: Response) -> Health:
    """The gateway, its machine, Triton and every pipeline; 503 while no pipeline answers."""
    states = [pipeline_health(parts, pipeline) for pipeline in ALL]
    up = [state.status == OK for state in states]
    status = OK if all(up) else "degraded" if any(up) else DOWN
    _mark(response, up=any(up))
    return Health(
        status=status,
        gateway=version(),
        triton=OK if any(up) else DOWN,
        model_loaded=any(state.pipeline == PRODUCT_PHOTO.name and state.status == OK for state in states),
        uptime_seconds=round(parts.telemetry.processing.uptime_s, 3),
        system=await asyncio.to_thread(system.look, parts.settings.store_url),
        pipelines=states,
    )


@router.head("/api/v2/{role}/health", include_in_schema=False)
@router.get(
    "/api/v2/{role}/health",
    responses=NOT_FOUND | {UNAVAILABLE: {"model": PipelineHealth, "description": "the pipeline is down"}},
)
async def role_health(role: Role, parts: PartsOf, response: Response) -> PipelineHealth:
    """The model that answers for a kind of picture, and the age of its last good canary; 503 while it is down."""
    return mark(response, pipeline_health(parts, pipeline_of(role, Output.CUTOUT)))


@router.get("/v1/models")
async def models(parts: PartsOf) -> Models:
    """Every network by role: versions with source, licence and figures; for one not served why, and what would help."""
    return Models(models=parts.catalogue.models())


@router.get("/metrics", response_class=Response, responses=METRICS)
async def metrics(
    request: Request,
    parts: PartsOf,
    form: Annotated[Literal["prometheus", "json"] | None, Query(alias="format")] = None,
) -> Response:
    """Prometheus metrics; as JSON the counts and times of product photos."""
    if form == "json" or (form is None and prefers_json(",".join(request.headers.getlist("accept")))):
        return JSONResponse(parts.telemetry.processed().model_dump(), headers=FRESH)
    return Response(parts.telemetry.exposition(), media_type=CONTENT_TYPE_LATEST, headers=FRESH)


def pipeline_health(parts: Parts, pipeline: Pipeline) -> PipelineHealth:
    """Triton's own words on a failed canary stay in the log: they name addresses and paths."""
    pulse = parts.inference.pulse(pipeline.name)
    age_s = round(pulse.age_s, 3) if pulse and pulse.age_s is not None else None
    try:
        served = parts.catalogue.pipeline(pipeline.name)
    except GatewayError as error:
        return PipelineHealth(status=DOWN, pipeline=pipeline.name, canary_age_s=age_s, reason=error.public)
    up = pulse is not None and pulse.ok
    return PipelineHealth(
        status=OK if up else DOWN,
        pipeline=pipeline.name,
        model=served.model,
        version=served.version,
        canary_age_s=age_s,
        reason=None if up else "the last canary failed" if pulse else "no canary has come back yet",
    )


def mark(response: Response, state: PipelineHealth) -> PipelineHealth:
    """The state of one pipeline as an answer: 503 while it is down."""
    _mark(response, up=state.status == OK)
    return state


def _mark(response: Response, *, up: bool) -> None:
    response.headers.update(FRESH)
    if not up:
        response.status_code = UNAVAILABLE
        response.headers["Retry-After"] = RETRY_AFTER_S
