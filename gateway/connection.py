"""One client's connection, with the two deadlines that uvicorn does not have: for a request's head, for reading."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from gateway.settings import Settings


class Connection(H11Protocol):
    """uvicorn's own, which waits for ever for the rest of a head, and for a client that does not read its answer."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        settings: Settings,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head = _Deadline(self.loop, settings.head_timeout_seconds)
        self._reading = _Deadline(self.loop, settings.read_timeout_seconds)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.get_protocol() is not self:  # a WebSocket has taken over
            self._head.stop()
            return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head.stop()
        self._reading.stop()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading.start(self.transport.abort)

    def resume_writing(self) -> None:
        if not self.transport.is_closing():
            self._reading.stop()
        super().resume_writing()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._close_in_time()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._close_in_time()

    def _expect_head(self) -> None:
        """Runs the deadline while no request is being answered and something of the next one may have come."""
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None until the first request
        answering = cycle is not None and not cycle.response_complete
        idle = self.timeout_keep_alive_task is not None
        if answering or idle:
            self._head.stop()
        else:
            self._head.start(self.transport.close)

    def _close_in_time(self) -> None:
        """A closed transport lives on until the client has read the rest."""
        if self.transport.is_closing():
            self._reading.start(self.transport.abort)


class _Deadline:
    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def start(self, act: Callable[[], None]) -> None:
        """Calls `act` when the time is over; one that runs already runs on."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, act)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
