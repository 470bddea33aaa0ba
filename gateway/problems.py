"""From an error to an HTTP answer: one table, one body shape, one handler. The only home of error status numbers."""

import math
from collections.abc import Mapping, Sequence

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from gateway import errors

log = structlog.get_logger("gateway")

TABLE: dict[type[errors.GatewayError], tuple[int, str]] = {
    errors.InvalidOptionError: (422, "invalid_option"),
    errors.InvalidUrlError: (422, "invalid_url"),
    errors.AddressRefusedError: (403, "address_refused"),
    errors.SourceNotFoundError: (422, "source_not_found"),
    errors.SourceFailedError: (502, "source_failed"),
    errors.SourceTimeoutError: (504, "source_timeout"),
    errors.TooManyRedirectsError: (422, "too_many_redirects"),
    errors.InvalidUploadError: (422, "invalid_upload"),
    errors.UploadTimeoutError: (408, "upload_timeout"),
    errors.TooLargeError: (413, "too_large"),
    errors.UnsupportedTypeError: (415, "unsupported_type"),
    errors.TooManyPixelsError: (422, "too_many_pixels"),
    errors.UnreadablePictureError: (422, "unreadable_picture"),
    errors.NotVideoError: (415, "not_video"),
    errors.PictureNotVideoError: (415, "picture_not_video"),
    errors.NoVideoStreamError: (422, "no_video_stream"),
    errors.SoundOnlyError: (422, "sound_only"),
    errors.EmptyVideoError: (422, "empty_video"),
    errors.TruncatedVideoError: (422, "truncated_video"),
    errors.UnreadableVideoError: (422, "unreadable_video"),
    errors.VideoTooLongError: (422, "video_too_long"),
    errors.TooManyFramesError: (422, "too_many_frames"),
    errors.NoEncoderError: (503, "no_encoder"),
    errors.VideoNotWrittenError: (507, "video_not_written"),
    errors.JobNotFoundError: (404, "job_not_found"),
    errors.JobEndedError: (409, "job_ended"),
    errors.JobsUnavailableError: (503, "jobs_unavailable"),
    errors.StreamIdleError: (408, "stream_idle"),
    errors.OriginRefusedError: (403, "origin_refused"),
    errors.PhotoRefusedError: (422, "photo_refused"),
    errors.UnknownModelError: (404, "unknown_model"),
    # The analysis keeps to the statuses of the image_embed API.
    errors.InvalidTasksError: (400, "invalid_tasks"),
    errors.DownloadFailedError: (400, "download_failed"),
    errors.ImageFailedError: (400, "image_failed"),
    errors.BusyError: (429, "busy"),
    errors.PipelineDownError: (503, "pipeline_down"),
    errors.PipelineNotServedError: (503, "pipeline_not_served"),
    errors.PipelineChangedError: (503, "pipeline_changed"),
    errors.InferenceUnavailableError: (503, "inference_unavailable"),
    errors.InferenceTimeoutError: (504, "inference_timeout"),
    errors.InferenceFailedError: (502, "inference_failed"),
    errors.StoreFailedError: (502, "store_failed"),
    errors.ResultNotFoundError: (404, "not_found"),
    errors.RangeError: (416, "range_not_satisfiable"),
    errors.ClientGoneError: (499, "client_gone"),
}
SERVER_ERROR = 500
FRAMEWORK = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "upload_timeout",
    413: "too_large",
    415: "unsupported_type",
    422: "invalid_request",
}


class Problem(BaseModel):
    """The body of every error."""

    detail: str = Field(description="what is wrong, for people")
    code: str = Field(description="what is wrong, for programs")
    request_id: str = Field(description="also in the X-Request-ID header and in the log")


def answer(
    request: Request, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    body = Problem(detail=detail, code=code, request_id=getattr(request.state, "request_id", ""))
    return JSONResponse(body.model_dump(), status, {"Cache-Control": "no-store", **(headers or {})})


def unexpected(request: Request) -> JSONResponse:
    """The answer to an error that nobody foresaw. What it was is for the log alone."""
    return answer(request, SERVER_ERROR, "internal_error", "something went wrong inside the gateway")


# For routes with a name in their path that may not exist.
NOT_FOUND: dict[int | str, dict[str, object]] = {404: {"model": Problem, "description": "code: not_found"}}
# For all routes; it also keeps FastAPI from documenting a 422 of its own shape.
ANY_OTHER: dict[int | str, dict[str, object]] = {"default": {"model": Problem, "description": "any other error"}}


def responses(*kinds: type[errors.GatewayError]) -> dict[int | str, dict[str, object]]:
    """OpenAPI's `responses` for a route that may fail in these ways."""
    found: dict[int | str, dict[str, object]] = {}
    for status in sorted({TABLE[kind][0] for kind in kinds}):
        codes = [TABLE[kind][1] for kind in kinds if TABLE[kind][0] == status]
        found[status] = {"model": Problem, "description": "code: " + ", ".join(codes)}
    return found


def beside_events(*kinds: type[errors.GatewayError]) -> dict[int | str, dict[str, object]]:
    """The same for a route of server-sent events, whose errors FastAPI would document as events."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    found = {**responses(*kinds), **ANY_OTHER}
    return {status: {"description": one["description"], "content": content} for status, one in found.items()}


def install(app: FastAPI) -> None:
    app.add_exception_handler(errors.GatewayError, _gateway_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)


def problem(request: Request, error: errors.GatewayError) -> JSONResponse:
    """The answer to one of our own errors; its private detail goes to the log."""
    status, code = TABLE[type(error)]
    write = log.warning if status >= SERVER_ERROR else log.info
    write("problem", status=status, code=code, detail=error.public, private=error.private or None)
    headers = {} if error.retry_after_s is None else {"Retry-After": str(max(1, math.ceil(error.retry_after_s)))}
    return answer(request, status, code, error.public, headers)


async def _gateway_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.GatewayError)  # noqa: S101 - Starlette's type for handlers is wider
    return problem(request, error)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    status = error.status_code
    code = FRAMEWORK.get(status, "bad_request" if status < SERVER_ERROR else "internal_error")
    return answer(request, status, code, error.detail, error.headers)


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    found, detail = error.errors(), said(error)
    if any(item["loc"][0] == "path" for item in found):
        return answer(request, 404, "not_found", detail)
    return answer(request, 422, "invalid_request", detail)


def said(error: RequestValidationError) -> str:
    """What is wrong with a request, in a sentence for each finding."""
    return "; ".join(_sentence(item) for item in error.errors())


def _sentence(item: Mapping[str, object]) -> str:
    """One of pydantic's findings without the input, which may be long or secret."""
    if isinstance(item.get("input"), bytes):  # FastAPI reads no other media type, and says that a dictionary is missing
        return "send JSON with the header Content-Type: application/json"
    place = item.get("loc")
    path = ".".join(str(part) for part in place[1:]) if isinstance(place, Sequence) else ""
    return f"{path}: {item.get('msg')}" if path else str(item.get("msg"))
