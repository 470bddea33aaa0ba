"""Many questions about one picture: the image_embed API. Each route reads: check, fetch, infer, answer."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.routing import APIRoute

from gateway import errors, lines, problems
from gateway.analyst import Analysis
from gateway.forms import FormShape
from gateway.hangup import unless_gone
from gateway.limits import examine
from gateway.schemas import AnalysisAnswer, AnalysisTask, AnalyzeBody, AnalyzeManyBody, Operations
from gateway.state import Parts, PartsOf
from gateway.uploads import read_upload
from imaging.tasks import TaskListError, read_tasks

log = structlog.get_logger("gateway.analysis")

FORM_SHAPE = FormShape("image_file", 64 * 1024)
TASKS_FIELD = "tasks_json"
BY_URL = problems.responses(
    errors.InvalidTasksError, errors.DownloadFailedError, errors.ImageFailedError, *errors.SERVICE
)
BY_UPLOAD = problems.responses(
    errors.InvalidTasksError, errors.ImageFailedError, errors.TooLargeError, errors.UploadTimeoutError, *errors.SERVICE
)
FORM = {
    "type": "object",
    "required": ["image_file", TASKS_FIELD],
    "properties": {
        "image_file": {"type": "string", "format": "binary", "description": "the picture"},
        TASKS_FIELD: {"type": "string", "description": "the list of tasks, as JSON"},
    },
}
UPLOAD_DOCS = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": FORM}}}}
Timings = Annotated[bool, Query(description="adds `timings`, the seconds that each stage worked")]


class _Route(APIRoute):
    """Answers 400 where the framework would answer 422: that is what the API's clients know."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except RequestValidationError as error:
                raise errors.InvalidTasksError(problems.said(error)) from error

        return handle


router = APIRouter(tags=["analysis"], route_class=_Route)


@router.post("/analyze_image/", responses=BY_URL, response_model=AnalysisAnswer)
async def analyze_image(body: AnalyzeBody, request: Request, parts: PartsOf, *, timings: Timings = False) -> Response:
    """Answers a list of tasks about the picture behind a URL."""
    tasks = _checked(body.tasks)
    parts.analyst.require()
    async with parts.admission.place():
        found = await unless_gone(request, _of_url(parts, body.image_url, tasks, request.state.request_id))
    return await _answer(body.image_url, found, timings=timings)


@router.post("/analyze_image_upload/", responses=BY_UPLOAD, response_model=AnalysisAnswer, openapi_extra=UPLOAD_DOCS)
async def analyze_image_upload(request: Request, parts: PartsOf, *, timings: Timings = False) -> Response:
    """Answers a list of tasks about an uploaded picture: the form's fields `image_file` and `tasks_json`."""
    parts.analyst.require()
    try:
        async with parts.admission.transit() as keep:
            upload = await read_upload(request, parts.settings, keep, FORM_SHAPE)
    except errors.InvalidUploadError as error:
        raise errors.InvalidTasksError(error.public, private=error.private) from error
    tasks = _of_form(upload.fields)
    async with parts.admission.place():
        found = await unless_gone(request, _of_bytes(parts, upload.data, tasks, request.state.request_id))
    return await _answer(f"uploaded:{upload.filename}", found, timings=timings)


@router.post("/analyze_images/", responses=lines.RESPONSES | BY_URL, response_model=None)
async def analyze_images(body: AnalyzeManyBody, request: Request, parts: PartsOf) -> StreamingResponse:
    """Answers the same tasks about many pictures; each line has `index`, `image_url`, and `results` or an error."""
    tasks = _checked(body.tasks)
    parts.analyst.require()
    ready = lines.as_ready(_works(parts, body.image_urls, tasks, request.state.request_id))
    return StreamingResponse(ready, media_type=lines.NDJSON, headers={"Cache-Control": "no-store"})


@router.get("/available_operations/")
async def available_operations(parts: PartsOf) -> Operations:
    """The operations whose models are served now, and where each may look."""
    return Operations(operations=parts.analyst.operations())


async def _of_url(parts: Parts, url: str, tasks: list[dict[str, Any]], request_id: str) -> Analysis:
    try:
        data = await parts.fetcher.fetch(url)
    except (*errors.FETCH, *errors.PICTURE) as error:
        reason = f"Could not download image from URL: {error.public}"
        raise errors.DownloadFailedError(reason, private=error.private) from error
    return await _of_bytes(parts, data, tasks, request_id)


async def _of_bytes(parts: Parts, data: bytes, tasks: list[dict[str, Any]], request_id: str) -> Analysis:
    try:
        picture = await asyncio.to_thread(examine, data, parts.settings.max_pixels)
        found = await parts.analyst.analyse(picture.data, tasks, request_id)
    except errors.PICTURE as error:
        raise errors.ImageFailedError(f"Could not process image: {error.public}", private=error.private) from error
    log.info("analysed", tasks=len(tasks), **{f"{stage}_seconds": seconds for stage, seconds in found.timings.items()})
    return found


def _of_form(fields: dict[str, str]) -> list[dict[str, Any]]:
    if unknown := sorted(set(fields) - {TASKS_FIELD}):
        raise errors.InvalidTasksError(f"unknown field {', '.join(unknown)}; allowed: image_file, {TASKS_FIELD}")
    if TASKS_FIELD not in fields:
        raise errors.InvalidTasksError(f"the form has no field '{TASKS_FIELD}'")
    try:
        given = json.loads(fields[TASKS_FIELD])
    except (ValueError, RecursionError) as error:
        raise errors.InvalidTasksError(f"Invalid tasks JSON format or structure: {str(error)[:200]}") from error
    return _sound(given)


def _checked(tasks: list[AnalysisTask]) -> list[dict[str, Any]]:
    return _sound([task.model_dump() for task in tasks])


def _sound(given: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    """The list, if it is one of tasks that can be told apart; what is wrong with one task is said in its result."""
    try:
        read_tasks(given)
    except TaskListError as error:
        raise errors.InvalidTasksError(f"Invalid tasks JSON format or structure: {error}") from error
    return list(given)


async def _answer(image_url: str, found: Analysis, *, timings: bool) -> Response:
    return await asyncio.to_thread(_rendered, image_url, found, timings=timings)


def _rendered(image_url: str, found: Analysis, *, timings: bool) -> Response:
    return JSONResponse(_body(image_url, found) | ({"timings": dict(found.timings)} if timings else {}))


def _body(image_url: str, found: Analysis) -> dict[str, Any]:
    return AnalysisAnswer(image_url=image_url, results=dict(found.results)).model_dump(mode="json")


def _works(parts: Parts, urls: list[str], tasks: list[dict[str, Any]], request_id: str) -> Iterator[lines.Work]:
    """One for each picture, which takes a place of its own."""

    async def work(index: int, url: str) -> dict[str, Any]:
        return {"index": index, "image_url": url, **await _entry(parts, url, tasks, request_id)}

    return (partial(work, index, url) for index, url in enumerate(urls))


async def _entry(parts: Parts, url: str, tasks: list[dict[str, Any]], request_id: str) -> dict[str, Any]:
    try:
        async with parts.admission.place():
            found = await _of_url(parts, url, tasks, request_id)
    except errors.GatewayError as error:
        return lines.failure(error)
    return {"results": _body(url, found)["results"]}
