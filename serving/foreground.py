"""Server and gateway in the foreground: up in order, watched, and down in order at the first signal."""

import asyncio
import signal
from collections.abc import Callable, Coroutine

from tritonclient.utils import InferenceServerException

from serving import canary, log, output, report
from serving.discovery import Server
from serving.errors import StartError
from serving.gateway_process import GatewayProcess
from serving.settings import ServingSettings
from serving.supervisor import Supervisor

__all__ = ["READY", "accompany", "serve"]

READY = "ready; Ctrl-C stops everything"


async def serve(settings: ServingSettings, server: Server) -> None:
    """Run the server, and the gateway unless the settings leave it out, until a signal.

    Raises:
        ServingError: something could not be started; what was started before is stopped again.
    """
    logger = log.logger(settings)
    supervisor = Supervisor(settings, server, logger)
    gateway = GatewayProcess(settings, settings.grpc_url, logger) if settings.gateway else None

    def kill() -> None:
        supervisor.kill()
        if gateway:
            gateway.kill()

    try:
        await _until_signal(_serve(settings, supervisor, gateway), kill)
    finally:
        try:
            if gateway:
                await gateway.close()
        finally:
            await supervisor.close()


async def _serve(settings: ServingSettings, supervisor: Supervisor, gateway: GatewayProcess | None) -> None:
    if gateway:
        gateway.require_port()
    output.say("starting Triton: loading the models, then one canary through each pipeline")
    run, results = await supervisor.start()
    pipelines = [result.pipeline for result in results if result.ok]
    output.say(*report.survey_lines(run.survey, results), "", *report.server_lines(settings, pipelines))
    watches = [supervisor.watch(run)]
    if gateway:
        await gateway.start()
        output.say(*report.gateway_lines(gateway.settings, pipelines))
        watches.append(gateway.watch())
    output.say(READY)
    await asyncio.gather(*watches)


async def accompany(settings: ServingSettings) -> None:
    """Run the gateway beside a server that is run elsewhere.

    Raises:
        StartError: the server does not answer, no gateway is wanted and so nothing is left to do, or only networks
            for commercial use are.
    """
    if not settings.gateway:
        raise StartError("an external server and no gateway: there is nothing to run", "SERVING_GATEWAY=true")
    if settings.commercial_only:
        problem = f"which networks {settings.external_url} serves is decided there; commercial-only cannot hold here"
        raise StartError(problem, "ask for it where that server is started, and leave it out here")
    gateway = GatewayProcess(settings, settings.external_url, log.logger(settings))
    try:
        await _until_signal(_accompany(settings, gateway), gateway.kill)
    finally:
        await gateway.close()


async def _accompany(settings: ServingSettings, gateway: GatewayProcess) -> None:
    gateway.require_port()
    async with canary.connect(settings.external_url) as client:
        try:
            names = await canary.pipelines(client)
            results = await canary.probe(client, names, settings.canary_timeout_seconds)
        except InferenceServerException as error:
            problem = f"the external server {settings.external_url} does not answer: {error.message()}"
            raise StartError(problem, "start it, or correct SERVING_EXTERNAL_URL") from error
    await gateway.start()
    good = [result.pipeline for result in results if result.ok]
    bad = [f"  {result.pipeline}: canary failed: {result.reason}" for result in results if not result.ok]
    output.say(f"pipelines of {settings.external_url}: {', '.join(good) or 'none'}", *bad)
    output.say(*report.gateway_lines(gateway.settings, good), READY)
    await gateway.watch()


async def _until_signal(work: Coroutine[None, None, None], kill: Callable[[], None]) -> None:
    """Run the work until SIGINT, SIGTERM or SIGHUP; a second one calls `kill`, so that the way down does not wait."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            kill()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    tasks = [asyncio.create_task(work), asyncio.create_task(stop.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            output.say("stopping")
    finally:
        for task in tasks:
            task.cancel()
        ended, _ = await asyncio.gather(*tasks, return_exceptions=True)
    if isinstance(ended, Exception):
        raise ended
