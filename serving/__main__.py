"""`python -m serving`: sets up what is missing, then serves in the foreground until Ctrl-C or SIGTERM."""

import argparse
import asyncio
import os
import sys

from pydantic import ValidationError

from serving import foreground
from serving.discovery import discover, origin
from serving.errors import ServingError, SettingsError
from serving.settings import ServingSettings, unknown_variables


def main() -> int:
    """Exit status 0 after a stop that was asked for, 1 with the reason and its cure when nothing can be served."""
    try:
        settings = _settings()
        if origin(settings) == "external":
            asyncio.run(foreground.accompany(settings))
        else:
            asyncio.run(foreground.serve(settings, discover(settings, _say)))
    except ServingError as error:
        print(f"cannot serve: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _settings() -> ServingSettings:
    parser = argparse.ArgumentParser(
        prog="python -m serving", description="Serves the model repositories. Settings are SERVING_* variables."
    )
    parser.add_argument("--no-gateway", action="store_true", help="only the Triton server (SERVING_GATEWAY=false)")
    parser.add_argument("--commercial-only", action="store_true", help="refuse weights that forbid commercial use")
    chosen = parser.parse_args()
    try:
        settings = ServingSettings()
    except ValidationError as error:
        lines = [f"SERVING_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()]
        raise SettingsError("; ".join(lines), "correct the variable, or unset it") from error
    for name in unknown_variables(os.environ):
        _say(f"{name} is ignored: no setting has this name")
    changes = {"gateway": False} if chosen.no_gateway else {}
    changes |= {"commercial_only": True} if chosen.commercial_only else {}
    return settings.model_copy(update=changes)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
