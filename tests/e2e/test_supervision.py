"""The supervisor against real servers that are killed, hung and broken."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest
from tritonclient.grpc import InferInput
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from serving import canary
from serving.session import Session, free_ports
from tests.e2e.conftest import CONTROL_KEY
from tests.e2e.processes import is_gone, regions, wait_until
from tests.e2e.small_repository import echo, write_pipeline, write_step

pytestmark = pytest.mark.e2e

Supervised = Callable[[Mapping[str, str]], Session]


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


def has_gpu() -> bool:
    return any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/dxg"))


async def test_killing_a_stub_under_load_leaves_no_request_without_an_answer_and_the_service_returns(
    pipe: dict[str, str], supervised: Supervised
) -> None:
    session = supervised(pipe)
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
    pipe: dict[str, str], supervised: Supervised
) -> None:
    session = supervised(pipe)
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
    pipe: dict[str, str], supervised: Supervised
) -> None:
    session = supervised(pipe | {"SERVING_CANARY_TIMEOUT_SECONDS": "0.5"})
    for pid in session.stubs():
        os.kill(pid, signal.SIGSTOP)
    lost = await asyncio.to_thread(session.wait_for, "server lost")
    assert "pipe: " in lost
    await asyncio.to_thread(session.wait_for, "server back")
    assert await infer(session.grpc_url) == ["ok"]


async def test_one_broken_model_does_not_keep_the_others_down(
    pipe: dict[str, str], supervised: Supervised, tmp_path: Path
) -> None:
    write_step(tmp_path, "broken", "import a_module_that_is_not_there")
    write_pipeline(tmp_path, "broken_pipe", "broken")
    write_step(tmp_path, "for_a_gpu", echo())
    config = tmp_path / "for_a_gpu" / "config.pbtxt"
    config.write_text(config.read_text().replace("KIND_CPU", "KIND_GPU"))
    write_step(tmp_path, "unreadable", echo())
    (tmp_path / "unreadable" / "config.pbtxt").write_text('name: "unreadable" bakend: "python"')
    session = supervised(pipe)
    assert await infer(session.grpc_url) == ["ok"]
    assert "No module named 'a_module_that_is_not_there'" in session.wait_for("broken  ")
    assert "needs broken: " in session.wait_for("broken_pipe")
    assert has_gpu() or f"make it: write kind: KIND_AUTO in {config}" in session.output
    assert 'no field named "bakend"' in session.wait_for("unreadable")


async def test_what_fails_to_load_at_a_restart_is_told_and_comes_back_when_it_can(
    pipe: dict[str, str], supervised: Supervised, tmp_path: Path
) -> None:
    trouble = tmp_path / "trouble"
    fails = f"import os\nif os.path.exists({str(trouble)!r}): raise MemoryError('no memory just now')\n"
    write_step(tmp_path, "other", fails + echo())
    write_pipeline(tmp_path, "other_pipe", "other")
    session = supervised(pipe | {"SERVING_BACKOFF_MAX_SECONDS": "0.5"})
    trouble.touch()
    os.kill(session.pid, signal.SIGKILL)
    await asyncio.to_thread(session.wait_for, "still fails to load")
    lost = [json.loads(line) for line in session.lines if '"model lost"' in line]
    assert [line["model"] for line in lost] == ["other", "other_pipe"]
    assert all("no memory just now" in line["reason"] for line in lost)
    missing = await health_check(session)
    assert (missing.returncode, "FAILED other_pipe" in missing.stdout) == (1, True), missing.stdout
    server = session.pid
    trouble.unlink()
    await asyncio.to_thread(session.wait_for, '"model back"')
    assert (await health_check(session)).returncode == 0
    assert (session.pid, await infer(session.grpc_url)) == (server, ["ok"]), "the other pipeline was not disturbed"
    seen = len(session.lines)
    os.kill(next(pid for pid, name in session.stubs().items() if name.startswith("other")), signal.SIGKILL)
    assert "the Python stub of other_0_" in await asyncio.to_thread(session.wait_for, "server lost", 30, seen)


async def health_check(session: Session) -> subprocess.CompletedProcess[str]:
    """What the container's health check runs, with the settings of the launcher."""
    command = [sys.executable, "-m", "serving.canary"]
    run = partial(subprocess.run, command, env=session.variables, capture_output=True, text=True, check=False)
    return await asyncio.to_thread(run)


