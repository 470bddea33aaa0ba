"""The supervisor against real servers that are killed, hung and broken."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from tritonclient.grpc import InferInput
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from serving import canary, shared_memory
from serving.session import Session, free_ports

pytestmark = pytest.mark.e2e

Supervised = Callable[[Mapping[str, str]], Session]

CONFIG = """
name: "{name}" backend: "python" max_batch_size: 4
input [ {{ name: "image" data_type: TYPE_STRING dims: [ 1 ] }} ]
output [ {{ name: "out" data_type: TYPE_STRING dims: [ 1 ] }} ]
instance_group [ {{ kind: KIND_CPU count: 2 }} ]
dynamic_batching {{ }}
"""
ENSEMBLE = """
name: "{name}" platform: "ensemble" max_batch_size: 4
input [ {{ name: "image" data_type: TYPE_STRING dims: [ 1 ] }} ]
output [ {{ name: "out" data_type: TYPE_STRING dims: [ 1 ] }} ]
ensemble_scheduling {{ step [ {{
  model_name: "{step}" model_version: -1
  input_map {{ key: "image" value: "image" }} output_map {{ key: "out" value: "out" }}
}} ] }}
"""
ECHO = """
import numpy
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        assert numpy.__version__.startswith("1.26"), numpy.__version__
        answers = [pb_utils.get_input_tensor_by_name(request, "image").as_numpy() for request in requests]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("out", answer)]) for answer in answers]
