import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from gateway import errors
from gateway.jobs.job import Failure, Job, Result, State
from gateway.jobs.run import Kind, Run, Work
from gateway.jobs.service import Jobs
from gateway.settings import Settings


def settings(folder: Path, **more: object) -> Settings:
    return Settings.model_validate({"jobs": folder / "jobs", "job_progress_interval_seconds": 0.01, **more})


@asynccontextmanager
async def working(folder: Path, *kinds: Kind, **more: object) -> AsyncIterator[Jobs]:
    async with Jobs(settings(folder, **more), kinds) as jobs:
        yield jobs


async def submit(jobs: Jobs, kind: str = "work", **options: object) -> Job:
    async with jobs.draft() as draft:
        (draft.folder / "source").write_text("what was uploaded")
        return await jobs.submit(draft, kind, options)


async def ended(jobs: Jobs, job: Job) -> Job:
    async with asyncio.timeout(20):
        seen = [now async for now in jobs.changes(job.id)]
    return seen[-1]


def kind(work: Work, *, resumes: bool = True) -> Kind:
    return Kind("work", work, resumes)


async def writes(run: Run) -> Sequence[Result]:
    run.progress(1, 2)
    (run.folder / "out.txt").write_text(f"{(run.folder / 'source').read_text()}, {run.job.options['name']}")
    (run.folder / "scratch").mkdir()
    run.progress(2, 2, {"skipped": 3})
    return [Result("out.txt", "text/plain")]


def waits(started: asyncio.Event, *, until: asyncio.Event | None = None) -> Work:
    async def work(run: Run) -> Sequence[Result]:
        run.progress(1)
        started.set()
        await (until or asyncio.Event()).wait()
        return []

    return work


async def test_a_job_goes_from_queued_to_done_and_keeps_its_results(tmp_path: Path) -> None:
    async with working(tmp_path, kind(writes)) as jobs:
        job = await submit(jobs, name="Anna")
        assert (job.state, job.kind, job.options, job.attempts) == (State.QUEUED, "work", {"name": "Anna"}, 0)
        done = await ended(jobs, job)
        assert (done.state, done.attempts, done.failure) == (State.DONE, 1, None)
        assert (done.progress.done, done.progress.total, done.progress.counts) == (2, 2, {"skipped": 3})
        assert done.results == (Result("out.txt", "text/plain", 23),)
        path = await jobs.result(job.id, "out.txt")
        assert path.read_text() == "what was uploaded, Anna"
        assert [entry.name for entry in path.parent.iterdir()] == ["out.txt"]
        assert done.created_at <= (done.started_at or 0) <= (done.ended_at or 0) <= time.time()


@pytest.mark.parametrize("name", ["none.txt", "source", "../../jobs.sqlite", "", "."])
async def test_only_results_are_given_out(tmp_path: Path, name: str) -> None:
    async with working(tmp_path, kind(writes)) as jobs:
        job = await ended(jobs, await submit(jobs, name="Anna"))
        with pytest.raises(errors.ResultNotFoundError):
            await jobs.result(job.id, name)


async def test_so_many_run_at_once_and_the_others_wait_their_turn(tmp_path: Path) -> None:
    running, most, order, crowded = 0, 0, list[int](), asyncio.Event()

    async def work(run: Run) -> Sequence[Result]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        order.append(cast("int", run.job.options["number"]))
        if running == 3:
            crowded.set()
        await crowded.wait()
        await asyncio.sleep(0.02)
        running -= 1
        return []

    async with working(tmp_path, kind(work), max_jobs=3) as jobs:
        submitted = [await submit(jobs, number=number) for number in range(12)]
        assert {(await ended(jobs, job)).state for job in submitted} == {State.DONE}
    assert most == 3
    assert sorted(order) == list(range(12))
    assert all(abs(number - place) < 3 for place, number in enumerate(order))


