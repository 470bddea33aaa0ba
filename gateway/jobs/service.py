"""Jobs: taken in, worked on a few at a time, told about, cancelled, forgotten. Survives the process that runs it."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import structlog

from gateway.background import beside
from gateway.errors import InvalidOptionError, JobEndedError, JobNotFoundError, JobsUnavailableError
from gateway.jobs.database import Database
from gateway.jobs.feed import Feed
from gateway.jobs.folders import Folders
from gateway.jobs.job import Job, Options
from gateway.jobs.run import Kind
from gateway.jobs.runner import Runner
from gateway.settings import Settings

log = structlog.get_logger("gateway.jobs")

# A job that takes the whole process with it would do so for ever.
MOST_ATTEMPTS = 3
LONGEST_REST_S = 60.0


@dataclass(frozen=True, slots=True)
class Draft:
    """A job's folder before there is a job, for what the work will need."""

    id: str
    folder: Path


class Jobs:
    """Works from `async with` on. Every method may raise JobsUnavailableError."""

    def __init__(self, settings: Settings, kinds: Sequence[Kind]) -> None:
        self._settings = settings
        self._kinds: Mapping[str, Kind] = {kind.name: kind for kind in kinds}
        self._feed = Feed()
        self._leaving = False
        self._stack = AsyncExitStack()
        self._folders: Folders
        self._database: Database
        self._runner: Runner

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await asyncio.to_thread(self._open)
            stack.callback(self._folders.close)
            stack.callback(self._database.close)
            self._runner = Runner(self._settings, self._kinds, self._database, self._folders, self._feed)
            await stack.enter_async_context(beside(self._forget(), "jobs' expiry"))
            for number in range(self._settings.max_jobs):
                await stack.enter_async_context(beside(self._runner.serve(), f"jobs {number}"))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stops the running jobs; those of a kind that resumes wait for the next start."""
        await self._stack.aclose()

    @asynccontextmanager
    async def draft(self) -> AsyncIterator[Draft]:
        """A folder that is gone at the end unless it was submitted."""
        job_id = secrets.token_hex(16)
        folder = await asyncio.to_thread(self._folders.make, job_id)
        try:
            yield Draft(job_id, folder)
        finally:
            if not await self._is_known(job_id):
                await asyncio.to_thread(self._folders.remove, job_id)

    async def submit(self, draft: Draft, kind: str, options: Options) -> Job:
        """A job that waits for its turn. Raises InvalidOptionError or BusyError."""
        if kind not in self._kinds:
            raise InvalidOptionError(f"there is no job {kind!r}; there are: {', '.join(sorted(self._kinds))}")
        waiting = self._settings.max_waiting_jobs
        job = await asyncio.to_thread(self._database.add, draft.id, kind, options, waiting)
        self._runner.arrived.set()
        return job

    async def get(self, job_id: str) -> Job:
        """Raises JobNotFoundError."""
        return await asyncio.to_thread(self._database.get, job_id)

    async def result(self, job_id: str, name: str) -> Path:
        """A done job's file. Raises JobNotFoundError or ResultNotFoundError."""
        job = await self.get(job_id)
        return self._folders.result(job_id, job.results, name)

    async def changes(self, job_id: str, after: int = 0) -> AsyncIterator[Job]:
        """The job as it is if its revision is beyond `after`, and again when it has changed, until it ends or
        `release` is called.

        Progress comes at most every `job_progress_interval_seconds`; who reads slowly gets the newest. Raises
        JobNotFoundError.
        """
        with self._feed.listen(job_id) as changed:
            while True:
                changed.clear()
                job = await self.get(job_id)
                if job.revision > after:
                    after = job.revision
                    yield job
                if job.ended or self._leaving:
                    return
                await changed.wait()

    def release(self) -> None:
        """Sends all home who wait for changes. What runs goes on until the end of the `with`."""
        self._leaving = True
        self._feed.tell_all()

    async def require_room(self) -> None:
        """Raises BusyError if `submit` would, so that nothing is taken in for a job that has no place."""
        await asyncio.to_thread(self._database.require_room, self._settings.max_waiting_jobs)

    async def cancel(self, job_id: str) -> Job:
        """Ends a job for good and returns it once its work has stopped. Raises JobNotFoundError or JobEndedError."""
        job = await self.get(job_id)
        if not await asyncio.to_thread(self._database.cancel, job_id):
            job = await self.get(job_id)
            raise JobEndedError(f"the job has ended already: {job.state}")
        self._feed.tell(job_id)
        await self._runner.stop(job_id)
        await asyncio.to_thread(self._folders.remove, job_id)
        return await self.get(job_id)

    async def _is_known(self, job_id: str) -> bool:
        try:
            await self.get(job_id)
        except JobNotFoundError:
            return False
        return True

    def _open(self) -> None:
        self._folders = Folders(self._settings.jobs)
        try:
            self._database = Database(self._settings.jobs / "jobs.sqlite")
        except BaseException:
            self._folders.close()
            raise
        try:
            self._recover()
        except BaseException:
            self._database.close()
            self._folders.close()
            raise

    def _recover(self) -> None:
        """Before anything is noted what nobody needs makes room for it: the disk may be full of that."""
        self._folders.sweep(self._database.with_files())
        self._database.recover([kind.name for kind in self._kinds.values() if kind.resumes], MOST_ATTEMPTS)
        self._folders.sweep(self._database.with_files())

    async def _forget(self) -> None:
        """Removes ended jobs with their files when their time has come."""
        retention_s = self._settings.job_retention_seconds
        while True:
            try:
                for job_id in await asyncio.to_thread(self._database.expire, time.time() - retention_s):
                    await asyncio.to_thread(self._folders.remove, job_id)
                    self._feed.tell(job_id)
            except JobsUnavailableError as error:
                log.warning("old jobs cannot be removed", private=error.private)
            await asyncio.sleep(min(LONGEST_REST_S, retention_s / 4))
