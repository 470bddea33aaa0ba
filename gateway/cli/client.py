"""The gateway as its tools see it: a call that waits when it is told to, and errors in words."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

TRIES = 6
WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
COME_BACK = (429, 503)
MEDIA_TYPES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".heif")


class ToolError(Exception):
    """What a person must know; nothing else is printed."""


def connect(url: str, timeout_s: float = 120.0) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, timeout=timeout_s)


async def post(client: httpx.AsyncClient, path: str, **content: Any) -> Mapping[str, Any]:  # noqa: ANN401
    """The JSON of an answer; a gateway that is busy or not up yet is asked again, when it says. Raises ToolError."""
    for left in reversed(range(TRIES)):
        try:
            answer = await client.post(path, **content)
        except httpx.TransportError as error:
            if not left:
                raise ToolError(f"{client.base_url} cannot be reached: {error!r}") from error
            await asyncio.sleep(WAIT_S)
            continue
        if answer.status_code not in COME_BACK or not left:
            return _json(answer)
        await asyncio.sleep(_wait_s(answer))
    raise AssertionError("the last try returns or raises")


def _wait_s(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return min(float(text), LONGEST_WAIT_S) if text.isdecimal() else WAIT_S


def _json(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        body: Any = answer.json()
    except ValueError as error:
        raise ToolError(f"HTTP {answer.status_code}, and no JSON: is this a Darkroom gateway?") from error
    if not isinstance(body, dict) or answer.is_error:
        detail = body.get("detail") if isinstance(body, dict) else body
        raise ToolError(f"HTTP {answer.status_code}: {detail}")
    return body


def pictures(folder: Path) -> list[Path]:
    """The picture files of a folder by their names, sorted. Raises ToolError where there is none."""
    if not folder.is_dir():
        raise ToolError(f"{folder} is no folder")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in MEDIA_TYPES and path.is_file())
    if not found:
        raise ToolError(f"{folder} has no pictures ({', '.join(MEDIA_TYPES)})")
    return found


def write_whole(path: Path, data: bytes) -> None:
    """A file that is there in whole or not at all, whenever the tool is stopped."""
    aside = path.with_name(f".{path.name}.part")
    aside.write_bytes(data)
    aside.replace(path)
