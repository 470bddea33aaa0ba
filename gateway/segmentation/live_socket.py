"""A live stream's WebSocket: messages in and out, changes on the way, and a close that says why."""

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from gateway.errors import InvalidOptionError, StreamIdleError
from gateway.segmentation.live import Live, Message
from gateway.segmentation.live_options import LiveOptions, change_of, options_of

LONGEST_REASON_BYTES = 123


class LiveSocket:
    """An accepted WebSocket. Every method but `close` raises WebSocketDisconnect once the client is gone."""

    def __init__(self, socket: WebSocket, idle_s: float) -> None:
        self._socket, self._idle_s = socket, idle_s
        self._sending = asyncio.Lock()

    async def options(self) -> LiveOptions:
        """The first message. Raises InvalidOptionError or StreamIdleError."""
        text = (await self._message(self._idle_s)).get("text")
        if text is None:
            raise InvalidOptionError('the first message is text, a JSON object such as {"input": "frames"}')
        return options_of(str(text))

    async def next(self, live: Live, *, watching: bool = False) -> bytes | None:
        """The next frame or chunk, None where the client says that nothing more comes; who only watches may be silent.

        What is to change is changed on the way. Raises InvalidOptionError or StreamIdleError.
        """
        while True:
            message = await self._message(None if watching else self._idle_s)
            data = message.get("bytes")
            if data is not None:
                return bytes(data)
            change = change_of(str(message.get("text")))
            live.options = change.applied(live.options)
            if change.end:
                return None

    async def until_gone(self) -> None:
        """Throws away whatever comes after the end."""
        while True:
            await self._message(None)

    async def show(self, message: Message, picture: bytes | None = None) -> None:
        """The message, and right after it the picture."""
        async with self._sending:
            await self._socket.send_json(message)
            if picture is not None:
                await self._socket.send_bytes(picture)

    async def close(self, code: int, name: str | None, detail: str) -> None:
        """Says why in a message and in the close itself, to a client that is still there."""
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            await self.show({"type": "closing", "code": code, "error": name, "detail": detail})
            await self._socket.close(code, detail.encode()[:LONGEST_REASON_BYTES].decode(errors="ignore"))
        except WebSocketDisconnect:
            return

    async def _message(self, idle_s: float | None) -> Message:
        try:
            async with asyncio.timeout(idle_s):
                message = await self._socket.receive()
        except TimeoutError as error:
            raise StreamIdleError(f"nothing came for {idle_s:g} s") from error
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005), message.get("reason"))
        return dict(message)
