import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from gateway import errors
from gateway.jobs.database import Database
from gateway.jobs.job import Failure, Job, Progress, Result, State
from gateway.jobs.run import Kind, Run
from gateway.jobs.service import Jobs
from gateway.video.reader import open_video
from tests.gateway.clips import LIMITS, Clip, number_in, numbered
from tests.gateway.job_process import kind, settings

ROOT = Path(__file__).parents[2]
COUNT = 60


def kill_in_the_middle(folder: Path, *, resumes: bool) -> None:
    """Runs the process until its job has written some frames."""
    command = [sys.executable, "-m", "tests.gateway.job_process", str(folder), str(resumes), "0.05"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            state, done = line.split()
            if state == "running" and int(done) >= 5:
                break
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


async def outcome(folder: Path, *kinds: Kind) -> Job:
    async with Jobs(settings(folder), kinds) as jobs, asyncio.timeout(60):
        seen = [job async for job in jobs.changes((folder / "job").read_text())]
    return seen[-1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Clip(sound="aac").write(tmp_path / "source.mp4", [numbered(number) for number in range(COUNT)])
    return tmp_path


async def test_a_job_of_a_killed_process_is_done_by_the_next(folder: Path) -> None:
    kill_in_the_middle(folder, resumes=True)
    files = folder / "jobs" / "files" / (folder / "job").read_text()
    assert {path.name for path in files.iterdir()} == {"source.mp4", ".result.mp4.part"}
    job = await outcome(folder, kind(0, resumes=True))
    assert (job.state, job.attempts, job.progress.done) == (State.DONE, 2, COUNT)
    assert [path.name for path in files.iterdir()] == ["result.mp4"]
    with open_video(files / "result.mp4", LIMITS) as video:
        assert [number_in(frame.pixels) for frame in video.frames()] == list(range(COUNT))


async def test_a_job_that_does_not_resume_has_failed_after_a_kill(folder: Path) -> None:
    kill_in_the_middle(folder, resumes=False)
    job = await outcome(folder, kind(0, resumes=False))
    assert (job.state, job.failure) == (State.FAILED, Failure("interrupted", "the gateway ended while the job ran"))
    assert list((folder / "jobs" / "files").iterdir()) == []


async def test_a_job_that_always_kills_is_given_up(folder: Path) -> None:
    for _ in range(3):
        kill_in_the_middle(folder, resumes=True)
    job = await outcome(folder, kind(0, resumes=True))
    assert (job.state, job.attempts) == (State.FAILED, 3)


@pytest.mark.parametrize("resumes", [True, False])
async def test_a_stop_gives_a_job_back_without_counting_it(tmp_path: Path, resumes: bool) -> None:  # noqa: FBT001
    started = asyncio.Event()

    async def waits(run: Run) -> Sequence[Result]:
        (run.folder / "half").write_text("done so far")
        run.progress(3, 4)
        started.set()
        await asyncio.Event().wait()
        return []

    async def goes_on(run: Run) -> Sequence[Result]:
        assert (run.folder / "half").read_text() == "done so far"
        return [Result("half", "text/plain")]

    async with Jobs(settings(tmp_path), [Kind("work", waits, resumes)]) as jobs:
        async with jobs.draft() as draft:
            (tmp_path / "job").write_text((await jobs.submit(draft, "work", {})).id)
        await started.wait()
    job = await outcome(tmp_path, Kind("work", goes_on, resumes))
    if resumes:
        assert (job.state, job.attempts) == (State.DONE, 1)
    else:
        assert (job.state, job.failure) == (
            State.FAILED,
            Failure("interrupted", "the gateway was stopped while the job ran"),
        )
        assert list((tmp_path / "jobs" / "files").iterdir()) == []


async def test_waiting_jobs_outlive_a_restart_in_their_order(tmp_path: Path) -> None:
    order = list[object]()

    async def waits(_: Run) -> Sequence[Result]:
        await asyncio.Event().wait()
        return []

    async def notes(run: Run) -> Sequence[Result]:
        order.append(run.job.options["number"])
        return []

    async with Jobs(settings(tmp_path), [Kind("work", waits)]) as jobs:
        for number in range(5):
            async with jobs.draft() as draft:
                (tmp_path / "job").write_text((await jobs.submit(draft, "work", {"number": number})).id)
    await outcome(tmp_path, Kind("work", notes))
    assert order == [0, 1, 2, 3, 4]


async def test_a_job_whose_kind_is_gone_fails(tmp_path: Path) -> None:
    async def nothing(_: Run) -> Sequence[Result]:
        return []

    with closing(Database(settings_folder(tmp_path) / "jobs.sqlite")) as database:
        (tmp_path / "job").write_text(database.add("a", "past", {}, 9).id)
    job = await outcome(tmp_path, Kind("work", nothing))
    assert job.failure == Failure("invalid_option", "there is no job 'past' any more")


async def test_two_gateways_do_not_share_a_folder(tmp_path: Path) -> None:
    async with Jobs(settings(tmp_path), []):
        with pytest.raises(errors.JobsUnavailableError, match="another gateway"):
            async with Jobs(settings(tmp_path), []):
                pass
    async with Jobs(settings(tmp_path), []):
        pass


async def test_files_of_no_job_are_swept_at_the_start(tmp_path: Path) -> None:
    files = settings_folder(tmp_path) / "files"
    (files / "orphan").mkdir(parents=True)
    (files / "a").mkdir()
    for name in ("source", "result"):
        (files / "a" / name).touch()
    with closing(Database(tmp_path / "jobs" / "jobs.sqlite")) as database:
        database.add("a", "work", {}, 9)
        database.claim()
        database.complete("a", Progress(1), [Result("result", "text/plain")])
    async with Jobs(settings(tmp_path), []):
        assert list(files.rglob("*")) == [files / "a", files / "a" / "result"], "it was killed before it tidied up"


def of_text(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to be looked at" * 40)


def of_another_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def broken_inside(path: Path) -> None:
    with closing(Database(path)) as database:
        for number in range(60):
            database.add(str(number), "work", {"text": "x" * 200}, 99)
    data = bytearray(path.read_bytes())
    data[4096 + 8 : 2 * 4096] = bytes(range(256)) * 15 + bytes(248)
    path.write_bytes(data)


def cut_off(path: Path) -> None:
    broken_inside(path)
    os.truncate(path, 2 * 4096)


@pytest.mark.parametrize(
    ("make", "said"),
    [(of_text, "damaged"), (of_another_version, "version 99"), (broken_inside, "damaged"), (cut_off, "damaged")],
)
async def test_a_database_that_cannot_be_used_is_told(tmp_path: Path, make: Callable[[Path], None], said: str) -> None:
    make(settings_folder(tmp_path) / "jobs.sqlite")
    before = (tmp_path / "jobs" / "jobs.sqlite").read_bytes()
    with pytest.raises(errors.JobsUnavailableError, match=said) as caught:
        async with Jobs(settings(tmp_path), []):
            pass
    assert str(tmp_path) not in caught.value.public
    assert f"{tmp_path}/jobs/jobs.sqlite" in caught.value.private
    assert (tmp_path / "jobs" / "jobs.sqlite").read_bytes() == before, "whoever mends it finds it as it was"


def settings_folder(folder: Path) -> Path:
    path = settings(folder).jobs
    path.mkdir(exist_ok=True)
    return path


def test_the_database_keeps_to_the_states(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "jobs.sqlite")) as database:
        assert database.claim() is None
        database.add("a", "work", {"deep": {"list": [1, None, "ü"]}}, 9)
        assert not database.report("a", Progress(1))
        assert not database.complete("a", Progress(1), [])
        claimed = database.claim()
        assert claimed is not None
        assert (claimed.id, claimed.state, claimed.options) == ("a", State.RUNNING, {"deep": {"list": [1, None, "ü"]}})
        assert database.claim() is None
        assert database.report("a", Progress(1, 2, {"x": 0.5}))
        assert database.get("a").progress == Progress(1, 2, {"x": 0.5})
        assert database.cancel("a")
        assert not database.report("a", Progress(2))
        assert not database.complete("a", Progress(2), [])
        assert not database.fail("a", Failure("x", "y"))
        assert not database.give_back("a")
        assert not database.cancel("a")
        assert database.expire(0) == []
        assert database.expire(2**40) == ["a"]
        assert database.with_files() == {}
        with pytest.raises(TypeError):
            database.add("b", "work", {"set": {1}}, 9)
        assert database.with_files() == {}
