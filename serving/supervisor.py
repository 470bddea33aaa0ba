"""Watches the server, and starts it again when it died or a pipeline stopped working."""

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from serving import shared_memory
from serving.backoff import Backoff
from serving.canary import CanaryResult, Watch, connect
from serving.discovery import Server
from serving.errors import ServingError, StartError
from serving.health import Health
from serving.mender import Mender
from serving.repository import Survey
from serving.settings import ServingSettings
from serving.starter import Run, Starter

if TYPE_CHECKING:
    from tritonclient.grpc.aio import InferenceServerClient

__all__ = ["Supervisor"]


class Supervisor:
    """One server's life: `start` it, `watch` it until cancelled, `close` it."""

    def __init__(self, settings: ServingSettings, server: Server, log: structlog.typing.FilteringBoundLogger) -> None:
        self._settings = settings
        self._log = log
        self._starter = Starter(settings, server, log)
        self._backoff = Backoff(settings.backoff_min_seconds, settings.backoff_max_seconds, settings.healthy_seconds)
        self._health = Health()
        self._mender = Mender(settings, self._starter, log)
        self._client: InferenceServerClient | None = None
        self._watch: Watch
        self._complaints: asyncio.Queue[str]

    async def start(self) -> tuple[Run, list[CanaryResult]]:
        """Start the server for the first time; the run, and the first canary of each of its pipelines.

        Raises:
            RepositoryError, SharedMemoryError, PortTakenError, StartError
        """
        swept = shared_memory.sweep()
        if swept:
            self._log.info("removed what a dead launcher left in shared memory", regions=len(swept))
        run = await self._starter.start()
        if not run.survey.served:
            raise StartError(f"no model could be loaded:{_reasons(run.survey)}", "correct the models, then start again")
        self._mender.note(run.survey)
        self._observe()
        return run, await self._watch.look()

    async def watch(self, run: Run) -> None:
        """Restart the server whenever it is lost, for as long as nobody cancels."""
        while True:
            reason = await self._trouble(run)
            noticed = time.monotonic()
            self._log.error("server lost", reason=reason)
            await self._bury()
            run = await self._restart(noticed - run.since, noticed)

    async def close(self) -> None:
        """Let running requests end, then stop; neither a process nor shared memory stays."""
        if self._client:
            await self._client.close()
        graceful = await self._starter.stop()
        self._log.info("server stopped", graceful=graceful)

    def kill(self) -> None:
        """End the server without waiting for its requests: for the impatient second Ctrl-C."""
        self._starter.kill()

    async def _restart(self, lived_s: float, noticed: float) -> Run:
        while True:
            wait_s = self._backoff.after(lived_s)
            await asyncio.sleep(wait_s)
            try:
                run = await self._starter.start()
            except ServingError as error:
                self._log.error("restart failed", reason=error.problem, cure=error.cure)
                await self._bury()
                lived_s = 0.0
                continue
            self._observe()
            down_s = round(time.monotonic() - noticed, 3)
            self._log.info("server back", down_seconds=down_s, waited_seconds=wait_s)
            self._mender.note(run.survey)
            return run

    def _observe(self) -> None:
        """A watch for the server that just came up."""
        settings = self._settings
        self._client = connect(settings.grpc_url)
        self._complaints = asyncio.Queue()
        interval_s, timeout_s = settings.canary_interval_seconds, settings.canary_timeout_seconds
        self._watch = Watch(self._client, interval_s, timeout_s, self._note)

    def _note(self, results: Sequence[CanaryResult]) -> None:
        if reason := self._health.note(results):
            self._complaints.put_nowait(reason)

    async def _bury(self) -> None:
        if self._client:
            await self._client.close()
            self._client = None
        await self._starter.bury()

    async def _trouble(self, run: Run) -> str:
        """Wait for the first sign that the server must be restarted, and name it."""
        signs = (self._process_trouble(run), run.stubs.death(), self._canary_trouble(), self._mender.mend(run.survey))
        tasks = [asyncio.create_task(sign) for sign in signs]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if run.launch.is_dead():  # then that is the reason, whoever noticed first
                await asyncio.wait(tasks[:1])
            return next(task.result() for task in tasks if task.done())
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _process_trouble(self, run: Run) -> str:
        return f"tritonserver {await run.launch.wait()}"

    async def _canary_trouble(self) -> str:
        looking, complaint = asyncio.create_task(self._watch.run()), asyncio.create_task(self._complaints.get())
        try:
            await asyncio.wait([looking, complaint], return_when=asyncio.FIRST_COMPLETED)
            return complaint.result() if complaint.done() else looking.result()
        finally:
            looking.cancel()
            complaint.cancel()
            await asyncio.gather(looking, complaint, return_exceptions=True)


def _reasons(survey: Survey) -> str:
    return "".join(f"\n    {one.name}: {one.reason}" for one in survey.refused)
