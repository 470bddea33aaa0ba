"""One run of a child program: started on a leash, its output read, its end awaited; for Triton its stubs too."""

import asyncio
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

__all__ = ["Launch"]

_LEASH = Path(__file__).with_name("leash.py")
_LINE_BYTES = 1 << 24
_TAIL_LINES = 60
_STUB_ARGUMENTS = 9
_KILL_SECONDS = 5.0
_POLL_SECONDS = 0.01


class Launch:
    """A child program in a session of its own, so that Ctrl-C reaches the launcher alone and it stops all in order."""

    def __init__(self, process: asyncio.subprocess.Process, on_line: Callable[[str], None]) -> None:
        self._process = process
        self._on_line = on_line
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._pump = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls, command: Sequence[str], variables: Mapping[str, str], on_line: Callable[[str], None], death: signal.Signals
    ) -> "Launch":
        """Start the command; the kernel sends it `death` when the launcher dies."""
        leash = [sys.executable, "-I", "-S", str(_LEASH), str(os.getpid()), str(int(death))]
        process = await asyncio.create_subprocess_exec(
            *leash,
            *command,
            env=dict(variables),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_LINE_BYTES,
            start_new_session=True,
        )
        return cls(process, on_line)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        code = self._process.returncode
        if code is None:
            return "is running"
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"

    @property
    def tail(self) -> str:
        """The last lines that it wrote."""
        return "\n".join(self._tail)

    async def wait(self) -> str:
        """Wait for its end, and say how it ended."""
        await self._process.wait()
        return self.ending

    async def stop(self, timeout_s: float) -> bool:
        """Ask it to end, and kill it after `timeout_s`; true when it ended by itself."""
        if self.is_running:
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), timeout_s)
        except asyncio.TimeoutError:
            await self.kill()
            return False
        await self.kill()
        return True

    async def kill(self) -> None:
        """End it and every child of it now."""
        children = self._children()
        self.kill_program()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        await self._process.wait()
        await asyncio.to_thread(_wait_for_end, children)
        self._pump.cancel()

    def kill_program(self) -> None:
        """Kill the program itself without waiting; its children are for `kill`."""
        if self.is_running:
            self._process.kill()

    def stubs(self) -> dict[int, str]:
        """Triton's living Python processes: pid -> name of the model instance."""
        commands = {child.pid: _command(child) for child in self._children()}
        return {
            pid: command[-2]
            for pid, command in commands.items()
            if len(command) >= _STUB_ARGUMENTS and command[0].endswith("triton_python_backend_stub")
        }

    def _children(self) -> list[psutil.Process]:
        try:
            return list(psutil.Process(self.pid).children(recursive=True))
        except psutil.NoSuchProcess:
            return []

    async def _read(self) -> None:
        stream = self._process.stdout
        while stream is not None and (line := await stream.readline()):
            text = line.decode(errors="replace").rstrip()
            self._tail.append(text)
            self._on_line(text)


def _wait_for_end(processes: Sequence[psutil.Process]) -> None:
    """Wait until they run no more; that init has not yet reaped them is not waited for."""
    deadline = time.monotonic() + _KILL_SECONDS
    while any(_runs(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD))
    except psutil.NoSuchProcess:
        return False


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
