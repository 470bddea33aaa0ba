"""The Recipe Classifier in its own paths. Each route reads: check, fetch, infer, answer."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from gateway import errors, lines, problems
from gateway.bodies import is_json, parsed
from gateway.forms import FormShape
from gateway.hangup import unless_gone
from gateway.keywords import Keyword, KeywordOptions, options_of
from gateway.limits import examine
from gateway.pipelines import KEYWORDS
from gateway.routes.health import FRESH, UNAVAILABLE, mark, pipeline_health
from gateway.schemas import EXAMPLE_URL, KeywordsBody, PipelineHealth
from gateway.sources import picture_source
from gateway.state import Parts, PartsOf
from gateway.uploads import BatchFile, read_batch, read_body, read_upload

router = APIRouter(prefix="/api/v1", tags=["keywords"])

Classification: TypeAlias = Callable[[], Coroutine[object, object, list[Keyword]]]
MOST_FILES = 64
FORM_SHAPE = FormShape("file", 64)
BATCH_SHAPE = FormShape("file", 64, max_files=MOST_FILES)
EITHER_WAY: errors.Kinds = (errors.InvalidOptionError, *errors.PICTURE, *errors.SERVICE)
BY_URL = problems.responses(*errors.FETCH, *EITHER_WAY)
UPLOAD_ERRORS: errors.Kinds = (errors.InvalidUploadError, errors.UploadTimeoutError)
BY_UPLOAD = problems.responses(*UPLOAD_ERRORS, *EITHER_WAY)
BATCH = problems.responses(*UPLOAD_ERRORS, errors.InvalidOptionError, errors.TooLargeError, *errors.SERVICE)
_OPTIONS: dict[str, Any] = KeywordOptions.model_json_schema()["properties"]
_QUERY = [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in _OPTIONS.items()]
_FILE = {"type": "string", "format": "binary", "description": "the picture"}


def _form(file: dict[str, Any]) -> dict[str, Any]:
    return {"schema": {"type": "object", "required": ["file"], "properties": {"file": file, **_OPTIONS}}}


_BODY = KeywordsBody.model_json_schema()
UPLOAD_DOCS = {
    "parameters": _QUERY,
    "requestBody": {"required": True, "content": {"multipart/form-data": _form(_FILE)}},
}
BATCH_DOCS = {
    "parameters": _QUERY,
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": _form({"type": "array", "items": _FILE, "maxItems": MOST_FILES}),
            "application/json": {"schema": _BODY},
        },
    },
}
URL_DOCS = {
    "parameters": [
        {
            "name": "image_url",
            "in": "query",
            "required": False,
            "description": "the picture's URL, percent-encoded; or leave the name out: `/classify?https://host/photo.jpg`",
            "schema": {"type": "string"},
            "example": EXAMPLE_URL,
        },
        *_QUERY,
    ]
}


def query_options(request: Request) -> KeywordOptions:
    return options_of(dict(request.query_params))


QueryOptions = Annotated[KeywordOptions, Depends(query_options)]


@router.post("/predict", responses=BY_UPLOAD, openapi_extra=UPLOAD_DOCS)
async def predict(options: QueryOptions, request: Request, parts: PartsOf) -> list[Keyword]:
    """The keywords of an uploaded picture, the form's field `file`, the most probable first."""
    parts.keywords.require()
    async with parts.admission.transit() as keep:
        upload = await read_upload(request, parts.settings, keep, FORM_SHAPE)
    wished = _of_form(upload.fields, options)
    async with parts.admission.place():
        return await unless_gone(request, _of_bytes(parts, upload.data, wished, request.state.request_id))


@router.post("/classify", responses=BY_URL, openapi_extra=URL_DOCS)
async def classify(request: Request, parts: PartsOf) -> list[Keyword]:
    """The keywords of the picture behind a URL, the most probable first."""
    url, given = picture_source(request.scope["query_string"].decode("utf-8", "replace"), "/classify", tuple(_OPTIONS))
    options = options_of(given)
    parts.keywords.require()
    async with parts.admission.place():
        return await unless_gone(request, _of_url(parts, url, options, request.state.request_id))


