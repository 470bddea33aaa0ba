"""A thread that does one thing after the other for work in the event loop, and is never left alone with one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, Self, TypeVar

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")
Thing = TypeVar("Thing")


class Hand:
    """Works inside `async with`. A thread of its own, since the event loop's are few, and for what is over soon.

    `stop` tells what runs in it to end, if that can be told.
    """

    def __init__(self, name: str, stop: Callable[[], None] | None = None) -> None:
        self._stop = stop
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._thread.shutdown(wait=False)  # nothing runs: every call was waited for

    async def call(
        self, function: Callable[Parameters, Returned], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Returned:
        """Runs what blocks. When cancelled it waits until `function` has ended."""
        begin = partial(copy_context().run, function, *args, **kwargs)
        work = asyncio.get_running_loop().run_in_executor(self._thread, begin)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            if self._stop is not None:
                self._stop()
            await asyncio.wait([work])
            if not work.cancelled():
                work.exception()  # that it was stopped, or failed meanwhile, is of no more interest
            raise

    @asynccontextmanager
    async def within(self, manager: AbstractContextManager[Thing]) -> AsyncIterator[Thing]:
        """Enters and leaves a context in the thread."""
        thing = await self.call(manager.__enter__)
        try:
            yield thing
        except BaseException as error:
            if not await self.call(manager.__exit__, type(error), error, error.__traceback__):
                raise
        else:
            await self.call(manager.__exit__, None, None, None)
