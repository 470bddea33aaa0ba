"""A job while it runs, as its work sees it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeAlias, TypeVar

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
        # A thread of its own: the event loop's are few, and for what is over soon.
        with ThreadPoolExecutor(1, thread_name_prefix=f"job {self.job.id}") as thread:
            begin = partial(copy_context().run, function, *args, **kwargs)
            work = asyncio.get_running_loop().run_in_executor(thread, begin)
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                self.stop()
                await asyncio.wait([work])
                if not work.cancelled():
                    work.exception()  # that it was stopped, or failed meanwhile, is of no more interest
                raise


Work: TypeAlias = Callable[[Run], Awaitable[Sequence[Result]]]


@dataclass(frozen=True, slots=True)
class Kind:
    """What jobs of a kind do. `resumes`: after a restart the work is called again, with its folder as it was, and may
    begin anew or go on. Without it such a job has failed.
    """

    name: str
    work: Work
    resumes: bool = True
