"""Clients of live streams over real sockets, and what they send."""

import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect

LONGEST_S = 10.0


def shown(level: int, width: int = 96, height: int = 64) -> NDArray[np.uint8]:
    """A picture whose red says which class the fake network sees: 52 levels each."""
    return np.full((height, width, 3), (level, 40, 40), np.uint8)


def file_of(pixels: NDArray[np.uint8], kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, quality=95)
    return buffer.getvalue()


def pixels_of(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)


@dataclass
class Viewer:
    """A client that speaks the protocol."""

    socket: ClientConnection

    async def hear(self) -> dict[str, Any]:
        text = await self.socket.recv()
        assert isinstance(text, str), "a picture where a message should be"
        found: dict[str, Any] = json.loads(text)
        return found

    async def hear_of(self, kind: str) -> dict[str, Any]:
        """The next message of a kind; pictures and others on the way are passed over."""
        while True:
            data = await self.socket.recv()
            if isinstance(data, str) and (found := json.loads(data))["type"] == kind:
                return dict(found)

    async def see(self) -> bytes:
        data = await self.socket.recv()
        assert isinstance(data, bytes), data
        return data

    async def send(self, *pictures: bytes) -> None:
        for picture in pictures:
            await self.socket.send(picture)

    async def say(self, **options: object) -> None:
        await self.socket.send(json.dumps(options))

    async def ended(self) -> tuple[int | None, str | None]:
        """The code and the reason of the close, whatever comes before."""
        await self.socket.wait_closed()
        return self.socket.close_code, self.socket.close_reason


@asynccontextmanager
async def viewing(port: int, headers: Mapping[str, str] | None = None, **options: object) -> AsyncIterator[Viewer]:
    """A client that has sent its options; without any it has sent nothing yet."""
    async with connect(
        f"ws://127.0.0.1:{port}/api/stream", additional_headers=headers, compression=None, max_size=None
    ) as socket:
        viewer = Viewer(socket)
        if options:
            await viewer.say(**options)
            assert (await viewer.hear())["type"] == "ready"
        yield viewer
