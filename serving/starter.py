"""Brings one tritonserver up: from the survey of the repositories to the list of what it really loaded."""

import asyncio
import signal
import time
from dataclasses import dataclass

import structlog
from tritonclient.utils import InferenceServerException

from serving import command, machine, shared_memory
from serving.canary import connect
from serving.discovery import Server
from serving.errors import CrashedError, PortTakenError, StartError
from serving.launch import Launch
from serving.repository import Model, Survey, survey
from serving.settings import ServingSettings
from serving.stub_watch import StubWatch
from serving.triton_log import TritonLog

__all__ = ["Run", "Starter"]

_POLL_SECONDS = 0.05
_PORT_SECONDS = 5.0


@dataclass(frozen=True)
class Run:
    """A server that is up; `since` on the monotonic clock."""

    launch: Launch
    survey: Survey
    stubs: StubWatch
    since: float


class Starter:
    """Starts servers one after the other, and cleans up behind each."""

    def __init__(self, settings: ServingSettings, server: Server, log: structlog.typing.FilteringBoundLogger) -> None:
        self._settings = settings
        self._server = server
        self._log = log
        self._key = command.control_key(settings)
        self._headers = {f"triton-grpc-protocol-{command.HEADER}": self._key}
        self._count = 0
        self._prefix = ""
        self._launch: Launch | None = None
        self._stubs: StubWatch | None = None

    async def start(self) -> Run:
        """Start the server with everything that the repositories hold now, and wait until it serves.

        A crash of the first one is tried once more: on a machine under load release 24.10 at times aborts while it
        shares memory with its steps, and a second start works. A crash that comes again is no such chance.

        Raises:
            RepositoryError, SharedMemoryError, PortTakenError, StartError
        """
        try:
            return await self._start()
        except CrashedError as crash:
            if self._count > 1:
                raise
            self._log.warning("tritonserver crashed at its first start, once more", reason=crash.problem)
        await self.bury()
        return await self._start()

    async def _start(self) -> Run:
        settings = self._settings
        found = survey(
            settings.model_repositories,
            settings.model_config_name,
            commercial_only=settings.commercial_only,
            backends=self._server.backends,
            keep_labels=True,
        )
        shared_memory.require_room(found.served.values(), settings.largest_picture_megapixels)
        await self._ports_free()
        self._count += 1
        self._prefix = shared_memory.prefix(self._count)
        program = command.arguments(settings, self._server, found.served, self._prefix, self._key)
        lines = TritonLog(self._log)
        self._launch = await Launch.start(program, self._server.variables, lines, signal.SIGKILL)
        await self._loaded(self._launch)
        lines.is_loading = False
        self._stubs = StubWatch(self._launch)
        return Run(self._launch, found.without(await self._failures(found)), self._stubs, time.monotonic())

    async def load(self, model: Model) -> str:
        """Have the running server load a model and what waits for it; why that failed, empty when it did not."""
        timeout_s = self._settings.load_timeout_seconds
        async with connect(self._settings.grpc_url) as client:
            try:
                await client.load_model(model.name, headers=self._headers, client_timeout=timeout_s)
            except InferenceServerException as error:
                return error.message() or "no answer"
        if self._stubs:
            self._stubs.adopt()
        return ""

    async def stop(self) -> bool:
        """Let running requests end within the exit timeout, then kill; true when no kill was needed."""
        graceful = True
        if self._stubs and self._stubs.lost():  # Triton would wait for the dead
            graceful = False
        elif self._launch:
            graceful = await self._launch.stop(self._settings.exit_timeout_seconds + 1)
        await self.bury()
        return graceful

    async def bury(self) -> None:
        """Kill what is left of the server and remove its shared memory."""
        if self._launch:
            await self._launch.kill()
            self._launch = self._stubs = None
            shared_memory.remove(self._prefix)

    def kill(self) -> None:
        """Kill the server now; whoever waits for its end goes on."""
        if self._launch:
            self._launch.kill_program()

    async def _ports_free(self) -> None:
        """The kernel may take a moment to free the ports of a server that was just killed."""
        deadline = time.monotonic() + (_PORT_SECONDS if self._count else 0)
        while True:
            try:
                return machine.require_ports(self._settings.host, self._settings.ports)
            except PortTakenError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(_POLL_SECONDS)

    async def _loaded(self, launch: Launch) -> None:
        """Triton opens its ports once every model is loaded or has failed."""
        seconds = self._settings.load_timeout_seconds
        deadline = time.monotonic() + seconds
        while not await machine.listens(self._settings.grpc_url):
            if not launch.is_running:
                cure = "see its last lines; SERVING_LOG_LEVEL=debug shows all of them"
                failed = CrashedError if launch.has_crashed else StartError
                raise failed(f"tritonserver {launch.ending}. Its last lines:\n{await launch.last_words()}", cure)
            if time.monotonic() > deadline:
                cure = f"SERVING_LOAD_TIMEOUT_SECONDS={2 * seconds:g}, or SERVING_LOG_LEVEL=debug to see what it does"
                raise StartError(f"the models did not load within {seconds:g} s", cure)
            await asyncio.sleep(_POLL_SECONDS)

    async def _failures(self, found: Survey) -> dict[str, str]:
        """Of the models that should be loaded and are not, those that failed themselves, with Triton's reason."""
        async with connect(self._settings.grpc_url) as client:
            try:
                index = await client.get_model_repository_index(headers=self._headers, client_timeout=10)
            except InferenceServerException as error:
                cure = "SERVING_LOG_LEVEL=debug shows what the server does"
                raise StartError(f"the server does not list its models: {error}", cure) from error
        ready = {model.name for model in index.models if model.state == "READY"}
        reasons = {model.name: model.reason for model in index.models if model.reason}
        return {
            name: reasons.get(name, "it did not load").strip()
            for name, model in found.served.items()
            if name not in ready and ready.issuperset(model.steps)
        }
