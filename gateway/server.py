"""The HTTP server: uvicorn, with connections of our own."""

from functools import partial

import uvicorn
from starlette.types import ASGIApp

from gateway.connection import Connection
from gateway.settings import Settings


def server_of(app: ASGIApp, settings: Settings) -> uvicorn.Server:
    """The server of one application. It limits no requests: its own refusal would not have the shape of our errors."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=partial(Connection, settings=settings),  # type: ignore[arg-type] # uvicorn only calls it
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=settings.keep_alive_timeout_seconds,
        timeout_graceful_shutdown=settings.shutdown_timeout_seconds,
    )
    return uvicorn.Server(config)
