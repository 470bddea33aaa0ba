"""Frames that wait to be segmented: of a live stream the newest alone, of a complete one the next."""

import asyncio
from contextlib import suppress
from typing import Protocol

from gateway.segmentation.latest import ClosedError, Latest
from gateway.segmentation.live import Arrived


class Waiting(Protocol):
    """Between whatever frames come from and the loop that takes them. For one event loop."""

    @property
    def dropped(self) -> int: ...

    async def put(self, arrived: Arrived) -> None: ...

    async def get(self) -> Arrived | None: ...

    def close(self) -> None:
        """Nothing more comes; what waits is still taken."""
        ...


class Newest:
    """A newer frame replaces the one that waits."""

    def __init__(self) -> None:
        self._latest: Latest[Arrived] = Latest()

    @property
    def dropped(self) -> int:
        return self._latest.dropped

    async def put(self, arrived: Arrived) -> None:
        with suppress(ClosedError):  # the client has said that nothing more comes
            self._latest.put(arrived)

    async def get(self) -> Arrived | None:
        try:
            return await self._latest.get()
        except ClosedError:
            return None

    def close(self) -> None:
        self._latest.close()


class Every:
    """No frame is lost: who brings one waits until the one before is taken."""

    dropped = 0

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Arrived | None] = asyncio.Queue(maxsize=1)
        self._closing: asyncio.Task[None] | None = None

    async def put(self, arrived: Arrived) -> None:
        await self._queue.put(arrived)

    async def get(self) -> Arrived | None:
        return await self._queue.get()

    def close(self) -> None:
        self._closing = asyncio.create_task(self._queue.put(None))
