"""How much work is let in: so many inferences at once, so many requests behind them, the rest is told to come back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.errors import BusyError
from gateway.settings import Settings
from gateway.telemetry import Telemetry

RETRY_AFTER_S = 1.0


class Admission:
    """Two doors: `place` for the whole request (its bytes are in memory), `slot` for the inference alone."""

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        self._places = settings.max_concurrency + settings.max_queue
        self._taken = 0
        self._slots = asyncio.Semaphore(settings.max_concurrency)
        self._queue_timeout_s = settings.queue_timeout_seconds
        self._telemetry = telemetry

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Admits one request, or raises BusyError at once."""
        if self._taken >= self._places:
            self._telemetry.rejected.labels("places").inc()
            raise BusyError("too many requests at once", retry_after_s=RETRY_AFTER_S)
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Waits for its turn; raises BusyError when that takes longer than `queue_timeout_seconds`."""
        await self._turn()
        try:
            with self._telemetry.inferring.track_inprogress():
                yield
        finally:
            self._slots.release()

    async def _turn(self) -> None:
        try:
            with self._telemetry.waiting.track_inprogress():
                async with asyncio.timeout(self._queue_timeout_s):
                    await self._slots.acquire()
        except TimeoutError as error:
            self._telemetry.rejected.labels("queue").inc()
            raise BusyError("the queue is too long", retry_after_s=RETRY_AFTER_S) from error
