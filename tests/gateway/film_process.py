"""A gateway with a slow fake network, in a process of its own: `python -m tests.gateway.film_process FOLDER DELAY`.

Prints its port. FOLDER holds its jobs; DELAY are the seconds for each frame. Runs until it is told to stop.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from obstore.store import MemoryStore

from gateway.app import create_app
from gateway.logs import configure
from gateway.server import server_of
from gateway.settings import Settings
from tests.gateway.fakes import FakeFetcher, FakeInference

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Gateway:
    """One that runs, and answers. `folder` is that of its jobs."""

    url: str
    process: subprocess.Popen[str]
    folder: Path

    def files(self) -> set[str]:
        """What lies in the folders of its jobs."""
        return {path.name for path in (self.folder / "files").glob("*/*")}

    def peak_bytes(self) -> int:
        """The most memory that the process has held since it began."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))


@contextmanager
def gateway(
    folder: Path, delay_s: float = 0.0, variables: Mapping[str, str] | None = None, before: Sequence[str] = ()
) -> Iterator[Gateway]:
    """A process; `before` is what its command begins with. Killed at the end."""
    command = [*before, sys.executable, "-m", "tests.gateway.film_process", str(folder), str(delay_s)]
    environment = {**os.environ, **(variables or {})}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            port = next(line.split()[1] for line in process.stderr if line.startswith("port "))
            url = f"http://127.0.0.1:{port}"
            _await(url)
            yield Gateway(url, process, folder / "jobs")
        finally:
            process.kill()


def _await(url: str) -> None:
    """Until it listens and knows what is served."""
    for _ in range(500):
        try:
            if httpx.get(f"{url}/v1/models").json()["models"]:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    raise AssertionError("the gateway does not come up")


def main(folder: Path, delay_s: float) -> None:
    configure("info")
    settings = Settings(
        model_repository=folder,
        jobs=folder / "jobs",
        job_progress_interval_seconds=0.02,
        canary_interval_seconds=3600,
    )
    app = create_app(settings, FakeInference(delay_s=delay_s), MemoryStore(), FakeFetcher({}))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        sys.stderr.write(f"port {listener.getsockname()[1]}\n")
        sys.stderr.flush()
        server_of(app, settings).run([listener])


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
