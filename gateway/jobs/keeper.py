"""Jobs once their folder can be had. Another gateway may hold it, as the one that this one is to replace."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Self

import structlog

from gateway.background import beside
from gateway.errors import JobsUnavailableError
from gateway.jobs.run import Kind
from gateway.jobs.service import Jobs
from gateway.settings import Settings

log = structlog.get_logger("gateway.jobs")

RETRY_S = 2.0


class Keeper:
    """Opens the jobs at the `async with`, or as soon after it as they can be. All else works without them."""

    def __init__(self, settings: Settings, kinds: Sequence[Kind]) -> None:
        self._settings, self._kinds = settings, kinds
        self._jobs: Jobs | None = None
        self._trouble = JobsUnavailableError("the gateway is not running")
        self._stack = AsyncExitStack()

    def now(self) -> Jobs:
        """Raises JobsUnavailableError while there are none."""
        if self._jobs is None:
            trouble = self._trouble
            raise JobsUnavailableError(trouble.public, private=trouble.private, retry_after_s=RETRY_S)
        return self._jobs

    def release(self) -> None:
        """Sends all home who wait for changes of a job."""
        if self._jobs is not None:
            self._jobs.release()

    async def __aenter__(self) -> Self:
        looked = asyncio.Event()
        await self._stack.enter_async_context(beside(self._keep(looked), "jobs"))
        await looked.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _keep(self, looked: asyncio.Event) -> None:
        try:
            while True:
                await self._hold(looked)
                await asyncio.sleep(RETRY_S)
        finally:
            looked.set()

    async def _hold(self, looked: asyncio.Event) -> None:
        """Returns where the jobs cannot be had."""
        try:
            async with Jobs(self._settings, self._kinds) as self._jobs:
                looked.set()
                await asyncio.Event().wait()
        except JobsUnavailableError as error:
            if error.public != self._trouble.public:
                log.warning("there are no jobs", detail=error.public, private=error.private)
            self._trouble = error
        finally:
            self._jobs = None
            looked.set()
