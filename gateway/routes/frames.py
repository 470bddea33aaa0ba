"""One frame of a shelf. The route reads: check, take in, infer, answer; nothing is kept."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from gateway import errors, limits, problems
from gateway.bodies import is_form, options_of
from gateway.deed_docs import inlined
from gateway.forms import Fields, FormShape
from gateway.hangup import unless_gone
from gateway.segmentation.frame_options import FrameOptions, by_accept
from gateway.state import Parts, PartsOf
from gateway.uploads import read_body, read_upload

router = APIRouter(prefix="/api", tags=["shelf video"])

IMAGE = "image"
SHAPE = FormShape(IMAGE, 1024, max_fields=16)
ERRORS = problems.responses(
    errors.InvalidOptionError,
    errors.InvalidUploadError,
    errors.PhotoRefusedError,
    errors.UploadTimeoutError,
    *errors.PICTURE,
    *errors.SERVICE,
)
BINARY = {"schema": {"type": "string", "format": "binary"}}


class FrameThing(BaseModel):
    """Something that an instance network has found."""

    kind: str = Field(alias="class", examples=["product"])
    score: float = Field(description="0 to 1")
    box: tuple[int, int, int, int] = Field(description="xmin, ymin, xmax, ymax in pixels")
    area: int = Field(description="in pixels")
    rle: dict[str, Any] | None = Field(None, description="with output=rle: COCO RLE")


class FrameAnswer(BaseModel):
    """What is seen in a frame."""

    width: int
    height: int
    counts: dict[str, int] = Field(
        description="by class: of instances, or of connected parts where the network knows none"
    )
    coverage: float | None = Field(description="products of products and empty places, 0 to 1; null without either")
    shares: dict[str, float] = Field(description="of the picture, by class")
    confidence: float = Field(description="mean over the picture, 0 to 1")
    instances: list[FrameThing] | None = Field(description="the best first; null where the network knows none")
    rle: dict[str, dict[str, Any]] | None = Field(None, description="with output=rle: COCO RLE by class")


RESPONSES: dict[int | str, dict[str, object]] = ERRORS | {
    200: {
        "description": "the overlay, the mask, or what is seen as JSON",
        "content": {f"image/{kind}": BINARY for kind in ("jpeg", "png", "webp")},
        "model": FrameAnswer,
    }
}


def body_docs() -> dict[str, Any]:
    """OpenAPI's `requestBody`, a form or the picture itself, and the options beside it."""
    options: dict[str, Any] = inlined(FrameOptions.model_json_schema())["properties"]
    image = {"type": "string", "format": "binary", "description": "the picture"}
    form = {"type": "object", "required": [IMAGE], "properties": {IMAGE: image, **options}}
    queries = [
        {"name": name, "in": "query", "required": False, "schema": schema, "description": schema["description"]}
        for name, schema in options.items()
    ]
    content = {"multipart/form-data": {"schema": form}, "image/*": {"schema": image}}
    return {"requestBody": {"required": True, "content": content}, "parameters": queries}


@router.post("/segment_frame", responses=RESPONSES, response_model=None, openapi_extra=body_docs())
async def segment_frame(request: Request, parts: PartsOf) -> Response:
    """A shelf's picture, segmented: the overlay, the mask, or what is seen. Options stand in the form or the query."""
    _options(request, {})
    data, fields = await _read(request, parts)
    options = _options(request, fields)
    parts.stills.require(options.network)
    async with parts.admission.place():
        made = await unless_gone(request, _made(request, parts, data, options))
    return Response(made, media_type=options.media_type, headers={"Vary": "Accept", "Cache-Control": "no-store"})


async def _made(request: Request, parts: Parts, data: bytes, options: FrameOptions) -> bytes:
    picture = await asyncio.to_thread(limits.examine, data, parts.settings.max_pixels)
    return await parts.stills.answer(picture.data, options, request.state.request_id)


async def _read(request: Request, parts: Parts) -> tuple[bytes, Fields]:
    async with parts.admission.transit() as keep:
        if is_form(request):
            upload = await read_upload(request, parts.settings, keep, SHAPE)
            return upload.data, upload.fields
        data = await read_body(request, parts.settings, keep)
    limits.check_size(len(data), parts.settings.max_picture_bytes)
    return data, {}


def _options(request: Request, fields: Fields) -> FrameOptions:
    """Raises InvalidOptionError."""
    query = dict(request.query_params)
    if twice := sorted(set(fields) & set(query)):
        raise errors.InvalidOptionError(f"{', '.join(twice)}: in the form and in the query")
    accept = ",".join(request.headers.getlist("accept"))
    return options_of(FrameOptions, by_accept({**query, **fields}, accept), beside=(IMAGE,))
