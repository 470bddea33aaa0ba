"""A video that goes on by itself: a camera's address, or a file played like one. Opened again when it breaks off."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import GatewayError, SourceFailedError
from gateway.video.containers import OPTIONS, address
from gateway.video.facts import Limits
from gateway.video.shots import Shot, Shots
from gateway.video.source import prepare, video_stream

if TYPE_CHECKING:
    from av.container import InputContainer

FIRST_REST_S = 0.5
# A jump in the video's own time beyond this is a new beginning, not a pause.
LONGEST_GAP_S = 2.0
NETWORK = {
    "protocol_whitelist": "rtp,rtsp,rtsps,tcp,tls,udp,http,https,httpproxy,crypto,hls",
    "rtsp_transport": "tcp",
    "analyzeduration": "1000000",
}
Wait = Callable[[float], bool]


class Camera:
    """`address` may hold a password, and is never told. Everything here blocks: for a thread of its own."""

    def __init__(self, address: str, limits: Limits, threads: int, timeout_s: float, longest_rest_s: float) -> None:
        self._address = address.removeprefix("file://")
        self._limits, self._threads = limits, threads
        self._timeout_s, self._longest_rest_s = timeout_s, longest_rest_s
        self.is_file = "://" not in self._address
        self.is_paced = self.is_file or self._address.startswith("http")

    def play(self, show: Callable[[Shot], None], tell: Callable[[str, str], None], wait: Wait) -> None:
        """Shows frames for as long as `wait`, which sleeps and says whether to stop, says no; `tell` hears of states:
        connecting, playing, or lost with the reason.
        """
        rest_s = FIRST_REST_S
        while not wait(0):
            tell("connecting", "")
            played = False
            try:
                for shot in self.shots():
                    if not played:
                        played, rest_s, pace = True, FIRST_REST_S, Pace(self.is_paced)
                        tell("playing", "")
                    if wait(pace.rest_s(shot.seconds)):
                        return
                    show(shot)
                if played and self.is_file:
                    continue  # from its beginning
                reason = "the source has ended"
            except GatewayError as error:
                reason = error.public
            tell("lost", reason)
            if wait(rest_s):
                return
            rest_s = min(2 * rest_s, self._longest_rest_s)

    def shots(self) -> Iterator[Shot]:
        """One connection's frames, until it ends. Raises a GatewayError."""
        import av

        heard_at = time.monotonic()
        try:
            with self._opened() as container:
                stream = video_stream(container)
                self._limits.check_pixels(stream.codec_context.width, stream.codec_context.height)
                prepare(container, stream, self._threads, self._limits.pixels)
                for shot in Shots(container, stream, self._limits):
                    yield shot
                    heard_at = time.monotonic()
        except av.FFmpegError as error:
            raise SourceFailedError(self._trouble(error, time.monotonic() - heard_at)) from None

    def _trouble(self, error: Exception, silent_s: float) -> str:
        """FFmpeg has many names for having been interrupted, and few of them say so."""
        if silent_s >= self._timeout_s:
            return f"nothing came from the source for {self._timeout_s:g} s"
        return f"the source cannot be read: {getattr(error, 'strerror', None) or 'it breaks off'}"

    @contextmanager
    def _opened(self) -> "Iterator[InputContainer]":
        import av

        where = address(Path(self._address)) if self.is_file else self._address
        options = OPTIONS if self.is_file else NETWORK
        with av.open(where, "r", container_options=options, timeout=(self._timeout_s, self._timeout_s)) as container:
            yield container


class Pace:
    """Shows a video at its own speed where nothing else does."""

    def __init__(self, paced: bool, clock: Callable[[], float] = time.monotonic) -> None:  # noqa: FBT001 - its one fact
        self._paced, self._clock = paced, clock
        self._origin: float | None = None

    def rest_s(self, seconds: float | None) -> float:
        """How long the frame of that time has to wait."""
        if not self._paced or seconds is None:
            return 0.0
        now = self._clock()
        if self._origin is None or abs(seconds + self._origin - now) > LONGEST_GAP_S:
            self._origin = now - seconds
        return max(0.0, seconds + self._origin - now)
