"""A real HTTP server that keeps the gateway's word for product photos, without a network behind it."""

import asyncio
import hashlib
import io
import re
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import uvicorn
from fastapi import FastAPI, Form, Request, Response, UploadFile
from fastapi.responses import JSONResponse
from PIL import Image

from imaging.product_options import PhotoOptions, read

ROUTES = ("/remove-background", "/process", "/process-full")
MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


@dataclass(frozen=True)
class Call:
    route: str
    name: str
    options: str


@dataclass
class Shop:
    """What a test decides, and what came in. `problems` are answered first, one a call."""

    calls: list[Call] = field(default_factory=list)
    problems: list[JSONResponse] = field(default_factory=list)
    delay_s: float = 0.0
    unsure: dict[str, float] = field(default_factory=dict)  # by the file's name
    media_type: str = ""
    running: int = 0
    most_running: int = 0

    def app(self) -> FastAPI:
        app = FastAPI()
        for route in ROUTES:
            app.add_api_route(route, self._answer, methods=["POST"])
        return app

    async def _answer(self, request: Request, image: UploadFile, options: str = Form("{}")) -> Response:
        name, data = str(image.filename), await image.read()
        self.calls.append(Call(request.url.path, name, options))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await asyncio.sleep(self.delay_s)
        self.running -= 1
        if self.problems:
            return self.problems.pop(0)
        return self._picture(name, data, read(options.encode(), PhotoOptions))

    def _picture(self, name: str, data: bytes, options: PhotoOptions) -> Response:
        try:
            photo = Image.open(io.BytesIO(data)).convert("RGB")
        except OSError:
            return problem(422, "the picture cannot be read")
        out = io.BytesIO()
        photo.save(out, options.encode.format.upper())
        score = self.unsure.get(name, 0.1)
        headers = {
            "x-uncertainty-score": f"{score:.3f}",
            "x-needs-review": str(score >= options.review.above).lower(),
            "x-request-id": hashlib.sha256(data).hexdigest()[:8],
        }
        return Response(out.getvalue(), 200, headers, self.media_type or MEDIA_TYPES[options.encode.format])


def problem(status: int, detail: str, retry_after: str | None = None) -> JSONResponse:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return JSONResponse({"detail": detail, "code": "some_code", "request_id": "1"}, status, headers)


@contextmanager
def running(shop: Shop) -> Iterator[str]:
    """The shop in a thread of its own, until the end of the block; yields its URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(shop.app(), log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@asynccontextmanager
async def line(*answers: bytes) -> AsyncIterator[str]:
    """A server that reads each upload to its end, gives the next of these answers, and hangs up; yields its URL."""
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(re.findall(rb"(?i)content-length: (\d+)", head)[0]))
        writer.write(left.pop(0))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    assert not left
