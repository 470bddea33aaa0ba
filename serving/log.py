"""The launcher's log: one structured line per event on stderr."""

import sys

import structlog

from serving import output
from serving.settings import ServingSettings

__all__ = ["logger"]


class _Lines:
    def msg(self, line: str) -> None:
        output.complain(line)

    debug = info = warning = error = critical = msg


def logger(settings: ServingSettings) -> structlog.typing.FilteringBoundLogger:
    """Console lines on a terminal, JSON elsewhere, unless the settings say otherwise."""
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    renderer = structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    wrapper = structlog.make_filtering_bound_logger(settings.log_level)
    made: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        _Lines(),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            renderer,
        ],
        wrapper_class=wrapper,
        service="serving",
    )
    return made
