"""A camera over RTSP, from a server that is killed in the middle and comes back, or falls silent and goes on."""

import asyncio
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from fastapi import FastAPI

from gateway.cli.batch import STOPPED
from gateway.settings import Settings
from gateway.video.camera import Camera
from gateway.video.shots import Shot
from tests.gateway.clips import LIMITS, Clip
from tests.gateway.films import lines
from tests.gateway.rtsp import LONGEST_S, camera_server, free_port, needs_rtsp
from tests.gateway.servers import listening
from tests.gateway.viewers import shown

pytestmark = needs_rtsp


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Clip(options={"g": "10", "tune": "zerolatency"}).write(tmp_path / "shelf.mp4", [shown(60, 320, 240)] * 60)
    return tmp_path


def test_a_camera_that_is_cut_off_is_opened_again(folder: Path) -> None:
    port = free_port()
    stopped, states, shots = threading.Event(), list[str](), list[Shot]()
    camera = Camera(f"rtsp://127.0.0.1:{port}/shelf.mp4", LIMITS, 1, 5, 1)
    work = (shots.append, lambda state, _reason: states.append(state), stopped.wait)
    thread = threading.Thread(target=camera.play, args=work)
    try:
        with camera_server(folder, port):
            thread.start()
            _until(lambda: len(shots) > 5)
        _until(lambda: "lost" in states)
        seen = len(shots)
        with camera_server(folder, port):
            _until(lambda: len(shots) > seen + 5)
    finally:
        stopped.set()
        thread.join(30)
    assert not thread.is_alive()
    assert shots[-1].pixels().shape == (240, 320, 3)
    playing = [at for at, state in enumerate(states) if state == "playing"]
    assert len(playing) == 2
    assert "lost" in states[playing[0] : playing[1]]


async def test_the_command_waits_for_a_camera_that_falls_silent_and_tells_how_often(
    app: FastAPI, settings: Settings, folder: Path
) -> None:
    """The connection stays open and no packet comes, which only a clock can tell from a slow camera."""
    rtsp, facts, told = free_port(), folder / "facts.jsonl", folder / "told.txt"
    Clip(tick=Fraction(1, 5), options={"g": "2", "tune": "zerolatency"}).write(
        folder / "slow.mp4", [shown(60, 320, 240)] * 300
    )

    def found() -> int:
        return len(lines(facts)) if facts.exists() else 0

    with camera_server(folder, rtsp) as camera, told.open("w") as words:
        async with listening(app, settings) as port, asyncio.timeout(3 * LONGEST_S):
            given = [f"rtsp://127.0.0.1:{rtsp}/slow.mp4", "--url", f"http://127.0.0.1:{port}", "--jsonl", str(facts)]
            command = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway.cli", "stream", *given),
                stderr=words,
                env={
                    **os.environ,
                    "GATEWAY_STREAM_SOURCE_TIMEOUT_SECONDS": "2",
                    "GATEWAY_STREAM_SOURCE_REST_SECONDS": "0.5",
                },
            )
            await _until_soon(lambda: found() > 5)
            camera.send_signal(signal.SIGSTOP)
            await _until_soon(lambda: "nothing came from the source for 2 s" in told.read_text())
            camera.send_signal(signal.SIGCONT)
            seen = found()
            await _until_soon(lambda: found() > seen + 5)
            command.send_signal(signal.SIGINT)
            assert await command.wait() == STOPPED
    heard = told.read_text().splitlines()
    assert heard.count("playing") >= 2
    assert re.fullmatch(r"\d+ frames, \d+ dropped, 0 failed, .*, source lost [1-9]\d* times?", heard[-1]), heard


async def _until_soon(done: Callable[[], bool]) -> None:
    while not done():  # noqa: ASYNC110 - another process has no event
        await asyncio.sleep(0.05)


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST_S
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)
