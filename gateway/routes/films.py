"""Shelf videos: a job each. The route reads: check, take in, look at, submit, answer."""

import asyncio
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import ConfigDict, Field, JsonValue

from gateway import errors, problems
from gateway.bodies import is_json, options_of, parsed, url_of
from gateway.fetch import parse_url
from gateway.forms import FormShape
from gateway.job_answers import JobAnswer
from gateway.segmentation.film import FILM, NAME, SOURCE, VIDEO_URL
from gateway.segmentation.film_options import FilmOptions, Output
from gateway.segmentation.film_tables import require_parquet
from gateway.state import Parts, PartsOf
from gateway.uploads import read_body, read_video

router = APIRouter(prefix="/api", tags=["shelf video"])

VIDEO = "video"
SHAPE = FormShape(VIDEO, 16 * 1024, what="video")
ERRORS = problems.responses(
    errors.InvalidOptionError,
    errors.InvalidUploadError,
    errors.InvalidUrlError,
    errors.UploadTimeoutError,
    errors.BusyError,
    errors.PipelineNotServedError,
    errors.PipelineDownError,
    errors.JobsUnavailableError,
    errors.VideoNotWrittenError,
    *errors.VIDEO,
)
ACCEPTED = 202
RESPONSES: dict[int | str, dict[str, object]] = ERRORS | {
    ACCEPTED: {
        "description": "the job, also at `Location`",
        "headers": {"Location": {"description": "where it can be followed", "schema": {"type": "string"}}},
    }
}
EXAMPLE: dict[str, JsonValue] = {VIDEO_URL: "https://example.com/aisle.mp4", "outputs": ["video", "csv"]}


class FilmBody(FilmOptions):
    """A video by its address, and how it is segmented."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    video_url: str = Field(description="http(s) address of the video; it is fetched when the job begins")


def body_docs() -> dict[str, Any]:
    """OpenAPI's `requestBody`: a form, or JSON."""
    json_schema = FilmBody.model_json_schema(ref_template="#/components/schemas/{model}")
    json_schema.pop("$defs", None)
    fields = {name: dict(one) for name, one in json_schema["properties"].items() if name != VIDEO_URL}
    fields["outputs"] = {"type": "string", "default": "video,csv", "description": fields["outputs"]["description"]}
    json_schema["properties"]["outputs"]["items"] = {"type": "string", "enum": list(Output)}
    file = {"type": "string", "format": "binary", "description": "the video, in any container but playlists"}
    url = {"type": "string", "description": f"http(s) address of the video, instead of {VIDEO}"}
    form = {"type": "object", "properties": {VIDEO: file, VIDEO_URL: url, **fields}}
    content = {"multipart/form-data": {"schema": form}, "application/json": {"schema": json_schema}}
    return {"requestBody": {"required": True, "content": content}}


@router.post(
    "/segment_video", status_code=ACCEPTED, responses=RESPONSES, response_model=JobAnswer, openapi_extra=body_docs()
)
async def segment_video(request: Request, parts: PartsOf) -> Response:
    """A shelf's video, frame by frame: a job that makes what `outputs` names.

    An upload is looked at before it is accepted, and refused as soon as its beginning tells that it is too long, too
    large, too fast or no video.
    """
    jobs = parts.jobs.now()
    await jobs.require_room()
    async with jobs.draft() as draft:
        options, url = await _read(request, parts, draft.folder / SOURCE)
        job = await jobs.submit(draft, NAME, {FILM: options.model_dump(mode="json"), VIDEO_URL: url})
    answer = JobAnswer.of(job, parts.public_url(request))
    return JSONResponse(answer.model_dump(mode="json"), ACCEPTED, {"Location": answer.urls.self})


async def _read(request: Request, parts: Parts, target: Path) -> tuple[FilmOptions, str]:
    """The options, and the address where there was no upload; that lies in `target` then, and can be read."""
    async with parts.admission.transit() as keep:
        if is_json(request):
            body = await asyncio.to_thread(parsed, FilmBody, await read_body(request, parts.settings, keep))
            return _checked(parts, body, body.video_url)
        form = await read_video(request, parts.settings, SHAPE, target, parts.studio.glance)
    url = url_of(form, VIDEO, VIDEO_URL)
    options, url = _checked(parts, options_of(FilmOptions, form.fields, beside=(VIDEO, VIDEO_URL)), url)
    if not url:
        await parts.studio.examine(target)
    return options, url


def _checked(parts: Parts, options: FilmOptions, url: str) -> tuple[FilmOptions, str]:
    """Raises InvalidOptionError, PipelineNotServedError, PipelineDownError or InvalidUrlError."""
    parts.segmenter.require(options.network)
    if Output.PARQUET in options.outputs:
        require_parquet()
    if url:
        parse_url(url)
    return FilmOptions(**options.model_dump(exclude={VIDEO_URL})), url
