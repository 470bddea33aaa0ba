"""A place for the newest of something: a live stream rather leaves frames out than shows old ones."""

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class ClosedError(Exception):
    """Nothing is waiting, and nothing will come any more."""


class Latest(Generic[T]):
    """Holds one waiting item at most; for one event loop and one reader."""

    def __init__(self) -> None:
        self.dropped = 0
        self._waiting: list[T] = []
        self._news = asyncio.Event()
        self._is_closed = False

    def put(self, item: T) -> None:
        """Replaces an item that still waits and counts it in `dropped`. Raises ClosedError."""
        if self._is_closed:
            raise ClosedError
        self.dropped += len(self._waiting)
        self._waiting = [item]
        self._news.set()

    async def get(self) -> T:
        """The newest item, once there is one. Raises ClosedError, after the last item was got."""
        while not self._waiting:
            if self._is_closed:
                raise ClosedError
            self._news.clear()
            await self._news.wait()
        return self._waiting.pop()

    def close(self) -> None:
        self._is_closed = True
        self._news.set()
