"""What one stream of frames tells the metrics: a context manager around the stream."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Literal, Protocol, Self, TypeAlias

from gateway import problems
from gateway.errors import GatewayError
from gateway.stream_metrics import StreamMetrics
from imaging.shelf_classes import ShelfClass

Kind: TypeAlias = Literal["live", "file"]
# The network's time, its queue included, comes with each answer.
Stage: TypeAlias = Literal["decode", "resize", "draw", "encode", "send"]
KINDS: tuple[Kind, ...] = ("live", "file")
LOOK_S = 5.0
CODES = MappingProxyType({error: code for error, (_, code) in problems.TABLE.items()})
INTERNAL = "internal_error"
OTHER = "other"
# Beside the codes of our errors: what ends or spoils a live stream.
REASONS = frozenset(
    {
        *CODES.values(),
        INTERNAL,
        "slow_client",
        "origin_refused",
        "source_lost",
    }
)


class Answer(Protocol):
    """What a meter reads of a segmented frame: shares 0 to 1 in the order of the classes, seconds at the network."""

    @property
    def confidence(self) -> float: ...
    @property
    def flicker(self) -> float | None: ...
    @property
    def shares(self) -> tuple[float, ...]: ...
    @property
    def seconds(self) -> float: ...


class StreamMeter:
    """Open from `__enter__` to `__exit__`, which counts an error that gets out of the block.

    Call `failed` only for what does not get out. Cheap enough for every frame.
    """

    def __init__(self, metrics: StreamMetrics, kind: Kind, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._kind = kind
        self._clock = clock
        self._since = clock()
        self._answered = 0
        self._rate = math.nan

    def __enter__(self) -> Self:
        self._metrics.open.labels(self._kind).inc()
        self._since = self._clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._metrics.open.labels(self._kind).dec()
        self._look(least_s=1.0)
        outcome = _outcome(error)
        self._metrics.ended.labels(self._kind, outcome).inc()
        if error is not None and outcome == "failed":
            self.failed(CODES.get(type(error), INTERNAL) if isinstance(error, GatewayError) else INTERNAL)

    def received(self, frames: int = 1) -> None:
        self._metrics.frames.labels(self._kind, "received").inc(frames)

    def dropped(self, frames: int = 1) -> None:
        """Frames that came and will never be answered, because newer ones did."""
        self._metrics.frames.labels(self._kind, "dropped").inc(frames)

    def stage(self, name: Stage, seconds: float) -> None:
        self._metrics.stages.labels(self._kind, name).observe(seconds)

    def answered(self, segmented: Answer, seconds: float) -> None:
        """One frame is through; `seconds` from its coming to its answer."""
        metrics, kind = self._metrics, self._kind
        metrics.frames.labels(kind, "answered").inc()
        metrics.seconds.labels(kind).observe(seconds)
        metrics.stages.labels(kind, "network").observe(segmented.seconds)
        metrics.confidence.labels(kind).observe(segmented.confidence)
        if segmented.flicker is not None:
            metrics.flicker.labels(kind).observe(segmented.flicker)
        for shown, share in zip(ShelfClass, segmented.shares, strict=True):
            metrics.shares.labels(kind, shown.key).inc(share)
        self._answered += 1
        self._look(LOOK_S)

    def failed(self, reason: str) -> None:
        """`reason` is one of REASONS; any other is counted as `other`, since each would be a series of its own."""
        self._metrics.errors.labels(self._kind, reason if reason in REASONS else OTHER).inc()

    @property
    def rate(self) -> float:
        """Frames per second in the last full look, or in the one that goes on if it is slower; NaN before the first."""
        seconds = self._clock() - self._since
        return min(self._rate, self._answered / seconds) if seconds > LOOK_S else self._rate

    def _look(self, least_s: float) -> None:
        seconds = self._clock() - self._since
        if seconds < least_s:
            return
        self._rate = self._answered / seconds
        self._metrics.rates.labels(self._kind).observe(self._rate)
        self._since, self._answered = self._clock(), 0


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "done"
    return "cancelled" if isinstance(error, asyncio.CancelledError | GeneratorExit) else "failed"


class Meters:
    """The meters of an application's open streams. For one event loop."""

    def __init__(self, metrics: StreamMetrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._open: dict[Kind, set[StreamMeter]] = {kind: set() for kind in KINDS}
        for kind, meters in self._open.items():
            metrics.follow(kind, partial(_slowest, meters))

    @contextmanager
    def stream(self, kind: Kind) -> Iterator[StreamMeter]:
        meters = self._open[kind]
        with StreamMeter(self._metrics, kind, self._clock) as meter:
            meters.add(meter)
            try:
                yield meter
            finally:
                meters.discard(meter)


def _slowest(meters: set[StreamMeter]) -> float:
    rates = [meter.rate for meter in meters]
    return min((rate for rate in rates if not math.isnan(rate)), default=math.nan)
