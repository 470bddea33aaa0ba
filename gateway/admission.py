"""How much work is let in: so many inferences at once, so many requests behind them, the rest is told to come back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.errors import BusyError
from gateway.settings import Settings
from gateway.telemetry import Telemetry

RETRY_AFTER_S = 1.0


class Admission:
    """Three doors: `transit` for uploads that are still coming in, `place` for requests whose picture is in memory or
    being fetched, `slot` for the inference alone.
    """

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        self._max_uploads = settings.max_uploads
        self._uploads = 0
        self._max_buffered_bytes = settings.max_upload_buffer_bytes
        self._buffered_bytes = 0
        self._places = settings.max_concurrency + settings.max_queue
        self._taken = 0
        self._slots = asyncio.Semaphore(settings.max_concurrency)
        self._queue_timeout_s = settings.queue_timeout_seconds
        self._telemetry = telemetry

    @asynccontextmanager
    async def transit(self) -> AsyncIterator[Callable[[int], None]]:
        """Admits one upload, or raises BusyError at once. Yields what it must ask before it keeps so many more bytes.

        A place would be too dear: its client decides how long an upload takes.
        """
        self._refuse("places", when=self._taken >= self._places)
        self._refuse("uploads", when=self._uploads >= self._max_uploads)
        kept_bytes = 0

        def keep(size_bytes: int) -> None:
            nonlocal kept_bytes
            self._refuse("upload_bytes", when=self._buffered_bytes + size_bytes > self._max_buffered_bytes)
            kept_bytes += size_bytes
            self._buffered_bytes += size_bytes

        self._uploads += 1
        try:
            yield keep
        finally:
            self._uploads -= 1
            self._buffered_bytes -= kept_bytes

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Admits one request, or raises BusyError at once."""
        self._refuse("places", when=self._taken >= self._places)
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

    def _refuse(self, reason: str, *, when: bool) -> None:
        if when:
            self._telemetry.rejected.labels(reason).inc()
            raise BusyError("too many requests at once", retry_after_s=RETRY_AFTER_S)

    async def _turn(self) -> None:
        try:
            with self._telemetry.waiting.track_inprogress():
                async with asyncio.timeout(self._queue_timeout_s):
                    await self._slots.acquire()
        except TimeoutError as error:
            self._telemetry.rejected.labels("queue").inc()
            raise BusyError("the queue is too long", retry_after_s=RETRY_AFTER_S) from error
