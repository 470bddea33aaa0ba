"""Answers about many pictures, one JSON object a line (NDJSON): each by itself, so that one error spoils no other."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from itertools import islice
from typing import Any, TypeAlias

from gateway import errors, problems

Work: TypeAlias = Callable[[], Coroutine[object, object, dict[str, Any]]]
NDJSON = "application/x-ndjson"
AT_ONCE = 4
RESPONSES: dict[int | str, dict[str, object]] = {
    200: {"description": "one JSON object a line, in the order in which they are ready", "content": {NDJSON: {}}}
}


async def as_ready(works: Iterable[Work]) -> AsyncIterator[bytes]:
    """The lines of some works at a time, as each is done; who hangs up ends them, who does not read is waited for."""

    async def line(work: Work) -> bytes:
        return await asyncio.to_thread(rendered, await work())

    waiting = iter(works)
    working: set[asyncio.Task[bytes]] = set()
    try:
        while True:
            working.update(asyncio.create_task(line(one)) for one in islice(waiting, AT_ONCE - len(working)))
            if not working:
                return
            done, _ = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
            for ready in done:
                working.remove(ready)
                yield ready.result()
    finally:
        for work in working:
            work.cancel()
        await asyncio.gather(*working, return_exceptions=True)


def rendered(found: dict[str, Any]) -> bytes:
    return json.dumps(found, ensure_ascii=False).encode() + b"\n"


def failure(error: errors.GatewayError) -> dict[str, Any]:
    """What a line says of a picture without an answer."""
    status, code = problems.TABLE[type(error)]
    return {"detail": error.public, "code": code, "status": status}
