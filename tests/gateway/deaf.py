"""A client of a live stream, spoken by hand, that sends but never reads."""

import asyncio
import json
import socket


async def deaf(port: int, **options: object) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection with a small buffer that has sent its options, and from which nothing is read any more."""
    bare = socket.socket()
    bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    bare.setblocking(False)  # noqa: FBT003
    await asyncio.get_running_loop().sock_connect(bare, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=bare, limit=1024)
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    writer.write(
        f"GET /api/stream HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.write(framed(json.dumps({"input": "frames", **options}).encode(), text=True))
    await reader.readexactly(2)
    return reader, writer


async def fed(writer: asyncio.StreamWriter, picture: bytes) -> None:
    """The same picture again and again, until the gateway takes no more."""
    while True:
        writer.write(framed(picture))
        await writer.drain()
        await asyncio.sleep(0.02)


def framed(data: bytes, *, text: bool = False) -> bytes:
    """A client's frame (RFC 6455, 5.2) with a mask of zeros."""
    head = bytes([0x81 if text else 0x82])
    size = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0xFF]) + len(data).to_bytes(8, "big")
    return head + size + bytes(4) + data
