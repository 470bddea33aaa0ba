"""The way down: by signal, with requests under way, unread, and killed; nothing may be left behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import psutil
import pytest

from serving import shared_memory
from serving.foreground import READY
from serving.session import Session, free_ports
from tests.e2e.processes import is_gone, regions, wait_until
from tests.e2e.small_repository import write_pipeline

pytestmark = pytest.mark.e2e

Supervised = Callable[[Mapping[str, str]], Session]


def test_ctrl_c_stops_server_and_stubs_and_leaves_no_shared_memory(
    pipe: dict[str, str], supervised: Supervised
) -> None:
    session = supervised(pipe)
    pids = [session.pid, *session.stubs()]
    assert regions(session)
    assert session.stop(signal.SIGINT) == 0
    assert '"graceful": true' in session.wait_for("server stopped")
    assert all(is_gone(pid) for pid in pids)
    assert regions(session) == []


def test_a_signal_stops_the_gateway_first_and_then_the_server(
    pipe: dict[str, str], supervised: Supervised, tmp_path: Path
) -> None:
    store = tmp_path.with_name(f"{tmp_path.name}-store")
    gateway = {"SERVING_GATEWAY": "true", "GATEWAY_PORT": "0", "GATEWAY_STORE_URL": str(store)}
    session = supervised(pipe | gateway)
    url = session.wait_for("gateway  ").split()[1]
    assert httpx.get(f"{url}/health").json()["gateway"]
    assert session.stop(signal.SIGTERM) == 0
    order = [line for line in session.lines if "gateway stopped" in line or "server stopped" in line]
    assert ["gateway" in order[0], "server" in order[1]] == [True, True]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")


def test_an_upload_may_end_within_the_gateways_own_time_when_the_server_has_less(
    pipe: dict[str, str], supervised: Supervised, tmp_path: Path
) -> None:
    write_pipeline(tmp_path, "cutout_step", "echo")
    store = tmp_path.with_name(f"{tmp_path.name}-store")
    times = {"SERVING_EXIT_TIMEOUT_SECONDS": "0.5", "GATEWAY_SHUTDOWN_TIMEOUT_SECONDS": "20"}
    gateway = {"SERVING_GATEWAY": "true", "GATEWAY_PORT": "0", "GATEWAY_STORE_URL": str(store)}
    session = supervised(pipe | gateway | times)
    url = httpx.URL(session.wait_for("gateway  ").split()[1])
    head = "POST /api/v2/step/predict_upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
    with socket.create_connection((url.host, url.port)) as upload:
        upload.sendall(f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n".encode())
        time.sleep(1)
        os.kill(session.launcher_pid, signal.SIGTERM)
        session.wait_for("stopping")
        time.sleep(3)
        upload.sendall(b"too short")
        assert upload.recv(12).startswith(b"HTTP/1.1 4")
    assert session.wait() == 0
    assert '"graceful": true' in session.wait_for("gateway stopped")


def test_a_stop_is_orderly_even_when_nobody_reads_the_output_any_more(pipe: dict[str, str], tmp_path: Path) -> None:
    names = ("SERVING_HTTP_PORT", "SERVING_GRPC_PORT", "SERVING_METRICS_PORT", "GATEWAY_PORT")
    ports = dict(zip(names, map(str, free_ports(4)), strict=True))
    store = tmp_path.with_name(f"{tmp_path.name}-store")
    process = subprocess.Popen(
        [sys.executable, "-m", "serving"],
        env={**os.environ, **pipe, **ports, "GATEWAY_STORE_URL": str(store)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert any(READY in line for line in process.stdout)
        children = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        process.stdout.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    assert all(is_gone(pid) for pid in children)
    assert list(shared_memory.HOME.glob(f"darkroom-*-{process.pid}-*")) == []


def test_when_the_launcher_is_killed_nothing_lingers_and_the_next_start_cleans_up(
    pipe: dict[str, str], supervised: Supervised
) -> None:
    session = supervised(pipe)
    pids = [session.pid, *session.stubs()]
    os.kill(session.launcher_pid, signal.SIGKILL)
    session.wait()
    wait_until(lambda: all(is_gone(pid) for pid in pids))
    started = time.monotonic()
    supervised(pipe)
    assert time.monotonic() - started < 15, "a second start installs nothing"
    assert regions(session) == []
