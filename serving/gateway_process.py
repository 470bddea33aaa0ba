"""The gateway as a child of the launcher: started once the server serves, stopped before it, restarted when it dies."""

import asyncio
import os
import signal
import sys
import time

import structlog

from serving import machine, output
from serving.backoff import Backoff
from serving.errors import GatewayFailedError
from serving.launch import Launch
from serving.settings import GatewaySettings, ServingSettings, read

__all__ = ["GatewayProcess"]

_START_SECONDS = 60.0
_POLL_SECONDS = 0.05
_CLOSE_SECONDS = 1.0


class GatewayProcess:
    """`python -m gateway` with this interpreter; its own settings pass through the environment."""

    def __init__(self, settings: ServingSettings, triton_url: str, log: structlog.typing.FilteringBoundLogger) -> None:
        self.settings = read(GatewaySettings)
        self._exit_timeout_s = max(settings.exit_timeout_seconds, self.settings.shutdown_timeout_seconds)
        self._log = log
        shared = {"GATEWAY_MODEL_REPOSITORY": str(settings.model_repositories[0].resolve())}
        self._variables = {**shared, **os.environ, "GATEWAY_TRITON_URL": triton_url, "PYTHONUNBUFFERED": "1"}
        self._backoff = Backoff(settings.backoff_min_seconds, settings.backoff_max_seconds, settings.healthy_seconds)
        self._launch: Launch | None = None

    def require_port(self) -> None:
        """Raises PortTakenError or SettingsError when the gateway could not listen."""
        machine.require_ports(self.settings.host, {"GATEWAY_PORT": self.settings.port})

    async def start(self) -> None:
        """Start it and wait until it listens; a port that it may choose is chosen the first time, and then kept.

        Raises:
            GatewayFailedError: it ended first, or took too long; its last lines say why.
        """
        if not self.settings.port:
            self.settings = self.settings.model_copy(update={"port": machine.free_port(self.settings.host)})
        variables = {**self._variables, "GATEWAY_PORT": str(self.settings.port)}
        command = [sys.executable, "-m", "gateway"]
        self._launch = await Launch.start(command, variables, _pass_on, signal.SIGTERM)
        deadline = time.monotonic() + _START_SECONDS
        while not await machine.listens(self.settings.url):
            if not self._launch.is_running:
                await self._launch.kill()
                cure = "see its last lines; SERVING_GATEWAY=false serves without it"
                raise GatewayFailedError(f"the gateway {self._launch.ending}:\n{await self._launch.last_words()}", cure)
            if time.monotonic() > deadline:
                cure = "see its last lines; SERVING_GATEWAY=false serves without it"
                raise GatewayFailedError(
                    f"the gateway did not listen within {_START_SECONDS:g} s:\n{await self._launch.last_words()}", cure
                )
            await asyncio.sleep(_POLL_SECONDS)

    async def watch(self) -> None:
        """Start it again whenever it ends, for as long as nobody cancels."""
        while self._launch:
            since = time.monotonic()
            ending = await self._launch.wait()
            await self._launch.kill()
            self._log.error("gateway lost", reason=ending)
            await asyncio.sleep(self._backoff.after(time.monotonic() - since))
            try:
                await self.start()
            except GatewayFailedError as error:
                self._log.error("restart of the gateway failed", reason=error.problem)
            else:
                self._log.info("gateway back")

    async def close(self) -> None:
        """Let running requests end within the longer of its own and the launcher's exit timeout, then kill."""
        if self._launch:
            graceful = await self._launch.stop(self._exit_timeout_s + _CLOSE_SECONDS)
            self._log.info("gateway stopped", graceful=graceful)

    def kill(self) -> None:
        """End it without waiting for its requests."""
        if self._launch:
            self._launch.kill_program()


def _pass_on(line: str) -> None:
    """The gateway's lines are structured already."""
    output.complain(line)
