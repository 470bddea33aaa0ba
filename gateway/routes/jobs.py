"""Jobs: how far they are, what came of them, and their end. Their ids cannot be guessed, and are all it takes."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from gateway import errors, problems
from gateway.etag import is_among
from gateway.job_answers import JobAnswer
from gateway.jobs.job import Job
from gateway.ranged import RangedFile
from gateway.state import PartsOf

router = APIRouter(prefix="/api/jobs", tags=["jobs"])

FILE = {"schema": {"type": "string", "format": "binary"}}
# A result never changes, and is gone with its job.
CACHE_CONTROL = "private, max-age=3600"
GONE = (errors.JobNotFoundError, errors.JobsUnavailableError)
ERRORS = problems.responses(*GONE)
ENDING = problems.responses(*GONE, errors.JobEndedError)
FILES = problems.responses(*GONE, errors.ResultNotFoundError, errors.RangeError) | {
    200: {"description": "the file", "content": {"application/octet-stream": FILE}},
    206: {"description": "the part of it that `Range` names"},
    304: {"description": "as you have it"},
}
EVENTS = problems.beside_events(*GONE) | {
    200: {
        "description": "`progress` whenever the job has changed, the newest where several changes came at once; `end` "
        "when it has ended. `data` is the job as GET /api/jobs/{job_id} answers it, `id` its revision"
    }
}


async def known(job_id: str, parts: PartsOf) -> Job:
    return await parts.jobs.now().get(job_id)


@router.get("/{job_id}", responses=ERRORS)
async def job(request: Request, parts: PartsOf, found: Annotated[Job, Depends(known)]) -> JobAnswer:
    """A job as it is now."""
    return JobAnswer.of(found, parts.public_url(request))


@router.get("/{job_id}/events", responses=EVENTS, response_class=EventSourceResponse)
async def events(
    request: Request,
    parts: PartsOf,
    found: Annotated[Job, Depends(known)],
    last_event_id: Annotated[str, Header(description="the revision that is known already")] = "",
) -> AsyncIterator[ServerSentEvent]:
    """The job as it changes, as server-sent events. Whoever comes back with `Last-Event-ID` hears what is newer."""
    after = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else 0
    if found.ended:  # told again: a browser comes back until it is told the end, and closes
        after = min(after, found.revision - 1)
    url = parts.public_url(request)
    try:
        async for one in parts.jobs.now().changes(found.id, after):
            answer = JobAnswer.of(one, url)
            yield ServerSentEvent(data=answer, event="end" if one.ended else "progress", id=str(one.revision))
    except GONE:  # the answer has begun; who comes back is told by its status
        return


@router.post("/{job_id}/cancel", responses=ENDING)
@router.delete("/{job_id}", responses=ENDING)
async def cancel(request: Request, parts: PartsOf, job_id: str) -> JobAnswer:
    """Ends a job that waits or runs, for good, and removes its files. Answers once its work has stopped."""
    return JobAnswer.of(await parts.jobs.now().cancel(job_id), parts.public_url(request))


@router.get("/{job_id}/results/{name}", responses=FILES, response_class=Response)
@router.head("/{job_id}/results/{name}", include_in_schema=False)
async def result(request: Request, parts: PartsOf, found: Annotated[Job, Depends(known)], name: str) -> Response:
    """A file of a job that is done, or the part of it that `Range` names."""
    path = await parts.jobs.now().result(found.id, name)
    (listed,) = (one for one in found.results if one.name == name)
    headers = {"ETag": f'"{found.id}-{name}"', "Cache-Control": CACHE_CONTROL}
    if is_among(headers["ETag"], ",".join(request.headers.getlist("if-none-match"))):
        return Response(status_code=304, headers=headers)
    return RangedFile(
        path, headers=headers, media_type=listed.media_type, filename=name, content_disposition_type="inline"
    )
