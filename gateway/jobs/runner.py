"""Places in which jobs run, one after the other, each to an end that is in the database."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

import structlog

from gateway import problems
from gateway.background import beside
from gateway.errors import GatewayError, InvalidOptionError, JobsUnavailableError
from gateway.jobs.database import Database
from gateway.jobs.feed import Feed
from gateway.jobs.folders import Folders
from gateway.jobs.job import INTERRUPTED, Failure, Job, State
from gateway.jobs.run import Kind, Run, StoppedError
from gateway.settings import Settings

Returned = TypeVar("Returned")
log = structlog.get_logger("gateway.jobs")

RETRY_S = 1.0
STOPPED = Failure(INTERRUPTED, "the gateway was stopped while the job ran")
UNFORESEEN = Failure("internal_error", "something went wrong inside the gateway")


class Runner:
    """`arrived` is to be set when a job waits."""

    def __init__(
        self, settings: Settings, kinds: Mapping[str, Kind], database: Database, folders: Folders, feed: Feed
    ) -> None:
        self.arrived = asyncio.Event()
        self._interval_s = settings.job_progress_interval_seconds
        self._kinds, self._database, self._folders, self._feed = kinds, database, folders, feed
        self._running: dict[str, tuple[Run, asyncio.Task[None]]] = {}

    async def serve(self) -> None:
        """One place. Cancelled, it first stops its job, which waits for the next start if its kind resumes."""
        while True:
            self.arrived.clear()
            job = await self._claimed()
            if job is None:
                await self.arrived.wait()
            else:
                await self._perform(job)

    async def stop(self, job_id: str) -> None:
        """Returns once the job's work, if it runs, has ended."""
        if job_id in self._running:
            run, work = self._running[job_id]
            await _end(run, work)

    async def _claimed(self) -> Job | None:
        claim = asyncio.ensure_future(self._surely(self._database.claim))
        try:
            return await asyncio.shield(claim)
        except asyncio.CancelledError:
            job = await claim
            if job is not None:
                await asyncio.to_thread(self._database.give_back, job.id)
            raise

    async def _perform(self, job: Job) -> None:
        run = Run(job, self._folders.of(job.id))
        work = asyncio.create_task(self._attempt(run), name=f"job {job.id}")
        self._running[job.id] = run, work
        self._feed.tell(job.id)
        try:
            async with beside(self._report(run), f"progress of job {job.id}"):
                await asyncio.wait([work])
            if not run.stopping and work.cancelled():
                log.error("job cancelled itself", job=job.id)
                await self._fail(job.id, UNFORESEEN)
        except asyncio.CancelledError:
            await _end(run, work)
            await self._interrupt(job)
            raise
        finally:
            del self._running[job.id]
            self._feed.tell(job.id)

    async def _attempt(self, run: Run) -> None:
        """The work, and what became of it."""
        job = run.job
        # Whoever cancels it from here on finds it among the running ones.
        if (await self._surely(self._database.get, job.id)).state is not State.RUNNING:
            return
        try:
            await self._succeed(run)
        except StoppedError:
            if not run.stopping:
                raise
        except GatewayError as error:
            log.info("job failed", job=job.id, detail=error.public, private=error.private or None)
            await self._fail(job.id, Failure(problems.TABLE[type(error)][1], error.public))
        except Exception as error:
            # Nobody waits for this work: what is not noted here is lost.
            log.exception("job failed", job=job.id, exc_info=error)
            await self._fail(job.id, UNFORESEEN)

    async def _succeed(self, run: Run) -> None:
        job = run.job
        kind = self._kinds.get(job.kind)
        if kind is None:
            raise InvalidOptionError(f"there is no job {job.kind!r} any more")
        await asyncio.to_thread(self._folders.make, job.id)
        results = await kind.work(run)
        measured = await asyncio.to_thread(self._folders.measured, job.id, results)
        # In this order: what a second attempt would need is removed when there will be none.
        if await self._surely(self._database.complete, job.id, run.latest, measured):
            await asyncio.to_thread(self._folders.keep, job.id, measured)

    async def _fail(self, job_id: str, failure: Failure) -> None:
        try:
            failed = await asyncio.to_thread(self._database.fail, job_id, failure)
        except JobsUnavailableError:
            # A disk that this job's files fill takes no note of its failure while they are there.
            await asyncio.to_thread(self._folders.remove, job_id)
            failed = await self._surely(self._database.fail, job_id, failure)
        if failed:
            await asyncio.to_thread(self._folders.remove, job_id)

    async def _interrupt(self, job: Job) -> None:
        kind = self._kinds.get(job.kind)
        try:
            if kind is not None and kind.resumes:
                await asyncio.to_thread(self._database.give_back, job.id)
            elif await asyncio.to_thread(self._database.fail, job.id, STOPPED):
                await asyncio.to_thread(self._folders.remove, job.id)
        except JobsUnavailableError as error:  # the next start finds it running, and knows what to do
            log.warning("an interrupted job could not be noted", job=job.id, private=error.private)

    async def _report(self, run: Run) -> None:
        told = run.latest
        while True:
            await asyncio.sleep(self._interval_s)
            if run.latest is told:
                continue
            told = run.latest
            if await self._surely(self._database.report, run.job.id, told):
                self._feed.tell(run.job.id)

    async def _surely(self, function: Callable[..., Returned], *args: object) -> Returned:
        """The database's answer, however long it takes to be able to give one."""
        while True:
            try:
                return await asyncio.to_thread(function, *args)
            except JobsUnavailableError as error:  # noqa: PERF203 - as often as it takes
                log.warning("the jobs' database cannot be used", private=error.private)
                await asyncio.sleep(RETRY_S)


async def _end(run: Run, work: asyncio.Task[None]) -> None:
    run.stop()
    work.cancel()
    await asyncio.wait([work])
