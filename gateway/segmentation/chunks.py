"""Encoded video as it comes in, piece by piece: what browsers record, decoded in a thread while more arrives."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Self, TypeAlias

from gateway.errors import NotVideoError
from gateway.video.facts import Limits
from gateway.video.shots import Shot, Shots
from gateway.video.source import prepare, video_stream

if TYPE_CHECKING:
    from av.container import InputContainer

# Containers that can be read from their beginning while they grow.
FORMATS = "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mpegts"
# What is looked at before the first frame comes out, and how much may lie between socket and decoder.
PROBE_BYTES = 64 * 1024
READ_BYTES = 16 * 1024
MOST_WAITING_BYTES = 4_000_000
LOOK_S = 0.5
Deliver: TypeAlias = Callable[[Shot], Coroutine[object, object, None]]
OPTIONS = {
    "protocol_whitelist": "",
    "format_whitelist": FORMATS,
    "probesize": str(PROBE_BYTES),
    "analyzeduration": "100000",
}


class Pipe:
    """Bytes from an event loop to a thread that reads them like a file. The writer waits where it is ahead."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._room.set()
        self._changed = threading.Condition()
        self._pieces: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._ended = False

    async def write(self, data: bytes) -> None:
        await self._room.wait()
        with self._changed:
            self._pieces.append(data)
            self._waiting_bytes += len(data)
            if self._waiting_bytes > MOST_WAITING_BYTES:
                self._room.clear()
            self._changed.notify()

    def end(self) -> None:
        """Nothing more comes; what waits is still read."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def stop(self) -> None:
        """Nobody wants the rest."""
        with self._changed:
            self._pieces.clear()
            self._ended = True
            self._changed.notify()

    def read(self, size: int) -> bytes:
        """As PyAV asks: at least a byte, none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or self._ended)
            if not self._pieces:
                return b""
            piece = self._pieces.popleft()
            if len(piece) > size:
                self._pieces.appendleft(piece[size:])
            taken = piece[:size]
            self._waiting_bytes -= len(taken)
            if self._waiting_bytes <= MOST_WAITING_BYTES:
                with suppress(RuntimeError):  # the loop is closed: nobody waits
                    self._loop.call_soon_threadsafe(self._room.set)
            return taken


def decode(pipe: Pipe, limits: Limits, threads: int, deliver: Callable[[Shot], None]) -> None:
    """Gives every frame to `deliver`, until the pipe ends. Blocks: for a thread of its own.

    Raises NotVideoError, or what `Shots` and `video_stream` raise.
    """
    import av

    try:
        with av.open(pipe, "r", container_options=OPTIONS, buffer_size=READ_BYTES) as container:
            _deliver_all(container, limits, threads, deliver)
    except av.FFmpegError as error:
        raise NotVideoError(
            "the chunks are no video that can be read; send one WebM, fragmented MP4 or MPEG-TS from its beginning",
            private=repr(error),
        ) from error


def _deliver_all(container: "InputContainer", limits: Limits, threads: int, deliver: Callable[[Shot], None]) -> None:
    from av.codec.context import Flags

    stream = video_stream(container)
    limits.check_pixels(stream.codec_context.width, stream.codec_context.height)
    prepare(container, stream, threads, limits.pixels)
    stream.codec_context.flags |= Flags.low_delay
    for shot in Shots(container, stream, limits):
        deliver(shot)


class StoppedError(Exception):
    """Nobody wants the rest."""


class ChunkDecoder:
    """The thread around `decode`, for as long as a `with`. `finished` ends with what went wrong, if anything.

    `deliver` is awaited in the event loop for one frame after the other.
    """

    def __init__(self, limits: Limits, threads: int, deliver: Deliver) -> None:
        self.pipe = Pipe()
        self._loop = asyncio.get_running_loop()
        self.finished: asyncio.Future[None] = self._loop.create_future()
        self._stopped = threading.Event()
        self._deliver = deliver
        self._thread = threading.Thread(target=self._run, args=(limits, threads), name="chunks", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stopped.set()
        self.pipe.stop()
        if not self.finished.cancel() and not self.finished.cancelled():
            self.finished.exception()  # asyncio complains of one that nobody looks at

    def _run(self, limits: Limits, threads: int) -> None:
        found: Exception | None = None
        try:
            decode(self.pipe, limits, threads, self._hand_over)
        except StoppedError:
            return
        except Exception as error:  # noqa: BLE001 - not hidden: whoever waits for `finished` gets it
            found = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._end, found)

    def _hand_over(self, shot: Shot) -> None:
        if self._stopped.is_set():
            raise StoppedError
        waiting = asyncio.run_coroutine_threadsafe(self._deliver(shot), self._loop)
        while not self._stopped.is_set():
            with suppress(TimeoutError):
                return waiting.result(LOOK_S)
        waiting.cancel()
        raise StoppedError

    def _end(self, error: Exception | None) -> None:
        if self.finished.done():
            return
        if error is None:
            self.finished.set_result(None)
        else:
            self.finished.set_exception(error)
