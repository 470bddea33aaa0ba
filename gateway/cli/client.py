"""The gateway as its tools see it: a call that waits when it is told to, and errors in words."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

TRIES = 6
WAIT_S = 1.0
LONGEST_WAIT_S = 120.0
COME_BACK = (429, 503)
MEDIA_TYPES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".heif")


class ToolError(Exception):
    """What a person must know; nothing else is printed."""


class UsageError(ToolError):
    """What was typed cannot be done; nothing was."""


class UnreachableError(ToolError):
    """No gateway answers, however often it is asked."""


def connect(url: str, timeout_s: float = 120.0) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, timeout=timeout_s)


async def post(client: httpx.AsyncClient, path: str, **content: Any) -> Mapping[str, Any]:  # noqa: ANN401
    """The JSON of an answer; see `answered`. Raises ToolError."""
    return _json(await answered(client, path, **content))


async def get(client: httpx.AsyncClient, path: str, tries: int = TRIES) -> Mapping[str, Any]:
    """The same of what is only read."""
    return _json(await answered(client, path, tries, "GET"))


async def answered(
    client: httpx.AsyncClient,
    path: str,
    tries: int = TRIES,
    method: str = "POST",
    **content: Any,  # noqa: ANN401
) -> httpx.Response:
    """A good answer; a gateway that is busy or not up yet is asked again, when it says, else later every time.

    Raises UnreachableError where there is no gateway, ToolError with what a gateway says is wrong.
    """
    for turn in range(1, tries + 1):
        wait_s = WAIT_S * 2 ** (turn - 1)
        try:
            answer = await client.request(method, path, **content)
        except httpx.TransportError as error:
            if turn == tries:
                raise UnreachableError(f"{client.base_url} cannot be reached: {error!r}") from error
        else:
            if answer.status_code not in COME_BACK or turn == tries:
                return _good(answer)
            wait_s = _wait_s(answer, wait_s)
        await asyncio.sleep(min(wait_s, LONGEST_WAIT_S))
    raise AssertionError("the last try returns or raises")


def _wait_s(answer: httpx.Response, otherwise_s: float) -> float:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else otherwise_s


def _good(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        body = _json(answer)
        raise ToolError(f"HTTP {answer.status_code}: {body.get('detail', body)}")
    return answer


def _json(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        body: Any = answer.json()
    except ValueError as error:
        raise ToolError(f"HTTP {answer.status_code}, and no JSON: is this a Darkroom gateway?") from error
    if not isinstance(body, dict):
        raise ToolError(f"HTTP {answer.status_code}: {body}")
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
    try:
        aside.write_bytes(data)
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
