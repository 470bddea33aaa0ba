"""What the launcher writes. Its reader may be gone first, as `tee` is after Ctrl-C: that must stop nothing."""

import os
import sys
from contextlib import suppress
from typing import TextIO

__all__ = ["close", "complain", "say"]


def say(*lines: str) -> None:
    """The lines on stdout, if somebody still reads it."""
    _write(sys.stdout, lines)


def complain(*lines: str) -> None:
    """The lines on stderr, if somebody still reads it."""
    _write(sys.stderr, lines)


def close() -> None:
    """The last thing before the end: what nobody reads is dropped, or Python would turn it into exit status 120."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        _empty(stream)


def _empty(stream: TextIO) -> None:
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _write(stream: TextIO | None, lines: tuple[str, ...]) -> None:
    """There is no stream at all where the launcher was started without one."""
    if stream:
        with suppress(OSError):
            print("\n".join(lines), file=stream, flush=True)
