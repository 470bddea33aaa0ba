"""The routing file as it is in force: read again when it changes, and kept as it was where the new one is wrong."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from imaging import routing
from imaging.routing import MOST_BYTES, RoutingError

if TYPE_CHECKING:
    from pathlib import Path

    from imaging.routing import Routing

Stamp: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class InForce:
    """Rules, the SHA-256 of their file, and what is wrong with a newer one, empty where there is none."""

    rules: Routing
    sha256: str
    problem: str = ""


@dataclass(slots=True)
class Rulebook:
    """One routing file. Threads may share it."""

    path: Path
    _stamp: Stamp | None = None
    _kept: InForce | None = None
    _problem: str = ""
    _lock: Lock = field(default_factory=Lock)

    def current(self) -> InForce:
        """Return the rules in force. Raises RoutingError where no good file was ever there."""
        with self._lock:
            return self._current()

    def _current(self) -> InForce:
        found = _stamp(self.path)  # before reading: what changes meanwhile is then seen the next time
        if found is None or found != self._stamp:
            self._stamp = found
            self._renew()
        if self._kept is None:
            raise RoutingError(self._problem)
        return replace(self._kept, problem=self._problem)

    def _renew(self) -> None:
        try:
            with self.path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
            self._kept = InForce(routing.read(data, self.path.name), hashlib.sha256(data).hexdigest())
            self._problem = ""
        except RoutingError as error:
            self._problem = str(error)
        except OSError as error:
            self._problem = f"{self.path.name} cannot be read: {error.strerror or error}"


def _stamp(path: Path) -> Stamp | None:
    """Return what tells a changed file from the one that was read, None where there is none."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino
