"""A camera over RTSP: a process that serves the videos of a folder, to be stopped, or halted, under its viewers."""

import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SERVE = "import asyncio, sys, aio_rtsp_toolkit.server as s; asyncio.run(s.serve(*sys.argv[1:3], int(sys.argv[3])))"
LONGEST_S = 60.0

needs_rtsp = pytest.mark.skipif(
    importlib.util.find_spec("aio_rtsp_toolkit") is None, reason="aio-rtsp-toolkit is missing, which serves the camera"
)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def camera_server(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """It listens when the `with` begins."""
    command = [sys.executable, "-c", SERVE, str(folder), "127.0.0.1", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + LONGEST_S
        while not _listens(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
