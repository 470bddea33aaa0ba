"""Drift of an application: takes frames of its streams now and then, compares, reports. No stream ever waits for it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import structlog
from numpy.typing import NDArray

from gateway.drift.metrics import DriftMetrics
from gateway.drift.monitor import Monitor, Verdict
from gateway.drift.observation import Answer, Seen
from gateway.drift.profiles import Profiles
from gateway.drift.report import Folder, Report, report_of
from gateway.drift.state import Drift, NetworkDrift
from gateway.drift.webhook import Webhook
from gateway.drift_settings import DriftSettings
from gateway.errors import StoreFailedError
from gateway.store import Shelf

log = structlog.get_logger("gateway.drift")

WAITING_FRAMES = 16
WAITING_REPORTS = 4
LOOK_AGAIN_S = 60.0
Clock: TypeAlias = Callable[[], float]


@dataclass(slots=True)
class _Watched:
    """A network: its monitor, if it has a profile, of which version, and when to look for one again."""

    path: str
    monitor: Monitor | None
    until: float
    report: Report | None = None


class DriftWatch:
    """For one event loop; `watch` and `report` run beside the requests."""

    def __init__(
        self,
        settings: DriftSettings,
        profiles: Profiles,
        shelf: Shelf,
        metrics: DriftMetrics,
        clock: Clock = time.monotonic,
    ) -> None:
        self._settings = settings
        self._profiles = profiles
        self._shelf = shelf
        self._metrics = metrics
        self._clock = clock
        self._watched: dict[str, _Watched] = {}
        self._frames = asyncio.Queue[tuple[str, Seen]](WAITING_FRAMES)
        self._reports = asyncio.Queue[tuple[str, Verdict]](WAITING_REPORTS)
        secret, url = settings.drift_webhook_secret, settings.drift_webhook
        self._webhook = Webhook(url, secret, settings.drift_webhook_timeout_seconds) if url and secret else None

    def stream(self, network: str, request_id: str) -> "Sampler":
        """For one stream, by its request's id, through a network, by its name in Triton."""
        return Sampler(self, network, request_id, self._settings.drift_sample_seconds, self._clock)

    def take(self, network: str, seen: Seen) -> None:
        """Takes a frame to compare, unless nobody would, or too many wait."""
        if not self._settings.drift or self._is_without_profile(network):
            return
        try:
            self._frames.put_nowait((network, seen))
        except asyncio.QueueFull:
            self._metrics.frames.labels(network, "skipped").inc()

    def _is_without_profile(self, network: str) -> bool:
        known = self._watched.get(network)
        return known is not None and known.monitor is None and self._clock() < known.until

    async def watch(self) -> None:
        """Compares what was taken, for ever."""
        while True:
            network, seen = await self._frames.get()
            try:
                await self._see(network, seen)
            except Exception as error:
                # Nobody waits for this work: if it ended here, drift would never be seen again.
                self._metrics.frames.labels(network, "failed").inc()
                log.exception("a frame could not be compared", network=network, exc_info=error)

    async def _see(self, network: str, seen: Seen) -> None:
        monitor = await self._monitor(network)
        if monitor is None:
            return
        verdict = await asyncio.to_thread(monitor.see, seen)
        self._metrics.frames.labels(network, "sampled").inc()
        if verdict is not None:
            self._tell(network, verdict)

    def _tell(self, network: str, verdict: Verdict) -> None:
        for item in verdict.compared:
            self._metrics.distance.labels(network, item.figure, item.test).set(item.ratio)
        self._metrics.windows_over.labels(network).set(verdict.windows_over)
        self._metrics.episode.labels(network).set(verdict.episode)
        if verdict.window:
            log.warning("drift", network=network, score=verdict.score, windows=verdict.windows_over)
            try:
                self._reports.put_nowait((network, verdict))
            except asyncio.QueueFull:
                self._metrics.reports.labels("dropped").inc()

    async def _monitor(self, network: str) -> Monitor | None:
        """The network's monitor; a new one when another version is served, and now and then a look for a profile."""
        known, path = self._watched.get(network), str(self._profiles.path(network))
        if known and known.path == path and (known.monitor is not None or self._clock() < known.until):
            return known.monitor
        reference = await asyncio.to_thread(self._profiles.find, network)
        monitor = Monitor(reference, self._settings, self._clock) if reference else None
        self._watched[network] = _Watched(path, monitor, self._clock() + LOOK_AGAIN_S)
        return monitor

    async def report(self) -> None:
        """Writes and tells what has to be reported, one after the other, for ever."""
        while True:
            network, verdict = await self._reports.get()
            try:
                self._watched[network].report = await self._reported(report_of(network, verdict), verdict)
            except Exception as error:
                # As in `watch`: the next report must not be lost with this one.
                self._metrics.reports.labels("failed").inc()
                log.exception("a drift report failed", network=network, exc_info=error)

    async def _reported(self, report: Report, verdict: Verdict) -> Report:
        try:
            await Folder(report, verdict.window).write(self._shelf)
            self._metrics.reports.labels("written").inc()
        except StoreFailedError as error:
            self._metrics.reports.labels("failed").inc()
            log.warning("a drift report was not stored", sample=report.sample, private=error.private)
            report = report.model_copy(update={"sample": None, "pictures": 0})
        if self._webhook is not None:
            told = await self._webhook.tell(report)
            self._metrics.webhooks.labels("delivered" if told else "failed").inc()
        return report

    async def state(self, served: frozenset[str]) -> Drift:
        """How it stands with every network that is `served` or has been watched."""
        if not self._settings.drift:
            return Drift(enabled=False, threshold=self._settings.drift_threshold, networks=[])
        names = sorted(served | self._watched.keys())
        networks = [self._state_of(name, await self._monitor(name)) for name in names]
        return Drift(enabled=True, threshold=self._settings.drift_threshold, networks=networks)

    def _state_of(self, network: str, monitor: Monitor | None) -> NetworkDrift:
        if monitor is None:
            return NetworkDrift.without_profile(network)
        return NetworkDrift.of(network, monitor, self._watched[network].report)


class Sampler:
    """One stream's frames, of which it takes one now and then. Costs a look at the clock otherwise."""

    def __init__(self, watch: DriftWatch, network: str, stream: str, every_s: float, clock: Clock) -> None:
        self._watch = watch
        self._network = network
        self._stream = stream
        self._every_s = every_s
        self._clock = clock
        self._due = clock()

    def offer(self, frame: NDArray[np.uint8], answer: Answer) -> None:
        """`frame`: RGB UINT8 [h, w, 3]; it is copied if it is taken."""
        now = self._clock()
        if now < self._due:
            return
        self._due = now + self._every_s
        self._watch.take(self._network, Seen(frame.copy(), answer, self._stream, time.time()))
