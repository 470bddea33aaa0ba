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
_TOO_LONG = b"(a line of more than 16 MB was left out)\n"
_TAIL_LINES = 60
_STUB_ARGUMENTS = 9
_KILL_SECONDS = 5.0
_DRAIN_SECONDS = 0.5
_POLL_SECONDS = 0.01
_CRASHES = frozenset({signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS})


class Launch:
    """A child program in a session of its own, so that Ctrl-C reaches the launcher alone and it stops all in order."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        output: asyncio.StreamReader,
        transport: asyncio.ReadTransport,
        on_line: Callable[[str], None],
    ) -> None:
        self._process = process
        self._transport = transport
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._pump = asyncio.create_task(self._read(output, on_line))

    @classmethod
    async def start(
        cls, command: Sequence[str], variables: Mapping[str, str], on_line: Callable[[str], None], death: signal.Signals
    ) -> "Launch":
        """Start the command; the kernel sends it `death` when the launcher dies."""
        output, write_end, transport = await _pipe()
        leash = [sys.executable, "-I", "-S", str(_LEASH), str(os.getpid()), str(int(death))]
        try:
            process = await asyncio.create_subprocess_exec(
                *leash,
                *command,
                env=dict(variables),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
            )
        except OSError:
            transport.close()
            raise
        finally:
            os.close(write_end)
        return cls(process, output, transport, on_line)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    def is_dead(self) -> bool:
        """Whether the kernel has ended it, even when nobody was told yet."""
        return not self.is_running or not _runs(self.pid)

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        code = self._process.returncode
        if code is None:
            return "is running"
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"

    @property
    def has_crashed(self) -> bool:
        """Whether a fault of its own ended it, rather than somebody else or a decision of its own."""
        code = self._process.returncode
        return code is not None and -code in _CRASHES

    async def last_words(self) -> str:
        """The last lines that it wrote; waits a moment for those still in the pipe."""
        await asyncio.wait([self._pump], timeout=_DRAIN_SECONDS)
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
        await asyncio.wait([self._pump], timeout=_DRAIN_SECONDS)
        self._pump.cancel()
        self._transport.close()

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

    async def _read(self, output: asyncio.StreamReader, on_line: Callable[[str], None]) -> None:
        """To the end, whatever happens: a program whose output nobody reads stands still once the pipe is full."""
        while line := await _next_line(output):
            text = line.decode(errors="replace").rstrip()
            self._tail.append(text)
            try:
                on_line(text)
            except Exception as error:  # noqa: BLE001 - the loop's handler reports it
                context = {"message": f"a line of pid {self.pid} could not be passed on", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)


async def _next_line(output: asyncio.StreamReader) -> bytes:
    try:
        return await output.readline()
    except ValueError:  # the reader has thrown away what it held of a line without end
        return _TOO_LONG


async def _pipe() -> tuple[asyncio.StreamReader, int, asyncio.ReadTransport]:
    """A pipe of our own: asyncio's would put off the news of the server's end until the last stub has let go of it."""
    read_end, write_end = os.pipe()
    reader = asyncio.StreamReader(limit=_LINE_BYTES)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb")
    )
    return reader, write_end, transport


def _wait_for_end(processes: Sequence[psutil.Process]) -> None:
    """Wait until they run no more; that init has not yet reaped them is not waited for."""
    deadline = time.monotonic() + _KILL_SECONDS
    while any(_runs(process.pid) for process in processes) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD))
    except psutil.NoSuchProcess:
        return False


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
