"""What a launcher leaves on the machine, for tests that stop or kill it."""

import time
from collections.abc import Callable

import psutil

from serving import shared_memory
from serving.session import Session


def regions(session: Session) -> list[str]:
    return [path.name for path in shared_memory.HOME.glob(f"darkroom-*-{session.launcher_pid}-*")]


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def wait_until(condition: Callable[[], bool], timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
