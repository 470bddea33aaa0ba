import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
# With httpx's own pauses, 0.5 s and then twice as long each time, this waits for about a minute.
RETRIES = 7


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_program_runs_without_triton_logs_json_and_stops_on_a_signal(tmp_path: Path) -> None:
    port = free_port()
    variables = {"GATEWAY_PORT": str(port), "GATEWAY_TRITON_URL": "127.0.0.1:1", "GATEWAY_STORE_URL": str(tmp_path)}
    environment = {**os.environ, **variables, "GATEWAY_PROT": "1"}
    command = [sys.executable, "-m", "gateway"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        with httpx.Client(transport=httpx.HTTPTransport(retries=RETRIES)) as client:
            answer = client.get(f"http://127.0.0.1:{port}/health", headers={"X-Request-ID": "my-id"})
        process.send_signal(signal.SIGTERM)
        written, _ = process.communicate(timeout=30)
    assert (answer.status_code, answer.json()["triton"]) == (503, "down")
    assert process.returncode == -signal.SIGTERM
    lines = [json.loads(line) for line in written.splitlines()]
    assert all({"event", "level", "logger", "timestamp"} <= set(line) for line in lines)
    (access,) = [line for line in lines if line["event"] == "answered"]
    facts = {name: access[name] for name in ("request_id", "method", "route", "status")}
    assert facts == {"request_id": "my-id", "method": "GET", "route": "/health", "status": 503}
    assert [line["variable"] for line in lines if line["event"] == "no setting has this name"] == ["GATEWAY_PROT"]
