"""Work for a client that may hang up: then the work is cancelled, all the way down to Triton."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from starlette.requests import Request

from gateway.errors import ClientGoneError

Result = TypeVar("Result")


async def unless_gone(request: Request, work: Coroutine[object, object, Result]) -> Result:
    """The result of `work`. Raises ClientGoneError, with `work` cancelled, when the client is first to leave.

    The request's body must have been read: what comes after it on the ASGI channel is the disconnect.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.create_task(_gone(request), name="hang-up")
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            leaving.result()  # raises where a body came that is too large or too slow: the client is still there
            raise ClientGoneError("the client hung up")
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
