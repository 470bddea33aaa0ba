"""How many live streams run at the same time."""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.errors import BusyError

RETRY_AFTER_S = 5.0
# How the reason begins with which a client is let go that does not read.
TOO_SLOW = "too slow"


class Streams:
    """A place for each stream. For one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.open = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Raises BusyError where all are taken."""
        if self.open >= self._most:
            raise BusyError(f"{self._most} live streams run already, and no more may", retry_after_s=RETRY_AFTER_S)
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1
