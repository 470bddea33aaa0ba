"""Canary inferences: the only check that notices a dead Python step, which leaves Triton's health endpoints green.

`probe` sends one tiny picture through each pipeline, `Watch` does so every few seconds, and `python -m serving.canary`
is the same as a command: exit status 0 when every pipeline that should be served answered, for a container's health
check.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NoReturn

from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from serving.errors import ServingError
from serving.pipeline import is_pipeline
from serving.probe import CanaryResult, Count, code_of, config_of, connect, infer, pipelines, probe, statistics
from serving.settings import ServingSettings, read

__all__ = ["CanaryResult", "Watch", "connect", "is_pipeline", "main", "pipelines", "probe"]

_SHARE_OF_TIME = 0.05
_SECOND_OPINIONS = 3
_BUSY = ("DEADLINE_EXCEEDED", "UNAVAILABLE")


class Watch:
    """Looks at every pipeline of one server, again and again, and knows when each was last seen to work.

    A pipeline whose statistics show successes and no failure since the last look needs no canary; canaries take at
    most about a twentieth of the time; one that fails while requests still succeed found a busy server, not a dead one.
    """

    def __init__(
        self,
        client: InferenceServerClient,
        interval_s: float,
        timeout_s: float,
        on_round: Callable[[Sequence[CanaryResult]], None] | None = None,
    ) -> None:
        self._client = client
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._on_round = on_round
        self._results: dict[str, CanaryResult] = {}
        self._last_good: dict[str, float] = {}
        self._counts: dict[str, Count] = {}
        self._is_pipeline: dict[str, bool] = {}
        self._suspects: set[str] = set()
        self._rest_until = 0.0
        self._has_looked = False
        self._woken = asyncio.Event()

    @property
    def results(self) -> Mapping[str, CanaryResult]:
        """The latest result of every pipeline ever seen; empty before the first look."""
        return self._results

    def age_s(self, pipeline: str) -> float | None:
        """Seconds since the pipeline was last seen to work; None when it never was."""
        seen = self._last_good.get(pipeline)
        return None if seen is None else time.monotonic() - seen

    def wake(self) -> None:
        """Look now instead of at the end of the interval."""
        self._woken.set()

    async def run(self) -> NoReturn:
        """Look until cancelled: at once if never before, then every interval, while something fails every second."""
        while True:
            if self._has_looked:
                await self._pause()
            await self.look()

    async def _pause(self) -> None:
        well = bool(self._results) and all(result.ok for result in self._results.values())
        try:
            await asyncio.wait_for(self._woken.wait(), self._interval_s if well else min(self._interval_s, 1.0))
        except asyncio.TimeoutError:
            return
        finally:
            self._woken.clear()

    async def look(self) -> list[CanaryResult]:
        """One round: the state of every pipeline, of those that are gone too."""
        try:
            results = await self._round()
        except InferenceServerException as error:
            reason, code = f"the server does not answer: {error.message()}", code_of(error)
            results = [CanaryResult(name, ok=False, reason=reason, seconds=0, code=code) for name in self._results]
        self._has_looked = True
        for result in results:
            self._take(result)
        if self._on_round:
            self._on_round(results)
        return results

    async def _round(self) -> list[CanaryResult]:
        before = await statistics(self._client, self._timeout_s)
        names = await self._pipelines(before)
        self._suspects |= {name for name in names if self._failed(name, before)}
        proven = [name for name in names if self._gained(name, before) and name not in self._suspects]
        asked = [name for name in names if name not in proven and self._is_due(name)]
        found = await self._probe(asked, before)
        gone = [name for name in self._results if name not in names]
        kept = [name for name in names if name not in proven and name not in asked]
        return [
            *(CanaryResult(name, ok=True, reason="", seconds=0) for name in proven),
            *(CanaryResult(name, ok=True, reason=_RESTING, seconds=0) for name in kept),
            *found,
            *(CanaryResult(name, ok=False, reason="it is not loaded", seconds=0, code="NOT_FOUND") for name in gone),
        ]

    async def _pipelines(self, loaded: Iterable[str]) -> list[str]:
        for name in loaded:
            if name not in self._is_pipeline:
                config = await config_of(self._client, name, self._timeout_s)
                self._is_pipeline[name] = is_pipeline(config)
        return sorted(name for name in loaded if self._is_pipeline[name])

    async def _ask(self, name: str) -> CanaryResult:
        """One canary; a good one counts at once, so that a quick pipeline need not wait for the news of a slow one."""
        result = await infer(self._client, name, self._timeout_s)
        if result.ok and name not in self._suspects:
            self._take(result)
        return result

    def _take(self, result: CanaryResult) -> None:
        self._results[result.pipeline] = result
        if result.ok and result.reason != _RESTING:
            self._last_good[result.pipeline] = time.monotonic()

    def _gained(self, name: str, now: Mapping[str, Count]) -> bool:
        return name in self._counts and now[name].success > self._before(name, now[name]).success

    def _failed(self, name: str, now: Mapping[str, Count]) -> bool:
        return name in self._counts and now[name].failure > self._before(name, now[name]).failure

    def _before(self, name: str, now: Count) -> Count:
        """What the last look counted; nothing, where the server was restarted since and counts anew."""
        last = self._counts[name]
        return last if now.success >= last.success and now.failure >= last.failure else Count(0, 0)

    def _is_due(self, name: str) -> bool:
        """A pipeline that was well may rest; one that is unknown or failing is asked at once."""
        well = name in self._results and self._results[name].ok
        return not well or time.monotonic() >= self._rest_until

    async def _probe(self, names: Sequence[str], before: Mapping[str, Count]) -> list[CanaryResult]:
        """Where requests failed, several canaries: of a step's instances one may be dead and another alive."""
        again = [name for name in names if name in self._suspects for _ in range(_SECOND_OPINIONS)]
        found = await asyncio.gather(*(self._ask(name) for name in [*names, *again]))
        if found:
            spent = max(result.seconds for result in found)
            self._rest_until = time.monotonic() + spent * (1 / _SHARE_OF_TIME - 1)
        self._counts = await statistics(self._client, self._timeout_s)
        self._suspects -= set(names)
        good = Counter(result.pipeline for result in found if result.ok)
        worst = {result.pipeline: result for result in sorted(found, key=lambda result: not result.ok)}
        return [_or_busy(worst[name], before, self._counts, good[name]) for name in names]