async def test_more_may_not_wait(tmp_path: Path) -> None:
    started = asyncio.Event()
    async with working(tmp_path, kind(waits(started)), max_waiting_jobs=2) as jobs:
        await submit(jobs)
        await started.wait()
        await submit(jobs)
        await submit(jobs)
        with pytest.raises(errors.BusyError, match="2 jobs are waiting already"):
            await submit(jobs)
        assert len(list((tmp_path / "jobs" / "files").iterdir())) == 3


async def test_unknown_kinds_and_jobs_are_told(tmp_path: Path) -> None:
    async with working(tmp_path, kind(writes)) as jobs:
        with pytest.raises(errors.InvalidOptionError, match="no job 'play'; there are: work"):
            await submit(jobs, "play")
        for call in (jobs.get, jobs.cancel):
            with pytest.raises(errors.JobNotFoundError):
                await call("none")
        assert list((tmp_path / "jobs" / "files").iterdir()) == []


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (errors.VideoTooLongError("too long", private="secret"), Failure("video_too_long", "too long")),
        (ZeroDivisionError("secret"), Failure("internal_error", "something went wrong inside the gateway")),
        (asyncio.CancelledError(), Failure("internal_error", "something went wrong inside the gateway")),
    ],
)
async def test_a_failure_is_told_as_an_answer_would_tell_it(
    tmp_path: Path, error: BaseException, failure: Failure
) -> None:
    async def work(run: Run) -> Sequence[Result]:
        run.progress(7, 9)
        raise error

    async with working(tmp_path, kind(work), Kind("other", writes)) as jobs:
        job = await ended(jobs, await submit(jobs))
        assert (job.state, job.failure) == (State.FAILED, failure)
        assert list((tmp_path / "jobs" / "files").iterdir()) == []
        assert (await ended(jobs, await submit(jobs, "other", name="x"))).state is State.DONE


@pytest.mark.parametrize("name", ["none.txt", "../source", "/etc/hostname", ""])
async def test_a_result_that_is_no_file_of_the_job_fails_it(tmp_path: Path, name: str) -> None:
    async def work(_: Run) -> Sequence[Result]:
        return [Result(name, "text/plain")]

    async with working(tmp_path, kind(work)) as jobs:
        assert (await ended(jobs, await submit(jobs))).state is State.FAILED


async def cancels_in_a_coroutine(run: Run) -> Sequence[Result]:
    run.progress(1)
    await asyncio.sleep(60)
    return []


async def cancels_in_a_thread(run: Run) -> Sequence[Result]:
    def block() -> None:
        for number in range(6000):
            run.progress(number)
            (run.folder / "scratch").write_text(str(number))
            time.sleep(0.01)

    await run.in_thread(block)
    return []


@pytest.mark.parametrize("work", [cancels_in_a_coroutine, cancels_in_a_thread])
async def test_a_running_job_is_cancelled_and_leaves_nothing(tmp_path: Path, work: Work) -> None:
    async with working(tmp_path, kind(work)) as jobs:
        job = await submit(jobs)
        async for now in jobs.changes(job.id):
            if now.state is State.RUNNING:
                break
        cancelled = await jobs.cancel(job.id)
        assert (cancelled.state, cancelled.failure) == (State.CANCELLED, None)
        assert list((tmp_path / "jobs" / "files").iterdir()) == []
        assert [thread for thread in threading.enumerate() if job.id in thread.name] == []
        with pytest.raises(errors.JobEndedError, match="cancelled"):
            await jobs.cancel(job.id)
        assert (await jobs.get(job.id)).revision == cancelled.revision


async def test_a_waiting_job_is_cancelled_before_it_runs(tmp_path: Path) -> None:
    started, until, ran = asyncio.Event(), asyncio.Event(), list[str]()

    async def work(run: Run) -> Sequence[Result]:
        ran.append(run.job.id)
        return await waits(started, until=until)(run)

    async with working(tmp_path, kind(work)) as jobs:
        first, second = await submit(jobs), await submit(jobs)
        await started.wait()
        assert (await jobs.cancel(second.id)).state is State.CANCELLED
        until.set()
        assert (await ended(jobs, first)).state is State.DONE
    assert ran == [first.id]


