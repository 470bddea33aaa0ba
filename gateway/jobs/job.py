"""What a job is, as everybody sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Counts = Mapping[str, float]
Options = Mapping[str, object]


class State(StrEnum):
    """From queued to running to one of the others; a restart may lead back to queued."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = (State.QUEUED, State.RUNNING)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed: `code` for programs (of errors, the one that an answer would have), `detail` for people."""

    code: str
    detail: str


INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Result:
    """A file that a job made: its plain name in the job's folder, its media type, its size in bytes."""

    name: str
    media_type: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How much is done, of how much where that is known, and what was counted meanwhile."""

    done: int = 0
    total: int | None = None
    counts: Counts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """Times are Unix seconds. `revision` grows with every change; `attempts` are the times that it was begun."""

    id: str
    kind: str
    state: State
    options: Options
    progress: Progress
    failure: Failure | None
    results: tuple[Result, ...]
    attempts: int
    revision: int
    created_at: float
    started_at: float | None
    ended_at: float | None

    @property
    def ended(self) -> bool:
        return self.state not in OPEN
