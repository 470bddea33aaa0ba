"""The launcher: settings and server are looked up, then both run in the foreground until Ctrl-C or SIGTERM."""

import argparse
import asyncio
import os

from serving import foreground, output
from serving.discovery import discover, origin
from serving.errors import ServingError, SettingsError
from serving.settings import GatewaySettings, ServingSettings, read, unknown_variables

__all__ = ["main"]

_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound


def main() -> int:
    """Exit status 0 after a stop that was asked for, 1 with the reason and its cure when nothing can be served."""
    try:
        settings = _settings()
        if origin(settings) == "external":
            asyncio.run(foreground.accompany(settings))
        else:
            asyncio.run(foreground.serve(settings, discover(settings, output.say)))
    except ServingError as error:
        output.complain(f"cannot serve: {error}")
        return 1
    return 0


def _settings() -> ServingSettings:
    parser = argparse.ArgumentParser(
        prog="python -m serving", description="Serves the model repositories. Settings are SERVING_* variables."
    )
    parser.add_argument("--no-gateway", action="store_true", help="only the Triton server (SERVING_GATEWAY=false)")
    parser.add_argument(
        "--commercial-only",
        action="store_true",
        help="refuse weights that forbid commercial use (SERVING_COMMERCIAL_ONLY=true, which a health check sees too)",
    )
    chosen = parser.parse_args()
    settings = read(ServingSettings)
    for name in unknown_variables(os.environ):
        output.say(f"{name} is ignored: no setting has this name")
    changes = {"gateway": False} if chosen.no_gateway else {}
    changes |= {"commercial_only": True} if chosen.commercial_only else {}
    settings = settings.model_copy(update=changes)
    if settings.gateway:  # so that a wrong one is told before anything is installed or started
        _require_own_port(read(GatewaySettings), settings)
    return settings


def _require_own_port(gateway: GatewaySettings, settings: ServingSettings) -> None:
    """Raises SettingsError where the gateway would listen on one of the server's ports."""
    taken = next((name for name, port in settings.ports.items() if port == gateway.port), "")
    meet = gateway.host == settings.host or not _EVERYWHERE.isdisjoint({gateway.host, settings.host})
    if taken and meet and origin(settings) != "external":
        raise SettingsError(
            f"GATEWAY_PORT and {taken} are both {gateway.port}", "another port, or GATEWAY_PORT=0 for any"
        )
