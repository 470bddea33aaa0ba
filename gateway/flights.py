"""Work that several requests want at the same time is done once; it ends early only when nobody wants it any more."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.errors import InferenceUnavailableError

Result = TypeVar("Result")


@dataclass(slots=True)
class _Flight(Generic[Result]):
    task: asyncio.Task[Result]
    passengers: int = 0


class Flights(Generic[Result]):
    """Single flight by key. For one event loop."""

    def __init__(self) -> None:
        self._flying: dict[str, _Flight[Result]] = {}

    async def join(self, key: str, work: Callable[[], Awaitable[Result]]) -> tuple[Result, bool]:
        """The result of `work`, and whether another request had started it. An error reaches every passenger.

        Raises InferenceUnavailableError where the work was cancelled while its passengers were not.
        """
        flight = self._flying.get(key)
        joined = flight is not None
        if flight is None:
            flight = self._start(key, work)
        flight.passengers += 1
        try:
            return await asyncio.shield(flight.task), joined
        except asyncio.CancelledError as error:
            if _is_leaving():
                raise
            # Nobody here cancels work that somebody waits for: a closing connection to Triton does.
            private = f"{flight.task.get_name()} was cancelled"
            raise InferenceUnavailableError("the server is not available", private=private, retry_after_s=1) from error
        finally:
            flight.passengers -= 1
            if not flight.passengers and not flight.task.done():
                self._land(key, flight)
                flight.task.cancel()

    def _start(self, key: str, work: Callable[[], Awaitable[Result]]) -> _Flight[Result]:
        async def fly() -> Result:
            return await work()

        flight = _Flight(asyncio.create_task(fly(), name=f"flight {key}"))
        self._flying[key] = flight
        flight.task.add_done_callback(lambda _: self._land(key, flight))
        return flight

    def _land(self, key: str, flight: _Flight[Result]) -> None:
        if self._flying.get(key) is flight:
            del self._flying[key]
        if flight.task.done() and not flight.task.cancelled():
            flight.task.exception()  # seen, should the last passenger have left in the same moment


def _is_leaving() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