async def test_without_its_newest_version_a_model_that_is_loaded_again_rolls_back(
    pipe: dict[str, str], supervised: Supervised, tmp_path: Path
) -> None:
    newest = tmp_path / "echo" / "2"
    shutil.copytree(tmp_path / "echo" / "1", newest)
    session = supervised(pipe)
    model, server = f"{session.http_url}/v2/models/echo", session.pid
    shutil.rmtree(newest)
    await asyncio.sleep(1)
    assert (await asyncio.to_thread(httpx.get, model)).json()["versions"] == ["2"]
    load = f"{session.http_url}/v2/repository/models/echo/load"
    answer = await asyncio.to_thread(httpx.post, load, headers={"darkroom-key": CONTROL_KEY}, timeout=60)
    assert answer.status_code == 200, answer.text
    await asyncio.to_thread(wait_until, lambda: httpx.get(model).json().get("versions") == ["1"])
    await asyncio.sleep(1)
    assert (session.pid, await infer(session.grpc_url)) == (server, ["ok"]), session.output


async def test_a_model_that_is_loaded_again_by_hand_is_no_dead_one(
    pipe: dict[str, str], supervised: Supervised
) -> None:
    session = supervised(pipe)
    server, stubs = session.pid, set(session.stubs())
    load = f"{session.http_url}/v2/repository/models/pipe/load"  # its step is loaded again with it
    answer = await asyncio.to_thread(httpx.post, load, headers={"darkroom-key": CONTROL_KEY}, timeout=60)
    assert answer.status_code == 200
    await asyncio.to_thread(wait_until, lambda: not stubs & set(session.stubs()))
    assert await infer(session.grpc_url, 5) == ["ok"] * 5
    await asyncio.sleep(1)
    assert session.pid == server, session.output


def test_the_canary_command_passes_on_a_good_server_and_fails_on_a_hung_one(
    pipe: dict[str, str], supervised: Supervised
) -> None:
    session = supervised(pipe)
    command = [sys.executable, "-m", "serving.canary", "--url", session.grpc_url, "--timeout", "1"]
    good = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout.split()[:2]) == (0, ["ok", "pipe"])
    os.kill(session.pid, signal.SIGSTOP)
    hung = subprocess.run([*command, "--pipeline", "pipe"], capture_output=True, text=True, check=False)
    os.kill(session.pid, signal.SIGCONT)
    assert (hung.returncode, hung.stdout.split()[:2]) == (1, ["FAILED", "pipe"])
    missing = subprocess.run([*command, "--pipeline", "nothing"], capture_output=True, text=True, check=False)
    assert (missing.returncode, "nothing" in missing.stdout) == (1, True)


def test_loading_a_model_over_the_network_needs_the_key(pipe: dict[str, str], supervised: Supervised) -> None:
    session = supervised(pipe | {"SERVING_CONTROL_KEY": "a secret"})
    load = f"{session.http_url}/v2/repository/models/echo/load"
    assert httpx.post(load).status_code == 403
    assert httpx.post(load, headers={"darkroom-key": "a secret"}).status_code == 200
    assert httpx.get(f"{session.http_url}/v2/health/ready").status_code == 200


def test_a_second_launcher_on_the_same_port_says_who_holds_it_and_how_to_move(
    pipe: dict[str, str], supervised: Supervised
) -> None:
    session = supervised(pipe)
    port = session.variables["SERVING_GRPC_PORT"]
    http, metrics = free_ports(2)
    variables = {**session.variables, "SERVING_HTTP_PORT": str(http), "SERVING_METRICS_PORT": str(metrics)}
    command = [sys.executable, "-m", "serving", "--no-gateway"]
    second = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert f"port {port} on 127.0.0.1 (SERVING_GRPC_PORT)" in second.stderr
    assert f"pid {session.pid}" in second.stderr
    assert "choose another port: SERVING_GRPC_PORT=" in second.stderr
