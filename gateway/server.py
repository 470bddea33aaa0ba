"""The HTTP server: uvicorn, with connections of our own."""

import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

import uvicorn
from fastapi import FastAPI

from gateway.connection import Connection
from gateway.live_connection import LiveConnection
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.state import Parts


class Server(uvicorn.Server):
    """Calls `leaving` when it is told to stop: uvicorn waits for open answers, and those that follow a job would not
    end before the job does.
    """

    def __init__(self, config: uvicorn.Config, leaving: Callable[[], None]) -> None:
        super().__init__(config)
        self._leaving = leaving

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._leaving()
        await super().shutdown(sockets)


def server_of(app: FastAPI, settings: Settings) -> Server:
    """The server of one application. It limits no requests: its own refusal would not have the shape of our errors."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=partial(Connection, settings=settings),  # type: ignore[arg-type] # uvicorn only calls it
        ws=partial(LiveConnection, settings=settings),  # type: ignore[arg-type] # as above
        ws_max_size=settings.max_stream_message_bytes,
        ws_per_message_deflate=False,  # pictures are compressed
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=settings.keep_alive_timeout_seconds,
        timeout_graceful_shutdown=settings.shutdown_timeout_seconds,
    )
    return Server(config, cast("Parts", app.state.parts).jobs.release)
