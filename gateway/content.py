"""A picture on its way to a client: piece by piece, so that a client who does not read holds one piece of it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from starlette.responses import StreamingResponse

PNG = "image/png"
# Of every kind of file that a result can be, by the extension that it has in the store;
# the last four are photos as they came.
MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "png": PNG,
        "jpg": "image/jpeg",
        "webp": "image/webp",
        "avif": "image/avif",
        "zip": "application/zip",
        "gif": "image/gif",
        "tif": "image/tiff",
        "bmp": "image/bmp",
        "heic": "image/heic",
    }
)
# About what is read at once from the store, and what is handed at once to the connection.
PIECE_BYTES = 2**18
SENT_BYTES = 2**16
# A file of this size may stay in memory while its client takes its time.
SMALL_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Content:
    """A file of known size; its pieces can be read once."""

    size_bytes: int
    pieces: AsyncIterator[bytes]

    def answer(self, media_type: str, headers: dict[str, str]) -> StreamingResponse:
        known = {"Content-Length": str(self.size_bytes)}
        return StreamingResponse(_cut_up(self.pieces), media_type=media_type, headers=headers | known)


def content_of(data: bytes) -> Content:
    """A file that is in memory anyway."""
    return Content(len(data), _once(data))


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _cut_up(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in pieces:
        for start in range(0, len(piece), SENT_BYTES):
            yield piece[start : start + SENT_BYTES]
