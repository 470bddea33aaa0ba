"""Vectors of pictures and texts: OpenAI's `/v1/embeddings`. The route reads: check, fetch, infer, answer."""

import asyncio
import base64
import binascii
import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from gateway import errors, problems
from gateway.background import together
from gateway.bodies import parsed
from gateway.embeddings import EMBEDDERS, Embedded, Item
from gateway.hangup import unless_gone
from gateway.limits import check_size, examine
from gateway.schemas import (
    EMBEDDING_EXAMPLES,
    MOST_INPUTS,
    Embedding,
    EmbeddingInput,
    EmbeddingsAnswer,
    EmbeddingsBody,
    Usage,
)
from gateway.sources import BARE
from gateway.state import Parts, PartsOf
from gateway.uploads import read_body

NPY = "application/x-npy"
AT_ONCE = 8  # inputs of one request that are fetched or embedded, so that they meet in the network's batch
DATA_URI = "data:"
ERRORS: errors.Kinds = (
    errors.UnknownModelError,
    errors.InvalidOptionError,
    errors.UploadTimeoutError,
    *errors.FETCH,
    *errors.PICTURE,
    *errors.SERVICE,
)
ANSWER: dict[int | str, dict[str, object]] = {
    200: {
        "description": f"the vectors, or with `Accept: {NPY}` one NumPy array FP32 [n, width]",
        "content": {NPY: {"schema": {"type": "string", "format": "binary"}}},
        "model": EmbeddingsAnswer,
    }
}
_PICTURE = {"type": "string", "description": "http(s) address, data URI, or base64 of the file"}
_ONE = {
    "anyOf": [
        {"type": "string", "description": "a text, or a picture as a data URI"},
        {"type": "object", "properties": {"text": {"type": "string"}, "image": _PICTURE, "image_url": _PICTURE}},
    ]
}
# By hand, because the body is read by `read_body`, which counts the pictures in it.
SCHEMA = {
    "type": "object",
    "required": ["model", "input"],
    "properties": {
        "model": {"type": "string", "enum": list(EMBEDDERS)},
        "input": {"anyOf": [*_ONE["anyOf"], {"type": "array", "items": _ONE, "maxItems": MOST_INPUTS}]},
        "encoding_format": {"type": "string", "enum": ["float", "base64"], "default": "float"},
        "normalized": {"type": "boolean", "default": True},
    },
    "examples": EMBEDDING_EXAMPLES,
}
BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": SCHEMA}}}}

router = APIRouter(tags=["embeddings"])


@router.post("/v1/embeddings", responses=ANSWER | problems.responses(*ERRORS), response_model=None, openapi_extra=BODY)
async def embeddings(request: Request, parts: PartsOf) -> Response:
    """Vectors of texts and pictures that are near where the two are alike (CLIP), or of pictures alone (DINO)."""
    async with parts.admission.transit() as keep:
        data = await read_body(request, parts.settings, keep)
    body = parsed(EmbeddingsBody, data)
    given = body.input if isinstance(body.input, list) else [body.input]
    texts = [_is_text(one) for one in given]
    embedder = parts.embeddings.require(body.model, texts=any(texts), images=not all(texts))
    turns = asyncio.Semaphore(AT_ONCE)

    async def work(number: int, one: str | EmbeddingInput) -> Embedded:
        async with turns:
            with _named(f"input[{number}]"):
                item = await _item(parts, one)
                return await parts.embeddings.embed(
                    embedder, item, request.state.request_id, normalized=body.normalized
                )

    async with parts.admission.place():
        found = await unless_gone(request, together([work(number, one) for number, one in enumerate(given)]))
    npy = NPY in request.headers.get("accept", "")
    return await asyncio.to_thread(_npy if npy else _json, body, found)


@contextmanager
def _named(place: str) -> Iterator[None]:
    """What is wrong with one of several inputs names it."""
    try:
        yield
    except (*errors.FETCH, *errors.PICTURE) as error:
        raise type(error)(f"{place}: {error.public}", private=error.private) from error


def _is_text(one: str | EmbeddingInput) -> bool:
    return not one.startswith(DATA_URI) if isinstance(one, str) else one.text is not None


async def _item(parts: Parts, one: str | EmbeddingInput) -> Item:
    if _is_text(one):
        return Item((one if isinstance(one, str) else one.text or "").encode(), is_text=True)
    source = one if isinstance(one, str) else one.picture or ""
    data = await parts.fetcher.fetch(source) if BARE.match(source) else _decoded(source)
    check_size(len(data), parts.settings.max_picture_bytes)
    picture = await asyncio.to_thread(examine, data, parts.settings.max_pixels)
    return Item(picture.data, is_text=False)


def _decoded(source: str) -> bytes:
    """The file in a data URI, or in base64."""
    head, comma, rest = source.partition(",")
    if source.startswith(DATA_URI) and (not comma or not head.endswith(";base64")):
        raise errors.InvalidUrlError("a data URI must be of the form data:image/png;base64,...")
    try:
        return base64.b64decode(rest if comma else source, validate=True)
    except (binascii.Error, ValueError) as error:
        raise errors.InvalidUrlError("image is neither an http(s) address nor base64") from error


def _json(body: EmbeddingsBody, found: list[Embedded]) -> Response:
    as_text = body.encoding_format == "base64"
    data = [
        Embedding(
            index=number,
            embedding=base64.b64encode(one.vector.astype("<f4").tobytes()).decode() if as_text else one.vector.tolist(),
        )
        for number, one in enumerate(found)
    ]
    tokens = sum(one.tokens for one in found)
    usage = Usage(prompt_tokens=tokens, total_tokens=tokens)
    return JSONResponse(EmbeddingsAnswer(data=data, model=body.model, usage=usage).model_dump())


def _npy(_: EmbeddingsBody, found: list[Embedded]) -> Response:
    buffer = io.BytesIO()
    np.save(buffer, np.stack([one.vector for one in found]).astype("<f4"), allow_pickle=False)
    return Response(buffer.getvalue(), media_type=NPY)
