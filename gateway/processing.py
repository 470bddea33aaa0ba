"""How the product photos went: the counts and times that the old service's `/metrics` told."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel, Field


class ProcessingMetrics(BaseModel):
    """Since the gateway started; times in seconds, of photos that came to a result, null before the first."""

    total: int = Field(description="photos that were begun")
    successful: int
    failed: int = Field(description="whoever was to blame")
    average_processing_seconds: float | None
    min_processing_seconds: float | None
    max_processing_seconds: float | None
    last_processing_seconds: float | None
    active: int = Field(description="inferences that run now, of all pipelines")
    queue: int = Field(description="requests that wait for an inference, of all pipelines")
    fallback: int = Field(description="photos that the fallback made")
    uptime_seconds: float


class Processing:
    """Counts and times of one application. For one event loop."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._total = 0
        self._failed = 0
        self._successful = 0
        self._sum_s = 0.0
        self._least_s: float | None = None
        self._most_s: float | None = None
        self._last_s: float | None = None

    @property
    def uptime_s(self) -> float:
        return time.monotonic() - self._started

    @contextmanager
    def photo(self) -> Iterator[None]:
        """Around the work for one photo; it failed if this raises."""
        self._total += 1
        started = time.monotonic()
        try:
            yield
        except BaseException:  # cancelled, too: nobody got a photo
            self._failed += 1
            raise
        self._took(time.monotonic() - started)

    def _took(self, seconds: float) -> None:
        self._successful += 1
        self._sum_s += seconds
        self._last_s = seconds
        self._least_s = seconds if self._least_s is None else min(self._least_s, seconds)
        self._most_s = seconds if self._most_s is None else max(self._most_s, seconds)

    def metrics(self, *, active: int, queue: int, fallback: int) -> ProcessingMetrics:
        return ProcessingMetrics(
            total=self._total,
            successful=self._successful,
            failed=self._failed,
            average_processing_seconds=self._sum_s / self._successful if self._successful else None,
            min_processing_seconds=self._least_s,
            max_processing_seconds=self._most_s,
            last_processing_seconds=self._last_s,
            active=active,
            queue=queue,
            fallback=fallback,
            uptime_seconds=round(self.uptime_s, 3),
        )
