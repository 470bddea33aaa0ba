"""A launcher in a child process on free ports, for tests and measurements: the real thing, up within a `with`."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from types import MappingProxyType

import psutil

from serving.errors import StartError
from serving.foreground import READY
from serving.settings import ROOT

__all__ = ["Session", "free_ports", "running"]

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Session:
    """One `python -m serving`; its URLs, its processes, and every line that it wrote."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        http, grpc, metrics = free_ports(3)
        ports = {"SERVING_HTTP_PORT": http, "SERVING_GRPC_PORT": grpc, "SERVING_METRICS_PORT": metrics}
        defaults = {name: str(port) for name, port in ports.items()} | {"SERVING_GATEWAY": "false"}
        self.variables = {**os.environ, **defaults, **variables, "PYTHONUNBUFFERED": "1"}
        host = self.variables.get("SERVING_HOST", "127.0.0.1")
        self.http_url = f"http://{host}:{self.variables['SERVING_HTTP_PORT']}"
        self.grpc_url = f"{host}:{self.variables['SERVING_GRPC_PORT']}"
        self.metrics_url = f"http://{host}:{self.variables['SERVING_METRICS_PORT']}/metrics"
        self.lines: list[str] = []
        self._ended = False
        self._news = threading.Condition()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "serving"],
            cwd=ROOT,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def launcher_pid(self) -> int:
        """The launcher's own process."""
        return self._process.pid

    @property
    def pid(self) -> int:
        """Process of tritonserver; LookupError while there is none."""
        for child in psutil.Process(self._process.pid).children():
            if child.name() == "tritonserver":
                return int(child.pid)
        raise LookupError("tritonserver is not running")

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def stubs(self) -> dict[int, str]:
        """Living Python processes of tritonserver: pid -> name of the model instance, such as `decode_0_1`."""
        commands = {child.pid: _command(child) for child in psutil.Process(self.pid).children()}
        return {pid: command[-2] for pid, command in commands.items() if command and command[0].endswith("_stub")}

    def wait_for(self, text: str, timeout_s: float = 60.0, after: int = 0) -> str:
        """The first line from number `after` on that contains the text.

        Raises:
            StartError: it did not come in time, or the launcher ended without it.
        """
        deadline = time.monotonic() + timeout_s
        with self._news:
            while True:
                found = next((line for line in self.lines[after:] if text in line), None)
                if found is not None:
                    return found
                if self._ended or not self._news.wait(deadline - time.monotonic()):
                    raise StartError(f"no line with {text!r} from the launcher:\n{self.output}", "read its lines")

    def _wait_quietly(self, text: str) -> None:
        with suppress(StartError):
            self.wait_for(text, 5)

    def wait(self, timeout_s: float = 60.0) -> int:
        """Wait for the launcher's end; its exit status."""
        status = self._process.wait(timeout_s)
        self._reader.join(timeout_s)
        return status

    def stop(self, number: signal.Signals = signal.SIGINT, timeout_s: float = 60.0, *, hurry: bool = False) -> int:
        """Send the signal, twice in a hurry, and wait; kills the launcher when that takes too long."""
        if self._process.poll() is None:
            self._process.send_signal(number)
            if hurry:
                self._wait_quietly("stopping")
                self._process.send_signal(number)
        try:
            return self.wait(timeout_s)
        finally:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            with self._news:
                self.lines.append(line.rstrip())
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()


@contextmanager
def running(variables: Mapping[str, str] = _NOTHING, *, ready_s: float = 600.0) -> Iterator[Session]:
    """A launcher with these `SERVING_*` (and other) variables, ready to serve; without the gateway unless asked for."""
    session = Session(variables)
    try:
        session.wait_for(READY, ready_s)
        yield session
    finally:
        session.stop(hurry=True)


def free_ports(count: int) -> list[int]:
    """Different ports that are free now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(one.getsockname()[1]) for one in sockets]


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