"""


def write_model(repository: Path, name: str, code: str) -> None:
    (repository / name / "1").mkdir(parents=True)
    (repository / name / "config.pbtxt").write_text(CONFIG.format(name=name))
    (repository / name / "1" / "model.py").write_text(code)


def write_ensemble(repository: Path, name: str, step: str) -> None:
    (repository / name / "1").mkdir(parents=True)
    (repository / name / "config.pbtxt").write_text(ENSEMBLE.format(name=name, step=step))


@pytest.fixture
def echo(tmp_path: Path) -> dict[str, str]:
    """Settings of a server with one pipeline, `pipe`, whose only step returns its input."""
    write_model(tmp_path, "echo", ECHO)
    write_ensemble(tmp_path, "pipe", "echo")
    return {"SERVING_MODEL_REPOSITORIES": str(tmp_path)}


async def infer(url: str, count: int = 1) -> list[str]:
    """Call `pipe` so many times, one after the other: "ok" or the error of each."""
    picture = InferInput("image", [1, 1], "BYTES")
    picture.set_data_from_numpy(np.array([[b"a picture"]], dtype=np.object_))
    async with canary.connect(url) as client:
        return [await answer_of(client, picture) for _ in range(count)]


async def answer_of(client: InferenceServerClient, picture: InferInput) -> str:
    try:
        answer = await client.infer("pipe", [picture], client_timeout=10)
    except InferenceServerException as error:
        await asyncio.sleep(0.02)
        return str(error)
    assert answer.as_numpy("out")[0, 0] == b"a picture"
    return "ok"


def regions(session: Session) -> list[str]:
    return [path.name for path in shared_memory.HOME.glob(f"darkroom-*-{session.launcher_pid}-*")]


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def wait_until(condition: Callable[[], bool], timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


async def test_killing_a_stub_under_load_leaves_no_request_without_an_answer_and_the_service_returns(
    echo: dict[str, str], supervised: Supervised
) -> None:
    session = supervised(echo)
    clients = [asyncio.create_task(infer(session.grpc_url, 150)) for _ in range(4)]
    await asyncio.sleep(0.1)
    before = session.pid
    os.kill(next(iter(session.stubs())), signal.SIGKILL)
    line = await asyncio.to_thread(session.wait_for, "server back")
    answers = [answer for client in clients for answer in await client]
    assert len(answers) == 600
    assert "the Python stub of echo_0_" in session.output
    assert answers.count("ok") > 10
    assert all(answer == "ok" or "StatusCode." in answer for answer in answers)
    assert json.loads(line)["down_seconds"] < 15
    assert session.pid != before
    assert await infer(session.grpc_url, 5) == ["ok"] * 5


async def test_killing_the_server_brings_it_back_without_its_dead_shared_memory(
    echo: dict[str, str], supervised: Supervised
) -> None:
    session = supervised(echo)
    stubs, old = list(session.stubs()), set(regions(session))
    os.kill(stubs[0], signal.SIGSTOP)  # so that it cannot notice that its server is gone
    os.kill(session.pid, signal.SIGKILL)
    await asyncio.to_thread(session.wait_for, "server back")
    assert "tritonserver was killed by SIGKILL" in session.output
    assert all(is_gone(pid) for pid in stubs)
    assert old
    assert not old & set(regions(session))
    assert await infer(session.grpc_url) == ["ok"]


async def test_a_hung_stub_is_found_by_the_canary_and_the_server_restarted(
    echo: dict[str, str], supervised: Supervised
) -> None:
    session = supervised(echo | {"SERVING_CANARY_TIMEOUT_SECONDS": "0.5"})
    for pid in session.stubs():
        os.kill(pid, signal.SIGSTOP)
    lost = await asyncio.to_thread(session.wait_for, "server lost")
    assert "pipe: " in lost
    await asyncio.to_thread(session.wait_for, "server back")
    assert await infer(session.grpc_url) == ["ok"]


async def test_one_broken_model_does_not_keep_the_others_down(
    echo: dict[str, str], supervised: Supervised, tmp_path: Path
) -> None:
    write_model(tmp_path, "broken", "import a_module_that_is_not_there")
    write_ensemble(tmp_path, "broken_pipe", "broken")
    write_model(tmp_path, "unreadable", ECHO)
    (tmp_path / "unreadable" / "config.pbtxt").write_text('name: "unreadable" bakend: "python"')
    session = supervised(echo)
    assert await infer(session.grpc_url) == ["ok"]
    assert "No module named 'a_module_that_is_not_there'" in session.wait_for("broken  ")
    assert "needs broken: " in session.wait_for("broken_pipe")
    assert 'no field named "bakend"' in session.wait_for("unreadable")


def test_ctrl_c_stops_server_and_stubs_and_leaves_no_shared_memory(
    echo: dict[str, str], supervised: Supervised
) -> None:
    session = supervised(echo)
    pids = [session.pid, *session.stubs()]
    assert regions(session)
    assert session.stop(signal.SIGINT) == 0
    assert '"graceful": true' in session.wait_for("server stopped")
    assert all(is_gone(pid) for pid in pids)
    assert regions(session) == []


def test_a_signal_stops_the_gateway_first_and_then_the_server(
    echo: dict[str, str], supervised: Supervised, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    store = tmp_path.with_name(f"{tmp_path.name}-store")
    gateway = {"SERVING_GATEWAY": "true", "GATEWAY_PORT": str(port), "GATEWAY_STORE_URL": str(store)}
    session = supervised(echo | gateway)
    assert httpx.get(f"http://127.0.0.1:{port}/health").json()["gateway"]
    assert f"http://127.0.0.1:{port}" in session.wait_for("gateway  ")
    assert session.stop(signal.SIGTERM) == 0
    order = [line for line in session.lines if "gateway stopped" in line or "server stopped" in line]
    assert ["gateway" in order[0], "server" in order[1]] == [True, True]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/health")


def test_when_the_launcher_is_killed_nothing_lingers_and_the_next_start_cleans_up(
    echo: dict[str, str], supervised: Supervised
) -> None:
    session = supervised(echo)
    pids = [session.pid, *session.stubs()]
    os.kill(session.launcher_pid, signal.SIGKILL)
    session.wait()
    wait_until(lambda: all(is_gone(pid) for pid in pids))
    started = time.monotonic()
    supervised(echo)
    assert time.monotonic() - started < 15, "a second start installs nothing"
    assert regions(session) == []


def test_the_canary_command_passes_on_a_good_server_and_fails_on_a_hung_one(
    echo: dict[str, str], supervised: Supervised
) -> None:
    session = supervised(echo)
    command = [sys.executable, "-m", "serving.canary", "--url", session.grpc_url, "--timeout", "1"]
    good = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout.split()[:2]) == (0, ["ok", "pipe"])
    os.kill(session.pid, signal.SIGSTOP)
    hung = subprocess.run([*command, "--pipeline", "pipe"], capture_output=True, text=True, check=False)
    os.kill(session.pid, signal.SIGCONT)
    assert (hung.returncode, hung.stdout.split()[:2]) == (1, ["FAILED", "pipe"])
    missing = subprocess.run([*command, "--pipeline", "nothing"], capture_output=True, text=True, check=False)
    assert (missing.returncode, "nothing" in missing.stdout) == (1, True)


def test_loading_a_model_over_the_network_needs_the_key(echo: dict[str, str], supervised: Supervised) -> None:
    session = supervised(echo | {"SERVING_CONTROL_KEY": "a secret"})
    load = f"{session.http_url}/v2/repository/models/echo/load"
    assert httpx.post(load).status_code == 403
    assert httpx.post(load, headers={"darkroom-key": "a secret"}).status_code == 200
    assert httpx.get(f"{session.http_url}/v2/health/ready").status_code == 200


def test_a_second_launcher_on_the_same_port_says_who_holds_it_and_how_to_move(
    echo: dict[str, str], supervised: Supervised
) -> None:
    session = supervised(echo)
    port = session.variables["SERVING_GRPC_PORT"]
    http, metrics = free_ports(2)
    variables = {**session.variables, "SERVING_HTTP_PORT": str(http), "SERVING_METRICS_PORT": str(metrics)}
    command = [sys.executable, "-m", "serving", "--no-gateway"]
    second = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert f"port {port} on 127.0.0.1 (SERVING_GRPC_PORT)" in second.stderr
    assert f"pid {session.pid}" in second.stderr
    assert "choose another port: SERVING_GRPC_PORT=" in second.stderr
