"""Live segmentation: the stream itself, the sources that may be watched, and the page that shows both."""

from contextlib import suppress
from pathlib import Path

import structlog
from fastapi import APIRouter, WebSocket
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from gateway import origins
from gateway.errors import OriginRefusedError
from gateway.middleware import request_id_of
from gateway.problems import TABLE
from gateway.segmentation.conversation import Conversation
from gateway.segmentation.live_socket import LiveSocket
from gateway.state import Parts, PartsOf

router = APIRouter(tags=["shelf video"])

ASSETS = "/live/assets"
VIEWER = Path(__file__).resolve().parents[1] / "viewer"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class LegendEntry(BaseModel):
    key: str = Field(description="name of the class in answers")
    label: str = Field(description="name of the class for people")
    colour: str = Field(description="its colour in overlays and masks, #rrggbb")


class StreamSources(BaseModel):
    """What live streams can be made of."""

    sources: list[str] = Field(description="names for input source; only operators add some")
    networks: list[str] = Field(description="networks that are served now, for network")
    classes: list[LegendEntry] = Field(description="by their values in masks")


@router.get("/api/stream/sources")
async def sources(parts: PartsOf) -> StreamSources:
    """The sources that operators have named, the networks that are served, and the legend of the classes."""
    from imaging.shelf_classes import ShelfClass

    legend = [
        LegendEntry(key=kind.key, label=kind.label, colour="#{:02x}{:02x}{:02x}".format(*kind.colour))
        for kind in ShelfClass
    ]
    return StreamSources(sources=parts.relays.names(), networks=parts.segmenter.names(), classes=legend)


@router.get("/live", include_in_schema=False)
async def live() -> FileResponse:
    return FileResponse(VIEWER / "index.html", headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})


def assets() -> StaticFiles:
    """The page's own scripts and style."""
    return StaticFiles(directory=VIEWER)


@router.websocket("/api/stream")
async def stream(socket: WebSocket, parts: PartsOf) -> None:
    request_id = request_id_of(socket.headers)
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        settings = parts.settings
        if not origins.is_allowed(socket.headers, settings.stream_origins, settings.public_url):
            await _refuse(socket, parts, request_id)
            return
        await socket.accept(headers=[(b"x-request-id", request_id.encode())])
        await Conversation(LiveSocket(socket, settings.stream_idle_timeout_seconds), parts, request_id).run()


async def _refuse(socket: WebSocket, parts: Parts, request_id: str) -> None:
    error = OriginRefusedError("pages of this origin may not open live streams; GATEWAY_STREAM_ORIGINS names others")
    with suppress(OriginRefusedError), parts.telemetry.stream("live"):
        raise error
    status, code = TABLE[OriginRefusedError]
    answer = {"detail": error.public, "code": code, "request_id": request_id}
    await socket.send_denial_response(JSONResponse(answer, status, {"Cache-Control": "no-store"}))
