"""A second HTTP server, in a thread of its own, that plays the PhotoRoom API as its documentation has it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType

import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.datastructures import UploadFile

from tests.gateway.photos import file

KEY = "key-1"
NO_HEADERS = MappingProxyType[str, str]({})


@dataclass
class PhotoRoom:
    """Remembers what it was asked; answers as a test decides."""

    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    score: str = "0.3"
    status: int = 200
    body: bytes | None = None
    delay_s: float = 0.0
    url: str = ""

    async def answer(self, request: Request) -> Response:
        file_field = "image_file" if request.url.path == "/v1/segment" else "imageFile"
        async with request.form() as form:
            upload = form[file_field]
            assert isinstance(upload, UploadFile)
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
            self.asked.append((request.url.path, fields, await upload.read()))
        time.sleep(self.delay_s)  # noqa: ASYNC251 - the server has its own thread and nothing else to do
        if request.headers.get("x-api-key") != KEY:
            return Response('{"detail": "forbidden"}', 403)
        kind = fields.get("format") or fields.get("export.format", "png")
        body = file(kind.upper(), 20, 10) if self.body is None else self.body
        return Response(body, self.status, {"x-uncertainty-score": self.score}, media_type=f"image/{kind}")


@contextmanager
def photoroom() -> Iterator[PhotoRoom]:
    service, app = PhotoRoom(), FastAPI()
    for path in ("/v1/segment", "/v2/edit"):
        app.add_api_route(path, service.answer, methods=["POST"], response_model=None)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        service.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            yield service
        finally:
            server.should_exit = True
            thread.join()
