"""Passes on what the server writes: all of it at log level debug, else what matters once it serves."""

import structlog

__all__ = ["TritonLog"]

_NO_GPU = "no pinned memory pool"
_LEVELS = {"I": "debug", "W": "warning", "E": "error", "F": "critical"}


class TritonLog:
    """While models load, their errors are reported from the model index instead, once and in full."""

    def __init__(self, log: structlog.typing.FilteringBoundLogger) -> None:
        self._log = log.bind(source="triton")
        self._level = "info"
        self.is_loading = True

    def __call__(self, line: str) -> None:
        """One line: `E1120 14:07:32.784801 9149 file.cc:692] "text"`, a continuation of it, or a print of a step."""
        if line[:1] in _LEVELS and line[1:5].isdigit() and line[5:6] == " ":
            self._level = _LEVELS[line[0]]
            line = line.partition("] ")[2] or line
        elif not self.is_loading and self._level == "debug":
            self._level = "info"
        if line:
            getattr(self._log, "debug" if self.is_loading or _NO_GPU in line else self._level)(line)
