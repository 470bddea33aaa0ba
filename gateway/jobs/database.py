"""Jobs in SQLite. Every change is one transaction, on the disk before it returns; any thread may call."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import BusyError, JobNotFoundError, JobsUnavailableError
from gateway.jobs.job import INTERRUPTED, Failure, Job, Options, Progress, Result, State

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    options TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER,
    counts TEXT NOT NULL DEFAULT '{}',
    code TEXT,
    detail TEXT,
    results TEXT NOT NULL DEFAULT '[]',
    attempts INTEGER NOT NULL DEFAULT 0,
    revision INTEGER NOT NULL DEFAULT 1,
    created_at REAL NOT NULL,
    started_at REAL,
    ended_at REAL
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, number);
CREATE INDEX IF NOT EXISTS jobs_by_end ON jobs (ended_at) WHERE ended_at IS NOT NULL;
"""
BUSY_TIMEOUT_S = 5
RETRY_AFTER_S = 10
DAMAGED = "the jobs' database is damaged"
AGAIN = "state = 'queued', done = 0, counts = '{}', started_at = NULL, revision = revision + 1"
END = "state = ?, code = ?, detail = ?, ended_at = ?, revision = revision + 1"


class Database:
    """One open file. Raises JobsUnavailableError from anywhere when SQLite does."""

    def __init__(self, path: Path) -> None:
        """A damaged one is left as it was found."""
        self._path = path
        self._lock = threading.Lock()
        with self._translated():
            self._connection = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
        try:
            with self._translated():
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def add(self, job_id: str, kind: str, options: Options, most_waiting: int) -> Job:
        """A new job at the end of the queue. Raises BusyError if `most_waiting` wait already."""
        text = json.dumps(options)
        with self._transaction() as rows:
            _require_room(rows, most_waiting)
            row = rows.execute(
                "INSERT INTO jobs (id, kind, state, options, created_at) VALUES (?, ?, 'queued', ?, ?) RETURNING *",
                (job_id, kind, text, time.time()),
            ).fetchone()
        return _job(row)

    def require_room(self, most_waiting: int) -> None:
        """Raises BusyError if `most_waiting` wait already."""
        with self._transaction() as rows:
            _require_room(rows, most_waiting)

    def get(self, job_id: str) -> Job:
        """Raises JobNotFoundError."""
        with self._transaction() as rows:
            row = rows.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        if row is None:
            raise JobNotFoundError("there is no such job; an ended one is kept for a while only")
        return _job(row)

    def claim(self) -> Job | None:
        """The job that has waited longest, now running; None if none waits."""
        with self._transaction() as rows:
            row = rows.execute(
                "UPDATE jobs SET state = 'running', started_at = ?, attempts = attempts + 1, revision = revision + 1 "
                "WHERE number = (SELECT min(number) FROM jobs WHERE state = 'queued') RETURNING *",
                (time.time(),),
            ).fetchone()
        return None if row is None else _job(row)

    def report(self, job_id: str, progress: Progress) -> bool:
        """Whether the job is still running and its progress was noted."""
        return self._update(
            "done = ?, total = ?, counts = ?, revision = revision + 1", _columns(progress), job_id, (State.RUNNING,)
        )

    def complete(self, job_id: str, progress: Progress, results: Sequence[Result]) -> bool:
        """Whether a running job is done now."""
        listed = json.dumps([[result.name, result.media_type, result.size] for result in results])
        return self._update(
            f"done = ?, total = ?, counts = ?, results = ?, {END}",
            (*_columns(progress), listed, State.DONE, None, None, time.time()),
            job_id,
            (State.RUNNING,),
        )

    def fail(self, job_id: str, failure: Failure) -> bool:
        """Whether a job that had not ended has failed now."""
        values = (State.FAILED, failure.code, failure.detail, time.time())
        return self._update(END, values, job_id, (State.QUEUED, State.RUNNING))

    def cancel(self, job_id: str) -> bool:
        """Whether a job that had not ended is cancelled now."""
        return self._update(END, (State.CANCELLED, None, None, time.time()), job_id, (State.QUEUED, State.RUNNING))

    def give_back(self, job_id: str) -> bool:
        """Whether a running job waits again, as if this attempt had not been."""
        return self._update(f"{AGAIN}, attempts = attempts - 1", (), job_id, (State.RUNNING,))

    def recover(self, resumable: Sequence[str], most_attempts: int) -> None:
        """After a crash: what ran waits again if its kind is `resumable` and was begun less often; or it failed."""
        marks = ", ".join("?" * len(resumable))
        detail = "the gateway ended while the job ran"
        with self._transaction() as rows:
            rows.execute(
                f"UPDATE jobs SET {AGAIN} WHERE state = 'running' AND attempts < ? AND kind IN ({marks})",  # noqa: S608
                (most_attempts, *resumable),
            )
            rows.execute(
                f"UPDATE jobs SET {END} WHERE state = 'running'",  # noqa: S608 - both are constants
                (State.FAILED, INTERRUPTED, detail, time.time()),
            )

    def expire(self, before: float) -> list[str]:
        """Forgets the jobs that ended before that time. Returns their ids."""
        with self._transaction() as rows:
            found = rows.execute("DELETE FROM jobs WHERE ended_at < ? RETURNING id", (before,)).fetchall()
        return [row["id"] for row in found]

    def with_files(self) -> dict[str, Job]:
        """By their ids those whose files somebody needs: not those that failed or were cancelled."""
        with self._transaction() as rows:
            found = rows.execute("SELECT * FROM jobs WHERE state IN ('queued', 'running', 'done')")
            return {row["id"]: _job(row) for row in found}

    def _prepare(self) -> None:
        self._connection.row_factory = sqlite3.Row
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise self._unavailable(f"the jobs' database is of version {version}, newer than {SCHEMA_VERSION}")
        (found,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise self._unavailable(DAMAGED, found)
        # Its file stays and is written over: once a job is in, what becomes of it needs no more of a disk that is full.
        self._connection.execute("PRAGMA journal_mode = PERSIST")
        self._connection.execute("PRAGMA synchronous = FULL")
        if version < SCHEMA_VERSION:  # a full disk takes no write, and need not
            self._connection.executescript(f"{SCHEMA}; PRAGMA user_version = {SCHEMA_VERSION}")

    def _update(self, what: str, values: Sequence[object], job_id: str, states: Sequence[State]) -> bool:
        marks = ", ".join("?" * len(states))
        with self._transaction() as rows:
            changed = rows.execute(
                f"UPDATE jobs SET {what} WHERE id = ? AND state IN ({marks})",  # noqa: S608 - of constants above
                (*values, job_id, *states),
            )
            return changed.rowcount == 1

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite ends it itself where the disk is full
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise self._unavailable("the jobs' database cannot be used", repr(error)) from error
        except sqlite3.DatabaseError as error:  # what is in the file makes no sense
            raise self._unavailable(DAMAGED, repr(error)) from error

    def _unavailable(self, what: str, why: str = "") -> JobsUnavailableError:
        return JobsUnavailableError(what, private=f"{self._path}: {why}", retry_after_s=RETRY_AFTER_S)


def _require_room(rows: sqlite3.Connection, most_waiting: int) -> None:
    (waiting,) = rows.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone()
    if waiting >= most_waiting:
        raise BusyError(f"{waiting} jobs are waiting already", retry_after_s=RETRY_AFTER_S)


def _columns(progress: Progress) -> tuple[int, int | None, str]:
    return progress.done, progress.total, json.dumps(dict(progress.counts))


def _job(row: sqlite3.Row) -> Job:
    return Job(
        id=row["id"],
        kind=row["kind"],
        state=State(row["state"]),
        options=json.loads(row["options"]),
        progress=Progress(row["done"], row["total"], json.loads(row["counts"])),
        failure=Failure(row["code"], row["detail"]) if row["code"] is not None else None,
        results=tuple(Result(*listed) for listed in json.loads(row["results"])),
        attempts=row["attempts"],
        revision=row["revision"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )
