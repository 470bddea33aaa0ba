"""The photo service in the paths of the old one. Each route reads: check, fetch, infer and store, answer."""

import asyncio
import re
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Annotated, Literal
from urllib.parse import quote, unquote, urlsplit

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from gateway import deeds, errors, problems, repository, wishes
from gateway.bodies import is_json, parsed, url_of
from gateway.content import MEDIA_TYPES
from gateway.deed_docs import request_body
from gateway.deeds import IMAGE, IMAGE_URL, Deed, Options
from gateway.fallback import FALLBACK
from gateway.forms import FormShape
from gateway.hangup import unless_gone
from gateway.limits import Picture, examine
from gateway.negotiation import prefers_json
from gateway.results import Order, Result, facts
from gateway.schemas import PhotoAnswer, PhotoBody
from gateway.state import Parts, PartsOf
from gateway.uploads import Form, read_body, read_form
from imaging.product_options import PhotoOptions, TemplateOptions

router = APIRouter(tags=["product photos"])

MOST_FIELDS = 96
OURS = "darkroom"
EXTENSIONS = {"png": "png", "jpeg": "jpg", "webp": "webp", "avif": "avif", "zip": "zip"}
UNNAMED = "photo"
# Not in a quoted file name: quotes, backslashes, control characters; not in any: what separates folders.
UNSAFE = re.compile(r'[\x00-\x1f\x7f"\\/]')
LONGEST_NAME = 100
ERRORS = problems.responses(*errors.FINISHING)
FILE = {"schema": {"type": "string", "format": "binary"}}
RESPONSES: dict[int | str, dict[str, object]] = ERRORS | {
    200: {
        "description": "the photo, or with `?response=json` or `Accept: application/json` where it lies",
        "content": {MEDIA_TYPES[extension]: FILE for extension in EXTENSIONS.values()},
        "model": PhotoAnswer,
        "headers": {
            "X-Uncertainty-Score": {"description": "of the cut-out, 0 to 1", "schema": {"type": "number"}},
            "X-Needs-Review": {"description": "whether a person should look", "schema": {"type": "boolean"}},
            "X-Processed-By": {"description": f"{OURS}, or {FALLBACK}", "schema": {"type": "string"}},
        },
    }
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was read and checked: the picture itself or its address, and the wishes."""

    deed: Deed
    options: Options
    data: bytes | None
    url: str
    name: str

    @property
    def extension(self) -> str:
        return EXTENSIONS[self.options.encode.format]

    @property
    def filename(self) -> str:
        """As the client calls the picture, with the extension of what comes back."""
        stem = UNSAFE.sub("", PurePosixPath(self.name.replace("\\", "/")).stem)[:LONGEST_NAME]
        return f"{stem or UNNAMED}.{self.extension}"


def wants_json(
    request: Request,
    response: Annotated[Literal["picture", "json"] | None, Query(description="what to answer")] = None,
) -> bool:
    if unknown := sorted(set(request.query_params) - {"response"}):
        raise errors.InvalidOptionError(f"unknown option {', '.join(unknown)}; allowed: response")
    return response == "json" or (response is None and prefers_json(",".join(request.headers.getlist("accept"))))


AsJson = Annotated[bool, Depends(wants_json)]


@router.post(
    "/remove-background",
    responses=RESPONSES,
    response_model=None,
    openapi_extra=request_body(deeds.REMOVE_BACKGROUND),
)
async def remove_background(request: Request, parts: PartsOf, *, as_json: AsJson) -> Response:
    """The subject on a transparent ground, at the photo's size."""
    return await _answered(request, parts, deeds.REMOVE_BACKGROUND, as_json=as_json)


@router.post("/process", responses=RESPONSES, response_model=None, openapi_extra=request_body(deeds.PROCESS))
async def process(request: Request, parts: PartsOf, *, as_json: AsJson) -> Response:
    """The subject centred on a clean ground, with a shadow where it is asked for."""
    return await _answered(request, parts, deeds.PROCESS, as_json=as_json)


@router.post("/process-full", responses=RESPONSES, response_model=None, openapi_extra=request_body(deeds.PROCESS_FULL))
async def process_full(request: Request, parts: PartsOf, *, as_json: AsJson) -> Response:
    """The same, with a template drawn over it."""
    return await _answered(request, parts, deeds.PROCESS_FULL, as_json=as_json)


@router.post("/render-template", responses=RESPONSES, response_model=None, openapi_extra=request_body(deeds.RENDER))
async def render_template(request: Request, parts: PartsOf, *, as_json: AsJson) -> Response:
    """A template drawn over the picture as it is."""
    return await _answered(request, parts, deeds.RENDER, as_json=as_json)


async def _answered(request: Request, parts: Parts, deed: Deed, *, as_json: bool) -> Response:
    if not parts.fallback.is_on:
        parts.results.require(deed.pipeline)
    asked = await _read(request, parts, deed)
    _require(parts, asked)
    async with parts.admission.place():
        with parts.telemetry.processing.photo():
            result = await unless_gone(request, _made(request, parts, asked))
    return await _answer(request, parts, asked, result, as_json=as_json)


def _require(parts: Parts, asked: Asked) -> None:
    """Nothing is fetched for a photo that nobody can make."""
    try:
        parts.results.require(asked.deed.pipeline)
    except errors.OUTAGE:
        if not parts.fallback.covers(asked.options):
            raise


async def _made(request: Request, parts: Parts, asked: Asked) -> Result:
    data = await parts.fetcher.fetch(asked.url) if asked.data is None else asked.data
    picture = await asyncio.to_thread(examine, data, parts.settings.max_pixels)
    try:
        return await parts.results.make(await _order(parts, asked, picture), request.state.request_id)
    except errors.OUTAGE:
        result = await parts.fallback.instead(asked.options, picture, asked.extension)
        if result is None:
            raise
    await parts.results.keep(result)
    return result


async def _order(parts: Parts, asked: Asked, picture: Picture) -> Order:
    options, now = asked.options.model_dump_json().encode(), partial(_template, parts, asked.options)
    return Order(asked.deed.pipeline, picture, options, asked.extension, await now(), now)


async def _template(parts: Parts, options: Options) -> str:
    """What tells the template that is asked for from itself after a change. Raises StoreFailedError."""
    wanted = options.template if isinstance(options, PhotoOptions | TemplateOptions) else None
    if wanted is None:
        return ""
    try:
        folder = parts.settings.templates
        return await asyncio.to_thread(repository.template_digest, folder, wanted.name, wanted.version)
    except OSError as error:
        raise errors.StoreFailedError("the template cannot be read", private=repr(error), retry_after_s=1) from error


async def _read(request: Request, parts: Parts, deed: Deed) -> Asked:
    """Raises what `read_form` and `read_body` raise, InvalidOptionError, and RequestValidationError for JSON."""
    as_json = is_json(request)
    async with parts.admission.transit() as keep:
        if as_json:
            return await _of_json(await read_body(request, parts.settings, keep), deed)
        shape = FormShape(IMAGE, parts.settings.max_picture_bytes, MOST_FIELDS)
        return await _of_form(await read_form(request, parts.settings, keep, shape), deed)


async def _of_form(form: Form, deed: Deed) -> Asked:
    url = url_of(form, IMAGE, IMAGE_URL)
    options = await asyncio.to_thread(wishes.of_form, deed, form.fields)
    return Asked(deed, options, form.file, url, form.filename or _last(url))


async def _of_json(data: bytes, deed: Deed) -> Asked:
    body = await asyncio.to_thread(parsed, PhotoBody, data)
    options = await asyncio.to_thread(wishes.of_document, deed, body.options)
    return Asked(deed, options, None, body.image_url, _last(body.image_url))


async def _answer(request: Request, parts: Parts, asked: Asked, result: Result, *, as_json: bool) -> Response:
    maker = FALLBACK if result.record.pipeline == FALLBACK else OURS
    headers = {**facts(result), "X-Processed-By": maker}
    if as_json:
        url = await parts.shelf.url(result.path, parts.public_url(request))
        return JSONResponse(PhotoAnswer.of(result, url, maker).model_dump(mode="json"), headers=headers)
    content = await parts.results.picture(result)
    return content.answer(result.record.media_type, headers | {"Content-Disposition": _disposition(asked.filename)})


def _last(url: str) -> str:
    """The last part of an address' path; nothing for what is no address, of which the fetcher will complain."""
    try:
        return unquote(urlsplit(url).path.rpartition("/")[2])
    except ValueError:
        return ""


def _disposition(filename: str) -> str:
    """The name for a browser that keeps the photo (RFC 6266)."""
    plain = filename.encode("ascii", "replace").decode().replace("?", "_")
    extended = "" if plain == filename else f"; filename*=UTF-8''{quote(filename, safe='')}"
    return f'inline; filename="{plain}"{extended}'
