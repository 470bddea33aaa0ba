"""A live stream from its options to its close. Whatever ends it is told to the client, in words."""

import time
from types import MappingProxyType

import structlog
from starlette.websockets import WebSocketDisconnect

from gateway import errors
from gateway.background import together
from gateway.problems import TABLE
from gateway.segmentation.arrivals import Every, Newest, Waiting
from gateway.segmentation.feeds import EndedError, Feed
from gateway.segmentation.live import Live
from gateway.segmentation.live_options import LiveOptions
from gateway.segmentation.live_socket import LiveSocket
from gateway.segmentation.meter import StreamMeter
from gateway.segmentation.segmenter import DEFAULT, FrameStream
from gateway.segmentation.streams import TOO_SLOW
from gateway.state import Parts

log = structlog.get_logger("gateway.live")

NETWORK = "shelf_segmenter"

DONE, BROKEN, REFUSED, TOO_BIG, INTERNAL, COME_AGAIN = 1000, 1007, 1008, 1009, 1011, 1013
CODES = MappingProxyType(
    dict.fromkeys((*errors.PICTURE, *errors.VIDEO), BROKEN)
    | dict.fromkeys(errors.SERVICE, COME_AGAIN)
    | {errors.InvalidOptionError: REFUSED, errors.StreamIdleError: REFUSED, errors.TooManyPixelsError: REFUSED}
    | {errors.TooLargeError: TOO_BIG, errors.InferenceFailedError: INTERNAL}
)


class Conversation:
    """What is known of one stream, for its last words and the log."""

    def __init__(self, socket: LiveSocket, parts: Parts, request_id: str) -> None:
        self._socket, self._parts, self._request_id = socket, parts, request_id
        self._live: Live | None = None
        self._feed: Feed | None = None
        self._end = ""

    async def run(self) -> None:
        started = time.monotonic()
        try:
            with self._parts.telemetry.stream("live") as meter:
                await self._until_left(meter)
        except errors.GatewayError as error:
            self._end = error.public
            code = CODES.get(type(error), INTERNAL)
            await self._socket.close(code, TABLE[type(error)][1], error.public)
            log.info("live stream refused", reason=error.public, private=error.private or None)
        finally:
            log.info(
                "live stream ended",
                reason=self._end,
                received=self._feed.received if self._feed else 0,
                answered=self._live.answered if self._live else 0,
                seconds=round(time.monotonic() - started, 3),
            )

    async def _until_left(self, meter: StreamMeter) -> None:
        try:
            await self._stream(meter)
        except EndedError:
            self._end = "all frames are answered"
            await self._socket.close(DONE, None, self._end)
        except WebSocketDisconnect as gone:
            self._end = gone.reason or f"the client left ({gone.code})"
            if self._end.startswith(TOO_SLOW):
                meter.failed("slow_client")

    async def _stream(self, meter: StreamMeter) -> None:
        with self._parts.streams.place():
            options = await self._socket.options()
            async with self._parts.segmenter.open(options.network, options.smoothing, self._request_id) as stream:
                await self._socket.show(
                    {"type": "ready", "stream": self._request_id, "side": stream.side, "options": options.model_dump()}
                )
                await self._carry(stream, options, meter)

    async def _carry(self, stream: FrameStream, options: LiveOptions, meter: StreamMeter) -> None:
        settings = self._parts.settings
        arrivals: Waiting = Every() if options.complete else Newest()
        live = self._live = Live(stream, self._socket, arrivals, options, meter)
        network = NETWORK if options.network in {"", DEFAULT} else f"{NETWORK}_{options.network}"
        live.look = self._parts.drift.stream(network, self._request_id).offer
        feed = self._feed = Feed(self._socket, live, arrivals, meter, settings)

        async def answer() -> None:
            await live.run(settings.stream_outage_timeout_seconds)
            raise EndedError

        await together([answer(), self._bring(feed, options)])

    async def _bring(self, feed: Feed, options: LiveOptions) -> None:
        if options.input == "frames":
            await feed.frames()
        elif options.input == "chunks":
            await feed.chunks()
        else:
            await feed.source(self._parts.relays, options.source or "")
