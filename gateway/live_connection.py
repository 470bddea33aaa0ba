"""A client's WebSocket, with the deadline that uvicorn does not have: for a client that does not read."""

import asyncio
import socket
from typing import Any

from uvicorn import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from gateway.segmentation.streams import TOO_SLOW
from gateway.settings import Settings

POLICY_VIOLATION = 1008
# What lies in the kernel's buffer is old by the time it is seen; its default holds seconds of pictures.
SEND_BUFFER_BYTES = 256 * 1024
GRACE_S = 1.0


class LiveConnection(WebSocketsSansIOProtocol):
    """uvicorn's own. Who does not read is told why, should it ever read again, and let go of a moment later."""

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
        self._patience_s = settings.stream_send_timeout_seconds
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        bare = transport.get_extra_info("socket")
        if bare is not None:
            bare.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        super().connection_made(transport)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._timer is None:
            self._timer = self.loop.call_later(self._patience_s, self._drop)

    def resume_writing(self) -> None:
        self._stop()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _drop(self) -> None:
        reason = f"{TOO_SLOW}: nothing was read for {self._patience_s:g} s"
        self.queue.put_nowait({"type": "websocket.disconnect", "code": POLICY_VIOLATION, "reason": reason})
        if self.handshake_complete and not self.close_sent:
            self.close_sent = True
            self.conn.fail(POLICY_VIOLATION, reason)
            self.transport.write(b"".join(self.conn.data_to_send()))
        self._timer = self.loop.call_later(GRACE_S, self.transport.abort)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
