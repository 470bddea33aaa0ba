"""JSON logs on stdout, one object a line, with the request's id; uvicorn's own lines take the same shape."""

import logging
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:  # structlog's name for it lives in its typing module only
    from structlog.typing import Processor

# Without local variables: a frame holds a request's headers, its signed URL and the picture itself.
TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def configure(level: str) -> None:
    """For the process that `python -m gateway` is; a library's user or a test configures its own logs."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        TRACEBACKS,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(default=str),
        ],
    )
    logging.captureWarnings(capture=True)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level.upper())
