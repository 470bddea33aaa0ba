"""A job while it runs, as its work sees it."""

import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeAlias, TypeVar

from gateway.jobs.hand import Hand
from gateway.jobs.job import Counts, Job, Progress, Result

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")


class StoppedError(Exception):
    """Raised into work that runs in a thread, once its job is to stop."""


class Run:
    """`folder` is the job's own; what lies there stays for the next attempt, and of a done job its results."""

    def __init__(self, job: Job, folder: Path) -> None:
        self.job = job
        self.folder = folder
        self._stop = threading.Event()
        self._latest = job.progress

    @property
    def latest(self) -> Progress:
        return self._latest

    def progress(self, done: int, total: int | None = None, counts: Counts | None = None) -> None:
        """Notes how far the work is, from any thread and as often as it likes. Raises StoppedError if it is to stop."""
        self._latest = Progress(done, total, self._latest.counts if counts is None else dict(counts))
        if self._stop.is_set():
            raise StoppedError

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        self._stop.set()

    async def in_thread(
        self, function: Callable[Parameters, Returned], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Returned:
        """Runs what blocks. When cancelled it waits until `function` has ended, which must call `progress` for that."""
        async with Hand(f"job {self.job.id}", self.stop) as hand:
            return await hand.call(function, *args, **kwargs)


Work: TypeAlias = Callable[[Run], Awaitable[Sequence[Result]]]


@dataclass(frozen=True, slots=True)
class Kind:
    """What jobs of a kind do. `resumes`: after a restart the work is called again, with its folder as it was, and may
    begin anew or go on. Without it such a job has failed.
    """

    name: str
    work: Work
    resumes: bool = True
