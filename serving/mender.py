"""Brings back the models that a restart has lost: those that were served before, and failed to load this time."""

import asyncio
from typing import NoReturn

import structlog

from serving.backoff import Backoff
from serving.repository import Model, Survey
from serving.settings import ServingSettings
from serving.starter import Starter

__all__ = ["Mender"]


class Mender:
    """Loads what is missing into the running server: another restart would take down the pipelines that work.

    A model that never loaded is left alone; that it is broken was said at the start.
    """

    def __init__(self, settings: ServingSettings, starter: Starter, log: structlog.typing.FilteringBoundLogger) -> None:
        self._settings = settings
        self._starter = starter
        self._log = log
        self._once_served: set[str] = set()

    def note(self, survey: Survey) -> None:
        """Take in what a start has brought up, and log what it has not although an earlier one had."""
        reasons = {one.name: one.reason for one in survey.refused}
        for name in sorted(self._once_served.difference(survey.served)):
            self._log.error("model lost", model=name, reason=reasons.get(name, "its folder is gone"))
        self._once_served |= set(survey.served)

    async def mend(self, survey: Survey) -> NoReturn:
        """Load what failed, with a growing wait between two attempts; then idle until cancelled."""
        settings = self._settings
        backoff = Backoff(settings.backoff_min_seconds, settings.backoff_max_seconds, settings.healthy_seconds)
        lost = [model for name, model in survey.failed.items() if name in self._once_served]
        while lost:
            await asyncio.sleep(backoff.after(0))
            lost = [model for model in lost if not await self._load(model)]
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody ends that wait")

    async def _load(self, model: Model) -> bool:
        """Whether nothing is left to do for the model: it is back, or its folder is gone."""
        if not model.directory.is_dir():
            self._log.error("model given up", model=model.name, reason="its folder is gone")
            return True
        reason = await self._starter.load(model)
        if reason:
            self._log.error("model still fails to load", model=model.name, reason=reason)
        else:
            self._log.info("model back", model=model.name)
        return not reason