_RESTING = "resting"


def _or_busy(result: CanaryResult, before: Mapping[str, Count], after: Mapping[str, Count], own: int) -> CanaryResult:
    name = result.pipeline
    if result.ok or result.code not in _BUSY or name not in after or name not in before:
        return result
    if after[name].success - before[name].success > own:
        return CanaryResult(name, ok=True, reason="busy", seconds=result.seconds, code=result.code)
    return result


async def _check(url: str, names: Sequence[str], timeout_s: float) -> int:
    async with connect(url) as client:
        try:
            asked = list(names) or await asyncio.wait_for(pipelines(client), timeout_s)
        except (InferenceServerException, asyncio.TimeoutError) as error:
            print(f"FAILED the server at {url} does not answer: {error or 'timeout'}")
            return 1
        results = await probe(client, asked, timeout_s)
    for result in results:
        verdict = "ok    " if result.ok else "FAILED"
        print(f"{verdict} {result.pipeline} {result.seconds:.3f} s {result.reason}".rstrip())
    if not results:
        print(f"FAILED the server at {url} serves no pipeline")
    return 0 if results and all(result.ok for result in results) else 1


def _expected(settings: ServingSettings) -> tuple[str, ...]:
    """What the launcher with these settings would serve: a pipeline that is not loaded must not go unnoticed."""
    from serving.discovery import backends
    from serving.repository import survey

    found = survey(
        settings.model_repositories,
        settings.model_config_name,
        commercial_only=settings.commercial_only,
        backends=backends(settings),
    )
    return found.pipelines


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; exit status 0 when every pipeline answered, else 1."""
    parser = argparse.ArgumentParser(prog="python -m serving.canary", description="Sends a picture through pipelines.")
    parser.add_argument("--url", help="gRPC host:port of another server: what it has loaded is asked")
    parser.add_argument("--pipeline", action="append", default=[], metavar="NAME", help="only this one; repeatable")
    parser.add_argument("--timeout", type=float, metavar="SECONDS")
    chosen = parser.parse_args(arguments)
    try:
        settings = read(ServingSettings)
        url = chosen.url or settings.external_url
        names = chosen.pipeline or (() if url else _expected(settings))
    except ServingError as error:
        print(f"FAILED {error}")
        return 1
    return asyncio.run(_check(url or settings.grpc_url, names, chosen.timeout or settings.canary_timeout_seconds))


if __name__ == "__main__":
    sys.exit(main())
