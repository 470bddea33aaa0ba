"""Work beside the requests: runs for as long as a `with`, and never ends in silence."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import structlog

Result = TypeVar("Result")
log = structlog.get_logger("gateway.background")


@asynccontextmanager
async def beside(work: Coroutine[object, object, None], name: str) -> AsyncIterator[asyncio.Task[None]]:
    """Runs `work` as a task and cancels it at the end; logs it as an error when it ends on its own."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_report_end)
    try:
        yield task
    finally:
        task.remove_done_callback(_report_end)
        task.cancel()
        await asyncio.wait([task])


async def together(works: Sequence[Coroutine[object, object, Result]]) -> list[Result]:
    """The results of all works at the same time, in their order; the first failure ends the others and is raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Errands:
    """Work that nobody waits for; what is left of it when they close gets a moment, and is cancelled then."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, work: Coroutine[object, object, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("an errand has failed", name=task.get_name(), exc_info=error)

    async def aclose(self) -> None:
        left = set(self._tasks)
        if left:
            _, late = await asyncio.wait(left, timeout=self._patience_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)


def _report_end(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    log.error("background work has ended", name=task.get_name(), exc_info=error)
