"""The jobs' files: a folder for each job, and a lock so that one process uses them at a time."""

import fcntl
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from gateway.errors import JobsUnavailableError, ResultNotFoundError
from gateway.jobs.job import Job, Result, State


class Folders:
    """Raises JobsUnavailableError where the file system fails."""

    def __init__(self, root: Path) -> None:
        """Raises JobsUnavailableError if another process uses the folder."""
        self._files = root / "files"
        try:
            self._files.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JobsUnavailableError("the jobs' folder cannot be used", private=repr(error)) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise JobsUnavailableError("another gateway uses the jobs' folder", private=str(root)) from error

    def close(self) -> None:
        os.close(self._lock)

    def of(self, job_id: str) -> Path:
        return self._files / job_id

    def make(self, job_id: str) -> Path:
        folder = self.of(job_id)
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise JobsUnavailableError("the jobs' folder cannot be used", private=repr(error)) from error
        return folder

    def remove(self, job_id: str) -> None:
        shutil.rmtree(self.of(job_id), ignore_errors=True)

    def sweep(self, jobs: Mapping[str, Job]) -> None:
        """Removes the folders of all other jobs, and of those that are done what is no result."""
        for folder in self._files.iterdir():
            job = jobs.get(folder.name)
            if job is None:
                shutil.rmtree(folder, ignore_errors=True)
            elif job.state is State.DONE:
                with suppress(OSError):  # as above: what cannot be removed harms nobody
                    self.keep(job.id, job.results)

    def measured(self, job_id: str, results: Sequence[Result]) -> list[Result]:
        """The results with their sizes. Raises ValueError for one that is no file of the job's folder."""
        return [Result(item.name, item.media_type, self._size(job_id, item.name)) for item in results]

    def keep(self, job_id: str, results: Sequence[Result]) -> None:
        """Removes all but the results."""
        names = {result.name for result in results}
        for path in self.of(job_id).iterdir():
            if path.name not in names:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    def _size(self, job_id: str, name: str) -> int:
        path = self.of(job_id) / name
        if Path(name).name != name or path.is_symlink() or not path.is_file():
            raise ValueError(f"a job's result is no file of its folder: {name!r}")
        return path.stat().st_size

    def result(self, job_id: str, results: Sequence[Result], name: str) -> Path:
        """Raises ResultNotFoundError."""
        path = self.of(job_id) / name
        if all(result.name != name for result in results) or not path.is_file():
            raise ResultNotFoundError("there is no such result")
        return path
