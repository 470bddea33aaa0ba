"""Serves results from the store: those paths that results have, and no others."""

import re

from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway import errors, problems
from gateway.content import MEDIA_TYPES
from gateway.etag import is_among
from gateway.fallback import FALLBACK
from gateway.pipelines import ALL
from gateway.state import PartsOf
from gateway.store import CACHE_CONTROL

router = APIRouter(prefix="/files", tags=["results"])

NAMES = "|".join([*(pipeline.name for pipeline in ALL), FALLBACK])
KINDS = "|".join(MEDIA_TYPES)
RESULT = re.compile(rf"(?:{NAMES})/(?P<start>[0-9a-f]{{2}})/(?P<id>(?P=start)[0-9a-f]{{62}})\.(?P<kind>{KINDS})")
RESPONSES = problems.responses(errors.ResultNotFoundError, errors.StoreFailedError)
FILE = {"schema": {"type": "string", "format": "binary"}}
DOCS = {"description": "the result", "content": dict.fromkeys(MEDIA_TYPES.values(), FILE)}


@router.get("/{path:path}", responses=RESPONSES | {200: DOCS, 304: {"description": "as you have it"}})
@router.head("/{path:path}", include_in_schema=False)
async def result(path: str, request: Request, parts: PartsOf) -> Response:
    """A result's file; it never changes, so it may be kept for ever."""
    found = RESULT.fullmatch(path)
    if found is None:
        raise errors.ResultNotFoundError("there is no such result")
    headers = {"ETag": f'"{found["id"]}"', "Cache-Control": CACHE_CONTROL}
    if is_among(headers["ETag"], ",".join(request.headers.getlist("if-none-match"))):
        await parts.shelf.size(path)
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        size_bytes = await parts.shelf.size(path)
        return Response(media_type=MEDIA_TYPES[found["kind"]], headers=headers | {"Content-Length": str(size_bytes)})
    return (await parts.shelf.open(path)).answer(MEDIA_TYPES[found["kind"]], headers)
