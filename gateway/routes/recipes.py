"""Recipe photos: one call from photo to finished picture. Each route reads: check, fetch, infer and store, answer."""

import asyncio
import base64
import json
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from gateway import errors, problems
from gateway.bodies import is_json, parsed, url_of
from gateway.content import MEDIA_TYPES
from gateway.deed_docs import inlined
from gateway.forms import FormShape
from gateway.hangup import unless_gone
from gateway.limits import examine
from gateway.negotiation import prefers_picture
from gateway.pipelines import RECIPE_PHOTO
from gateway.recipe_answers import RouteAnswer, RoutesAnswer
from gateway.recipes import Known
from gateway.results import Order, Result, facts
from gateway.schemas import EXAMPLE_URL, PhotoBody
from gateway.state import Parts, PartsOf
from gateway.uploads import read_body, read_form
from imaging.product_options import OptionsError
from imaging.routing import Wishes, wishes

router = APIRouter(prefix="/api/v1", tags=["recipe photos"])

FILE, IMAGE_URL, OPTIONS = "file", "image_url", "options"
FORM_SHAPE = FormShape(FILE, 64 * 1024)
NO_PICTURE = 204
ERRORS = problems.responses(*errors.FINISHING)
BINARY = {"schema": {"type": "string", "format": "binary"}}
RESPONSES: dict[int | str, dict[str, object]] = ERRORS | {
    200: {
        "description": "keyword, route and result, or with `Accept: image/*` the picture with the rest in its headers",
        "content": dict.fromkeys(MEDIA_TYPES.values(), BINARY),
        "model": RouteAnswer,
    },
    NO_PICTURE: {"description": "with `Accept: image/*` where the route makes no picture"},
}
PICTURE_FIELD = {"type": "string", "format": "binary", "description": "the picture"}
URL_FIELD = {"type": "string", "description": f"http(s) address of the picture, instead of {FILE}"}
SCHEMA = inlined(Wishes.model_json_schema())
FORM = {FILE: PICTURE_FIELD, IMAGE_URL: URL_FIELD, OPTIONS: {"type": "string", "description": "JSON, as below"}}
BODY = {"type": "object", "required": [IMAGE_URL], "properties": {IMAGE_URL: URL_FIELD, OPTIONS: SCHEMA}}
EXAMPLE = {IMAGE_URL: EXAMPLE_URL, OPTIONS: {"review_below": 0.5}}
BODY_DOCS = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": {"type": "object", "properties": FORM}},
            "application/json": {"schema": BODY | {"examples": [EXAMPLE]}},
        },
    }
}
Form = Literal["url", "base64"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was read and checked: the picture itself or its address, and the wishes."""

    wishes: Wishes
    data: bytes | None
    url: str


def result_form(
    request: Request, result: Annotated[Form, Query(description="the result's address, or the file itself")] = "url"
) -> Form:
    if unknown := sorted(set(request.query_params) - {"result"}):
        raise errors.InvalidOptionError(f"unknown option {', '.join(unknown)}; allowed: result")
    return result


@router.post("/route", responses=RESPONSES, response_model=None, openapi_extra=BODY_DOCS)
async def route(request: Request, parts: PartsOf, form: Annotated[Form, Depends(result_form)]) -> Response:
    """What is in the photo, where the routing file sends that, and the picture that comes of it there."""
    parts.results.require(RECIPE_PHOTO)
    asked = await _read(request, parts)
    async with parts.admission.place():
        result = await unless_gone(request, _made(request, parts, asked))
    if prefers_picture(",".join(request.headers.getlist("accept"))):
        return await _picture(parts, result)
    return await _told(request, parts, result, form)


@router.get("/routes")
async def routes(parts: PartsOf) -> RoutesAnswer:
    """The routing file in force as the gateway reads it, and what is wrong with a newer one."""
    known = await _known(parts)
    rules = None if known.rules is None else known.rules.model_dump(mode="json", exclude_defaults=True)
    return RoutesAnswer(sha256=known.sha256 or None, problem=known.problem or None, rules=rules)


async def _made(request: Request, parts: Parts, asked: Asked) -> Result:
    data = await parts.fetcher.fetch(asked.url) if asked.data is None else asked.data
    picture = await asyncio.to_thread(examine, data, parts.settings.max_pixels)
    known, options = await _known(parts), asked.wishes.model_dump_json(exclude_unset=True).encode()

    async def now() -> str:
        return (await _known(parts)).digest

    order = Order(RECIPE_PHOTO, picture, options, "", known.digest, now, known.sha256)
    result = await parts.results.make(order, request.state.request_id)
    if result.record.routed:
        parts.telemetry.routed.labels(result.record.routed.route).inc()
    return result


async def _known(parts: Parts) -> Known:
    try:
        return await asyncio.to_thread(parts.rules.now)
    except OSError as error:
        raise errors.StoreFailedError("a template cannot be read", private=repr(error), retry_after_s=1) from error


async def _read(request: Request, parts: Parts) -> Asked:
    """Raises what `read_form` and `read_body` raise, InvalidOptionError, and RequestValidationError for JSON."""
    as_json = is_json(request)
    async with parts.admission.transit() as keep:
        if as_json:
            return _of_json(await read_body(request, parts.settings, keep))
        form = await read_form(request, parts.settings, keep, FORM_SHAPE)
    if unknown := sorted(set(form.fields) - {IMAGE_URL, OPTIONS}):
        raise errors.InvalidOptionError(f"unknown field {', '.join(unknown)}; allowed: {FILE}, {IMAGE_URL}, {OPTIONS}")
    url = url_of(form, FILE, IMAGE_URL)
    return Asked(_wishes(form.fields.get(OPTIONS, "").encode()), form.file, url)


def _of_json(data: bytes) -> Asked:
    body = parsed(PhotoBody, data)
    return Asked(_wishes(json.dumps(body.options).encode()), None, body.image_url)


def _wishes(text: bytes) -> Wishes:
    try:
        return wishes(text)
    except OptionsError as error:
        raise errors.InvalidOptionError(f"{OPTIONS}: {error}") from error


async def _picture(parts: Parts, result: Result) -> Response:
    headers = _headers(result)
    if not result.record.extension:
        return Response(status_code=NO_PICTURE, headers=headers)
    return (await parts.results.picture(result)).answer(result.record.media_type, headers)


async def _told(request: Request, parts: Parts, result: Result, form: Form) -> Response:
    found: str | None = None
    if result.record.extension and form == "url":
        found = await parts.shelf.url(result.path, parts.public_url(request))
    elif result.record.extension:
        data = b"".join([piece async for piece in (await parts.results.picture(result)).pieces])
        found = (await asyncio.to_thread(base64.b64encode, data)).decode()
    return JSONResponse(RouteAnswer.of(result, found).model_dump(mode="json"), headers=_headers(result))


def _headers(result: Result) -> dict[str, str]:
    """What an answer's headers say; a keyword may have any letters."""
    told = RouteAnswer.of(result, None)
    headers = facts(result) if result.record.extension else {"Vary": "Accept"}
    return headers | {
        "X-Keyword": quote(told.keyword, safe=" "),
        "X-Confidence": f"{told.confidence:.4f}",
        "X-Route": told.route,
        "X-Reason": told.reason,
        "X-Needs-Review": str(told.needs_review).lower(),
    }
