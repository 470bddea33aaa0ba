"""The gateway as it runs in production, `python -m gateway`, and a host of pictures that it may fetch from."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from serving.session import free_ports

ROOT = Path(__file__).parents[2]
# A machine busy with other tests may be slow; how slow is not what these tests are about.
PATIENT = {
    "GATEWAY_CANARY_INTERVAL_SECONDS": "0.3",
    "GATEWAY_CANARY_TIMEOUT_SECONDS": "60",
    "GATEWAY_QUEUE_TIMEOUT_SECONDS": "60",
    "GATEWAY_INFERENCE_TIMEOUT_SECONDS": "60",
}


@contextmanager
def gateway(variables: dict[str, str]) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    """A gateway process on a free port; its client is ready when the gateway listens."""
    (port,) = free_ports(1)
    environment = {**os.environ, "GATEWAY_PORT": str(port), **PATIENT, **variables}
    command = [sys.executable, "-m", "gateway"]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        try:
            wait_until(lambda: listens(port) or process.poll() is not None)
            yield client, process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def state(client: httpx.Client, pipeline: str) -> dict[str, Any]:
    """What the gateway's health says of a pipeline; nothing of one that it does not know."""
    pipelines = client.get("/health").json()["pipelines"]
    return next((one for one in pipelines if one["pipeline"] == pipeline), {})


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)


@contextmanager
def pictures_served(content: Callable[[str], bytes | None]) -> Iterator[str]:
    """The address of a host that answers each path with its content, 404 where it is None."""

    class Pictures(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = content(self.path.partition("?")[0])
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), Pictures) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
