"""Who waits for news of a job. News are no messages: a slow reader misses those in between and nothing queues up."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Feed:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def listen(self, name: str) -> Iterator[asyncio.Event]:
        """An event that is set at every change from now on; who waits clears it before looking."""
        event = asyncio.Event()
        self._listeners[name].add(event)
        try:
            yield event
        finally:
            self._listeners[name].discard(event)
            if not self._listeners[name]:
                del self._listeners[name]

    def tell(self, name: str) -> None:
        for event in self._listeners.get(name, ()):
            event.set()

    def tell_all(self) -> None:
        for name in self._listeners:
            self.tell(name)
