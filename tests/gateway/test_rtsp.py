"""A camera over RTSP, from a server that is killed in the middle and comes back."""

import importlib.util
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.video.camera import Camera
from gateway.video.shots import Shot
from tests.gateway.clips import LIMITS, Clip
from tests.gateway.viewers import shown

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("aio_rtsp_toolkit") is None, reason="aio-rtsp-toolkit is missing, which serves the camera"
)
SERVE = "import asyncio, sys, aio_rtsp_toolkit.server as s; asyncio.run(s.serve(*sys.argv[1:3], int(sys.argv[3])))"


@contextmanager
def camera_server(folder: Path, port: int) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(folder), "127.0.0.1", str(port)], stdout=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_a_camera_that_is_cut_off_is_opened_again(tmp_path: Path) -> None:
    Clip(options={"g": "10", "tune": "zerolatency"}).write(tmp_path / "shelf.mp4", [shown(60, 320, 240)] * 60)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stopped, states, shots = threading.Event(), list[str](), list[Shot]()
    camera = Camera(f"rtsp://127.0.0.1:{port}/shelf.mp4", LIMITS, 1, 5, 1)
    work = (shots.append, lambda state, _reason: states.append(state), stopped.wait)
    thread = threading.Thread(target=camera.play, args=work)
    try:
        with camera_server(tmp_path, port):
            thread.start()
            _until(lambda: len(shots) > 5)
        _until(lambda: "lost" in states)
        seen = len(shots)
        with camera_server(tmp_path, port):
            _until(lambda: len(shots) > seen + 5)
    finally:
        stopped.set()
        thread.join(30)
    assert not thread.is_alive()
    assert shots[-1].pixels().shape == (240, 320, 3)
    playing = [at for at, state in enumerate(states) if state == "playing"]
    assert len(playing) == 2
    assert "lost" in states[playing[0] : playing[1]]


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)
