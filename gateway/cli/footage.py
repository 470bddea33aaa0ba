"""What `stream` looks at: a file's frames, each of them and in order, or a camera's, the newest."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from gateway.cli.client import ToolError
from gateway.errors import GatewayError
from gateway.settings import Settings
from gateway.video import reader
from gateway.video.camera import Camera
from gateway.video.facts import Facts, Limits
from gateway.video.shots import Shot

MOST = 10**12  # an operator's own videos may be of any length
USUAL = Fraction(1, 25)
CLOCK = 90_000


@dataclass(frozen=True, slots=True)
class Frame:
    """`pixels` UINT8 RGB [h, w, 3]; `time` and `duration` in seconds."""

    pixels: NDArray[np.uint8]
    time: Fraction
    duration: Fraction


class Footage(Protocol):
    """`facts` and `path` of a file; `dropped` frames were replaced by newer ones before anybody took them, and a camera
    was `lost` so many times.
    """

    facts: Facts | None
    path: Path | None
    dropped: int
    lost: int

    async def next(self) -> Frame | None:
        """The next frame, None at the end. Raises ToolError where there should be more."""
        ...


class File:
    """Every frame of a file."""

    def __init__(self, path: Path) -> None:
        """Raises ToolError for what is no video."""
        try:
            self._video = reader.open_video(path, limits())
        except GatewayError as error:
            raise ToolError(f"{path}: {error.public}") from error
        self.facts: Facts | None = self._video.facts
        self.path: Path | None = path
        self.dropped = self.lost = 0
        self._frames: Iterator[reader.Frame] = self._video.frames()
        self._coming: asyncio.Future[reader.Frame | None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._coming is None or self._coming.done():  # else a thread is still in it
            self._video.close()

    async def next(self) -> Frame | None:
        self._coming = self._coming or asyncio.ensure_future(asyncio.to_thread(next, self._frames, None))
        try:
            found = await asyncio.shield(self._coming)  # whoever is cancelled takes no frame along
        except GatewayError as error:
            raise ToolError(error.public) from error
        self._coming = None
        return None if found is None else Frame(found.pixels, found.time, found.duration)


class Live:
    """The newest frame of a camera, for as long as a `with`. `tell` hears of its states in the event loop."""

    def __init__(self, address: str, tell: Callable[[str], None]) -> None:
        settings = Settings()
        self.facts: Facts | None = None
        self.path: Path | None = None
        self.dropped = self.lost = 0
        self._tell = tell
        self._stopped = Event()
        self._started = time.monotonic()
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[Frame] = asyncio.Queue(maxsize=1)
        self._camera = Camera(
            address, limits(), 1, settings.stream_source_timeout_seconds, settings.stream_source_rest_seconds
        )

    def __enter__(self) -> Self:
        play = (self._show, self._hear, self._stopped.wait)
        Thread(target=self._camera.play, args=play, name="camera", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()

    async def next(self) -> Frame | None:
        return await self._waiting.get()

    def _show(self, shot: Shot) -> None:
        at = Fraction(int((time.monotonic() - self._started) * CLOCK), CLOCK)
        self._soon(partial(self._replace, Frame(shot.pixels(), at, USUAL)))

    def _replace(self, frame: Frame) -> None:
        if self._waiting.full():
            self._waiting.get_nowait()
            self.dropped += 1
        self._waiting.put_nowait(frame)

    def _hear(self, state: str, reason: str) -> None:
        self._soon(partial(self._note, state, reason))

    def _soon(self, act: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody watches
            self._loop.call_soon_threadsafe(act)

    def _note(self, state: str, reason: str) -> None:
        self.lost += state == "lost"
        self._tell(f"{state}: {reason}" if reason else state)


def limits() -> Limits:
    return Limits(MOST, float(MOST), Settings().max_video_pixels, float(MOST))