@router.post("/predict_batch", responses=lines.RESPONSES | BATCH, response_model=None, openapi_extra=BATCH_DOCS)
async def predict_batch(options: QueryOptions, request: Request, parts: PartsOf) -> Response:
    """The keywords of many pictures, uploaded or by URL; a line for each, with `index`, and `keywords` or an error."""
    parts.keywords.require()
    if is_json(request):
        works = await _works_of_urls(request, parts, options)
        return StreamingResponse(lines.as_ready(works), media_type=lines.NDJSON, headers=FRESH)
    async with parts.admission.transit() as keep:
        batch = await read_batch(request, parts.settings, keep, BATCH_SHAPE)
        wished, request_id = _of_form(batch.fields, options), request.state.request_id
        works = (
            partial(_entry, parts, {"index": number, "filename": file.filename}, work)
            for number, file in enumerate(batch.files)
            for work in [partial(_of_file, parts, file, wished, request_id)]
        )
        # Within the upload's door, because the pictures stay in memory until the last one is done.
        ready = await unless_gone(request, _whole(works))
    return Response(ready, media_type=lines.NDJSON, headers=FRESH)


async def _works_of_urls(request: Request, parts: Parts, options: KeywordOptions) -> Iterator[lines.Work]:
    async with parts.admission.transit() as keep:
        body = parsed(KeywordsBody, await read_body(request, parts.settings, keep))
    given = body.model_dump(exclude_unset=True, exclude={"image_urls"})
    wished, request_id = options.model_copy(update=given), request.state.request_id
    return (
        partial(_entry, parts, {"index": number, "image_url": url}, work)
        for number, url in enumerate(body.image_urls)
        for work in [partial(_of_url, parts, url, wished, request_id)]
    )


# Load balancers ask with HEAD.
@router.head("/health", include_in_schema=False)
@router.get("/health", responses={UNAVAILABLE: {"model": PipelineHealth, "description": "the pipeline is down"}})
async def keyword_health(parts: PartsOf, response: Response) -> PipelineHealth:
    """The classifier's model and version, and the age of its last good canary; 503 while it is down."""
    return mark(response, pipeline_health(parts, KEYWORDS))


def _of_form(fields: dict[str, str], options: KeywordOptions) -> KeywordOptions:
    """A form's own options, over those of the query."""
    return options_of({**options.model_dump(exclude_unset=True), **fields}, "file")


async def _of_url(parts: Parts, url: str, options: KeywordOptions, request_id: str) -> list[Keyword]:
    return await _of_bytes(parts, await parts.fetcher.fetch(url), options, request_id)


async def _of_bytes(parts: Parts, data: bytes, options: KeywordOptions, request_id: str) -> list[Keyword]:
    picture = await asyncio.to_thread(examine, data, parts.settings.max_pixels)
    return (await parts.keywords.classify(picture.data, request_id)).answer(options)


async def _of_file(parts: Parts, file: BatchFile, options: KeywordOptions, request_id: str) -> list[Keyword]:
    if file.data is None:
        raise errors.TooLargeError(f"the picture is larger than {parts.settings.max_picture_bytes} bytes")
    return await _of_bytes(parts, file.data, options, request_id)


async def _entry(parts: Parts, named: dict[str, Any], work: Classification) -> dict[str, Any]:
    """One line of a batch, in a place of its own: the keywords of a picture, or what kept them away."""
    try:
        async with parts.admission.place():
            found = await work()
    except errors.GatewayError as error:
        return {**named, **lines.failure(error)}
    return {**named, "keywords": [one.model_dump() for one in found]}


async def _whole(works: Iterator[lines.Work]) -> bytes:
    return b"".join([line async for line in lines.as_ready(works)])
