"""`python -m gateway.cli stream`: a camera or a file through the gateway's live stream, for operators."""

import argparse
import asyncio
import io
import json
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from gateway.background import beside, together
from gateway.cli.batch import STOPPED
from gateway.cli.client import ToolError, UsageError
from gateway.cli.footage import File, Footage, Frame, Live
from gateway.cli.keeping import Keeping

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

SCHEMES = ("rtsp", "rtsps", "http", "https")
FINAL = (1003, 1007, 1008, 1009)
UNDER_WAY = 3
QUALITY = 90
TRIES, FIRST_WAIT_S, LONGEST_WAIT_S = 6, 0.5, 10.0
WINDOW = 300


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", help="rtsp:// or http(s):// of a camera, or a file; a file is shown whole, in order")
    parser.add_argument("--out", type=Path, metavar="VIDEO.mp4", help="the video with its classes over it")
    parser.add_argument("--jsonl", type=Path, metavar="FACTS", help="counts, shares and the like, a line a frame")
    parser.add_argument("--network", default="default", help="network to ask")
    parser.add_argument("--smoothing", type=float, default=0.5, help="0 (none) to below 1")
    parser.add_argument("--opacity", type=float, default=0.5, help="of the classes in --out, 0 to 1")
    parser.add_argument("--seconds", type=float, help="stop after so long")


def run(args: argparse.Namespace) -> int:
    """0: all was seen; STOPPED: a person stopped it, and what came until then is kept."""
    scheme, separator, _ = args.source.partition("://")
    if separator and scheme not in (*SCHEMES, "file"):
        raise UsageError(f"{scheme}:// cannot be watched; {', '.join(SCHEMES)} and files can")
    if not 0 <= args.opacity <= 1:
        raise UsageError(f"--opacity is 0 to 1, not {args.opacity:g}")
    with Keeping(args.out, args.jsonl, args.opacity) as keeping:
        try:
            asyncio.run(_watch(args, keeping, is_live=scheme in SCHEMES))
        except KeyboardInterrupt:
            return STOPPED
    return 0


async def _watch(args: argparse.Namespace, keeping: Keeping, *, is_live: bool) -> None:
    footage = Live(args.source, _say) if is_live else File(Path(args.source.removeprefix("file://")))
    watch = Watch(footage, keeping, _options(args, keeping, is_live=is_live))
    with footage:
        async with beside(watch.report(), "statistics"):
            try:
                async with asyncio.timeout(args.seconds):
                    await watch.run(_address(args.url))
            except TimeoutError:
                _say(f"stopped after {args.seconds:g} s")
            except asyncio.CancelledError:  # Ctrl-C
                _say(watch.line())
                raise
            _say(watch.line())


def _options(args: argparse.Namespace, keeping: Keeping, *, is_live: bool) -> dict[str, Any]:
    output = "mask" if keeping.wants_masks else "json"
    asked = {"network": args.network, "smoothing": args.smoothing, "output": output}
    return {"input": "frames", "complete": not is_live, **asked}


def _address(url: str) -> str:
    parts = urlsplit(url)
    scheme = "wss" if parts.scheme == "https" else "ws"
    return urlunsplit((scheme, parts.netloc, f"{parts.path.rstrip('/')}/api/stream", "", ""))


class Watch:
    """Frames on their way; those without an answer are sent again to a gateway that was away."""

    def __init__(self, footage: Footage, keeping: Keeping, options: dict[str, Any]) -> None:
        self._footage, self._keeping, self._options = footage, keeping, options
        self._waiting: deque[tuple[Frame, float]] = deque()
        self._room = asyncio.Semaphore(UNDER_WAY)
        self._tries = 0
        self._first = 0  # number of the first waiting frame, as the gateway counts
        self._answered = self._failed = 0
        self._latencies: deque[float] = deque(maxlen=WINDOW)
        self._times: deque[float] = deque(maxlen=WINDOW)

    async def run(self, address: str) -> None:
        """Until the footage ends. Raises ToolError with what the gateway says is wrong."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed, InvalidHandshake

        while True:
            try:
                async with connect(address, compression=None, max_size=None) as socket:
                    return await self._through(socket)
            except ConnectionClosed as closed:
                code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (None, "it hung up")
            except (OSError, InvalidHandshake) as error:
                code, reason = None, str(error)
            self._tries += 1
            if code in FINAL or self._tries >= TRIES:
                raise ToolError(f"the gateway ends the stream: {reason}")
            _say(f"the gateway is away ({reason}); trying again")
            await asyncio.sleep(min(FIRST_WAIT_S * 2**self._tries, LONGEST_WAIT_S))

    async def _through(self, socket: "ClientConnection") -> None:
        await socket.send(json.dumps(self._options))
        opened = json.loads(await socket.recv())
        if opened["type"] == "closing":
            raise ToolError(f"the gateway refuses: {opened['detail']}")
        self._first = 0
        await together([self._send(socket), self._hear(socket)])

    async def _send(self, socket: "ClientConnection") -> None:
        for frame, _ in tuple(self._waiting):
            await socket.send(await asyncio.to_thread(_jpeg, frame))
        while True:
            await self._room.acquire()
            newest = await self._footage.next()
            if newest is None:
                await socket.send(json.dumps({"end": True}))
                return
            self._waiting.append((newest, time.monotonic()))
            await socket.send(await asyncio.to_thread(_jpeg, newest))

    async def _hear(self, socket: "ClientConnection") -> None:
        from websockets.exceptions import ConnectionClosedOK

        try:
            while True:
                message = json.loads(await socket.recv())
                mask = await socket.recv() if message.get("picture") else None
                if "frame" in message:
                    await self._answer(message, mask if isinstance(mask, bytes) else None)
        except ConnectionClosedOK:
            return

    async def _answer(self, message: dict[str, Any], mask: bytes | None) -> None:
        while True:
            frame, sent = self._waiting.popleft()
            self._first += 1
            self._room.release()
            if self._first > message["frame"]:
                break
        if message["type"] == "error":
            self._failed += 1
            _say(f"frame {self._answered + self._failed - 1}: {message['detail']}")
            return
        self._tries = 0
        self._times.append(time.monotonic())
        self._latencies.append(time.monotonic() - sent)
        told = {**message, "frame": self._answered + self._failed}
        self._answered += 1
        await asyncio.to_thread(self._keeping.take, self._footage, frame, told, mask)

    def line(self) -> str:
        """The statistics."""
        spent = self._times[-1] - self._times[0] if len(self._times) > 1 else 0.0
        fps = (len(self._times) - 1) / spent if spent else 0.0
        found = sorted(self._latencies) or [0.0]
        p50, p95 = (1000 * found[min(len(found) - 1, int(share * len(found)))] for share in (0.5, 0.95))
        counts = f"{self._answered} frames, {self._footage.dropped} dropped, {self._failed} failed"
        lost = self._footage.lost
        troubles = f", source lost {lost} time{'s'[: lost > 1]}" if lost else ""
        return f"{counts}, {fps:.1f} frames per second, p50 {p50:.0f} ms, p95 {p95:.0f} ms{troubles}"

    async def report(self) -> None:
        """A line now and then."""
        while True:
            await asyncio.sleep(2)
            _say(self.line())


def _jpeg(frame: Frame) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(frame.pixels).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
