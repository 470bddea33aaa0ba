"""The cut-outs: by URL, by upload, by redirect. Each route reads: check, fetch, infer and store, answer."""

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from gateway import errors, problems
from gateway.content import PNG
from gateway.forms import FormShape
from gateway.hangup import unless_gone
from gateway.limits import examine
from gateway.negotiation import prefers_png
from gateway.pipelines import Output, Pipeline, Role, pipeline_of
from gateway.results import Order, Result, facts
from gateway.schemas import EXAMPLE_URL, CutoutAnswer, PredictBody
from gateway.sources import picture_source
from gateway.state import Parts, PartsOf
from gateway.uploads import read_upload

router = APIRouter(prefix="/api/v2", tags=["cut-outs"])

STORE_ERRORS: errors.Kinds = (errors.PipelineChangedError, errors.StoreFailedError)
UPLOAD_ERRORS: errors.Kinds = (errors.InvalidUploadError, errors.UploadTimeoutError)
EITHER_WAY: errors.Kinds = (errors.InvalidOptionError, *errors.PICTURE, *errors.SERVICE, *STORE_ERRORS)
BY_URL = problems.NOT_FOUND | problems.responses(*errors.FETCH, *EITHER_WAY)
BY_UPLOAD = problems.NOT_FOUND | problems.responses(*UPLOAD_ERRORS, *EITHER_WAY)
REDIRECT: dict[int | str, dict[str, object]] = {
    302: {
        "description": "to the result",
        "headers": {"Location": {"description": "where the result lies", "schema": {"type": "string"}}},
    }
}
PICTURE: dict[int | str, dict[str, object]] = {
    200: {
        "description": "where the result lies, or with `Accept: image/png` the result itself",
        "content": {PNG: {"schema": {"type": "string", "format": "binary"}}},
        "model": CutoutAnswer,
    }
}
FORM_SHAPE = FormShape("file", 4096)
FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "the picture"},
        "output": {"type": "string", "enum": [output.value for output in Output], "default": Output.CUTOUT.value},
    },
}
UPLOAD_DOCS = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": FORM}}}}
CROP_DOCS = {
    "parameters": [
        {
            "name": "image_url",
            "in": "query",
            "required": False,
            "description": "the picture's URL, percent-encoded; or leave the name out: `/crop?https://host/photo.jpg`",
            "schema": {"type": "string"},
            "example": EXAMPLE_URL,
        },
        {"name": "output", "in": "query", "required": False, "schema": {"enum": [output.value for output in Output]}},
    ]
}


def query_output(
    request: Request, output: Annotated[Output | None, Query(description="what to make, `cutout` by default")] = None
) -> Output | None:
    unknown = sorted(set(request.query_params) - {"output"})
    if unknown:
        raise errors.InvalidOptionError(f"unknown option {', '.join(unknown)}; allowed: output")
    return output


QueryOutput = Annotated[Output | None, Depends(query_output)]


@router.post("/{role}/predict", responses=PICTURE | BY_URL, response_model=None)
async def predict(role: Role, body: PredictBody, output: QueryOutput, request: Request, parts: PartsOf) -> Response:
    """Cuts out the picture behind a URL; the result goes to the store."""
    pipeline = pipeline_of(role, body.output or output or Output.CUTOUT)
    result = await _of_url(request, parts, pipeline, body.source)
    return await _answer(request, parts, result)


@router.post("/{role}/predict_upload", responses=PICTURE | BY_UPLOAD, response_model=None, openapi_extra=UPLOAD_DOCS)
async def predict_upload(role: Role, output: QueryOutput, request: Request, parts: PartsOf) -> Response:
    """Cuts out an uploaded picture, the form's field `file`; the result goes to the store."""
    parts.results.require(pipeline_of(role, output or Output.CUTOUT))
    async with parts.admission.transit() as keep:
        upload = await read_upload(request, parts.settings, keep, FORM_SHAPE)
    pipeline = pipeline_of(role, _form_output(upload.fields) or output or Output.CUTOUT)
    async with parts.admission.place():
        result = await unless_gone(request, _made(request, parts, pipeline, upload.data))
    return await _answer(request, parts, result)


@router.get(
    "/{role}/crop",
    status_code=302,
    response_class=RedirectResponse,
    responses=REDIRECT | BY_URL,
    openapi_extra=CROP_DOCS,
)
async def crop(role: Role, request: Request, parts: PartsOf) -> RedirectResponse:
    """Cuts out the picture behind a URL and redirects to the result."""
    url, options = picture_source(request.scope["query_string"].decode("utf-8", "replace"), "/crop", ("output",))
    output = _output(options.get("output")) or Output.CUTOUT
    result = await _of_url(request, parts, pipeline_of(role, output), url)
    stored = await parts.shelf.url(result.path, parts.public_url(request))
    template = parts.settings.delivery_template
    target = template.replace("{url}", quote(stored, safe="")) if template else stored
    return RedirectResponse(target, 302, {"Cache-Control": "no-cache", **facts(result)})


async def _of_url(request: Request, parts: Parts, pipeline: Pipeline, url: str) -> Result:
    async def work() -> Result:
        data = await parts.fetcher.fetch(url)
        return await _made(request, parts, pipeline, data)

    parts.results.require(pipeline)
    async with parts.admission.place():
        return await unless_gone(request, work())


async def _made(request: Request, parts: Parts, pipeline: Pipeline, data: bytes) -> Result:
    picture = await asyncio.to_thread(examine, data, parts.settings.max_pixels)
    return await parts.results.make(Order(pipeline, picture), request.state.request_id)


async def _answer(request: Request, parts: Parts, result: Result) -> Response:
    if prefers_png(",".join(request.headers.getlist("accept"))):
        return (await parts.results.picture(result)).answer(PNG, facts(result))
    url = await parts.shelf.url(result.path, parts.public_url(request))
    body = CutoutAnswer.of(result.record, url, cached=result.cached)
    return JSONResponse(body.model_dump(mode="json"), headers=facts(result))


def _form_output(fields: dict[str, str]) -> Output | None:
    unknown = sorted(set(fields) - {"output"})
    if unknown:
        raise errors.InvalidOptionError(f"unknown field {', '.join(unknown)}; allowed: file, output")
    return _output(fields.get("output"))


def _output(text: str | None) -> Output | None:
    if text is None:
        return None
    if text not in list(Output):
        raise errors.InvalidOptionError(f"output is {' or '.join(Output)}, not {text[:32]!r}")
    return Output(text)