@pytest.mark.parametrize("pause", [0, 0.001, 0.003, 0.01])
async def test_a_cancel_wins_at_any_moment(tmp_path: Path, pause: float) -> None:
    async def work(run: Run) -> Sequence[Result]:
        await asyncio.sleep(0.002)
        return await writes(run)

    async with working(tmp_path, kind(work), max_jobs=4) as jobs:
        submitted = [await submit(jobs, name="x") for _ in range(8)]
        await asyncio.sleep(pause)
        states = set()
        for job in submitted:
            try:
                states.add((await jobs.cancel(job.id)).state)
            except errors.JobEndedError:  # noqa: PERF203 - the other way that it may go
                states.add((await jobs.get(job.id)).state)
        left = {path.name for path in (tmp_path / "jobs" / "files").iterdir()}
        done = {job.id for job in submitted if (await jobs.get(job.id)).state is State.DONE}
    assert states <= {State.CANCELLED, State.DONE}
    assert left == done


async def test_changes_come_at_most_so_often_and_end_with_the_job(tmp_path: Path) -> None:
    def block(run: Run) -> Callable[[], None]:
        def count() -> None:
            for number in range(500):
                run.progress(number + 1, 500)
                time.sleep(0.002)

        return count

    async def work(run: Run) -> Sequence[Result]:
        await run.in_thread(block(run))
        return []

    async with working(tmp_path, kind(work), job_progress_interval_seconds=0.25) as jobs:
        begun = time.monotonic()
        seen = [now async for now in jobs.changes((await submit(jobs)).id)]
        lasted = time.monotonic() - begun
    assert len(seen) <= lasted / 0.25 + 4
    assert len(seen) >= 4
    assert [now.progress.done for now in seen] == sorted(now.progress.done for now in seen)
    assert [now.revision for now in seen] == sorted({now.revision for now in seen})
    assert (seen[-1].state, seen[-1].progress.done, seen[-1].progress.total) == (State.DONE, 500, 500)


async def test_a_listener_goes_on_where_it_was_and_a_slow_one_gets_the_newest(tmp_path: Path) -> None:
    async with working(tmp_path, kind(writes)) as jobs:
        done = await ended(jobs, await submit(jobs, name="Anna"))
        assert [now async for now in jobs.changes(done.id)] == [done]
        assert [now async for now in jobs.changes(done.id, after=done.revision - 1)] == [done]
        assert [now async for now in jobs.changes(done.id, after=done.revision)] == []


async def test_many_listeners_hear_the_end_and_none_is_forgotten(tmp_path: Path) -> None:
    started, until = asyncio.Event(), asyncio.Event()
    async with working(tmp_path, kind(waits(started, until=until))) as jobs:
        job = await submit(jobs)
        listeners: list[Awaitable[Job]] = [asyncio.create_task(ended(jobs, job)) for _ in range(50)]
        await started.wait()
        until.set()
        assert {now.state for now in await asyncio.gather(*listeners)} == {State.DONE}
        assert jobs._feed._listeners == {}


async def test_what_ended_is_kept_for_its_time(tmp_path: Path) -> None:
    started = asyncio.Event()
    works = (kind(writes), Kind("long", waits(started)))
    async with working(tmp_path, *works, job_retention_seconds=0.3, max_jobs=2) as jobs:
        long = await submit(jobs, "long")
        done = await ended(jobs, await submit(jobs, name="Anna"))
        assert (await jobs.result(done.id, "out.txt")).is_file()
        await asyncio.sleep(0.6)
        with pytest.raises(errors.JobNotFoundError, match="kept for a while"):
            await jobs.get(done.id)
        assert [path.name for path in (tmp_path / "jobs" / "files").iterdir()] == [long.id]


async def test_a_draft_that_is_not_submitted_is_gone(tmp_path: Path) -> None:
    async with working(tmp_path, kind(writes)) as jobs:
        with pytest.raises(ConnectionError):  # noqa: PT012 - the error comes from within
            async with jobs.draft() as draft:
                (draft.folder / "half").write_text("an upload that")
                raise ConnectionError
        assert list((tmp_path / "jobs" / "files").iterdir()) == []
