"""`python -m gateway`: the gateway with uvicorn, settings from `GATEWAY_*` variables, until it is told to stop."""

import sys
import warnings
from contextlib import suppress

import structlog
from obstore.exceptions import BaseError
from PIL import Image
from pydantic import ValidationError

from gateway.app import create_app
from gateway.inference import TritonInference
from gateway.logs import configure
from gateway.server import server_of
from gateway.settings import PREFIX, Settings, unknown_variables
from gateway.store import open_existing, open_store

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
    # Pillow warns from half its own limit on; what counts here is GATEWAY_MAX_PIXELS.
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    for name in unknown_variables():
        structlog.get_logger("gateway").warning("no setting has this name", variable=name)
    name = "STORE_URL"
    try:
        store = open_store(settings)
        name = "TEMPLATES_URL"
        templates = open_existing(settings, settings.templates_url) if settings.templates_url else None
    except (BaseError, OSError, ValueError) as error:
        reason = (str(error) or repr(error)).splitlines()[0]  # the rest is obstore's debugging output
        print(f"{PREFIX}{name}: {reason}", file=sys.stderr)
        return USAGE_ERROR
    app = create_app(settings, TritonInference(settings), store, templates=templates)
    # Once all requests are done uvicorn raises the signal again that it was stopped with.
    with suppress(KeyboardInterrupt):
        server_of(app, settings).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
