"""`python -m gateway`: the gateway with uvicorn, settings from `GATEWAY_*` variables, until it is told to stop."""

import sys
from contextlib import suppress

import structlog
import uvicorn
from pydantic import ValidationError

from gateway.app import create_app
from gateway.inference import TritonInference
from gateway.logs import configure
from gateway.settings import PREFIX, Settings, unknown_variables
from gateway.store import open_store

USAGE_ERROR = 2


def main() -> int:
    try:
        settings = Settings()
    except ValidationError as error:
        for item in error.errors():
            name = "_".join(str(part) for part in item["loc"][:1]).upper()
            print(f"{PREFIX}{name}: {item['msg']}" if name else item["msg"], file=sys.stderr)
        return USAGE_ERROR
    configure(settings.log_level)
    for name in unknown_variables():
        structlog.get_logger("gateway").warning("no setting has this name", variable=name)
    app = create_app(settings, TritonInference(settings), open_store(settings))
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=settings.keep_alive_timeout_seconds,
        timeout_graceful_shutdown=settings.shutdown_timeout_seconds,
        limit_concurrency=settings.max_connections,
    )
    # Once all requests are done uvicorn raises the signal again that it was stopped with.
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
