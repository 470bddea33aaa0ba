"""From what a live stream's client sends or watches to frames that wait to be segmented."""

import time
from functools import partial

from gateway.background import together
from gateway.errors import InvalidOptionError
from gateway.segmentation.arrivals import Waiting
from gateway.segmentation.chunks import ChunkDecoder
from gateway.segmentation.live import Arrived, Live, Load
from gateway.segmentation.live_socket import LiveSocket
from gateway.segmentation.meter import StreamMeter
from gateway.segmentation.pictures import Picture, decoded
from gateway.segmentation.relay import Relays, Watcher
from gateway.settings import Settings
from gateway.video.facts import Limits
from gateway.video.shots import Shot


class EndedError(Exception):
    """Nothing more comes."""


class Feed:
    """Brings one stream's frames; each method runs until the client is gone, or raises what ends the stream."""

    def __init__(
        self, socket: LiveSocket, live: Live, arrivals: Waiting, meter: StreamMeter, settings: Settings
    ) -> None:
        self.received = 0
        self._socket, self._live, self._arrivals, self._meter = socket, live, arrivals, meter
        self._limits, self._threads = Limits.of(settings), settings.video_threads

    async def frames(self) -> None:
        """One picture a message."""
        while (data := await self._socket.next(self._live)) is not None:
            await self._arrivals.put(self._arrived(partial(decoded, data, self._limits.pixels)))
        self._arrivals.close()
        await self._socket.until_gone()

    async def chunks(self) -> None:
        """One video in pieces, cut anywhere."""

        async def deliver(shot: Shot) -> None:
            await self._arrivals.put(self._arrived(partial(_pixels, shot), shot.seconds))

        async def feed() -> None:
            while (data := await self._socket.next(self._live)) is not None:
                await decoder.pipe.write(data)
            decoder.pipe.end()
            await self._socket.until_gone()

        async def finish() -> None:
            await decoder.finished
            self._arrivals.close()

        with ChunkDecoder(self._limits, self._threads, deliver) as decoder:
            await together([feed(), finish()])

    async def source(self, relays: Relays, name: str) -> None:
        """What an operator's source shows, with words about the source itself. Raises EndedError, too."""
        async with relays.watched(name) as watcher:
            await together([self._relay(watcher), self._tell(watcher), self._listen()])

    async def _relay(self, watcher: Watcher) -> None:
        while True:
            seen = await watcher.frame()
            await self._arrivals.put(self._arrived(partial(_pixels, seen.shot), seen.shot.seconds, seen.number))

    async def _tell(self, watcher: Watcher) -> None:
        while True:
            state = await watcher.state()
            if state.name == "lost":
                self._meter.failed("source_lost")
            await self._socket.show({"type": "source", "state": state.name, "detail": state.reason or None})

    async def _listen(self) -> None:
        if await self._socket.next(self._live, watching=True) is not None:
            raise InvalidOptionError("a source is watched; frames of your own belong to input frames")
        raise EndedError

    def _arrived(self, load: Load, seconds: float | None = None, number: int | None = None) -> Arrived:
        self._meter.received()
        self.received += 1
        return Arrived(self.received - 1 if number is None else number, time.monotonic(), load, seconds)


def _pixels(shot: Shot, _least_side: int | None) -> Picture:
    pixels = shot.pixels()
    return Picture(pixels, pixels.shape[1], pixels.shape[0])
