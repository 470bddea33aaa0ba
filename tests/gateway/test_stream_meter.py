import asyncio
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from gateway.errors import InferenceTimeoutError
from gateway.segmentation.meter import LOOK_S, Meters, StreamMeter
from gateway.stream_metrics import StreamMetrics
from gateway.telemetry import Telemetry

FATES = ("received", "answered", "dropped")


@dataclass(frozen=True, slots=True)
class Answered:
    confidence: float = 0.9
    flicker: float | None = 0.01
    shares: tuple[float, ...] = (0.1, 0.5, 0.05, 0.25, 0.1)
    seconds: float = 0.02


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def value(telemetry: Telemetry, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(telemetry.exposition().decode()):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return float(sample.value)
    return None


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


def test_frames_are_counted_by_what_became_of_them(telemetry: Telemetry) -> None:
    with telemetry.stream("live") as meter:
        meter.received(5)
        meter.dropped(2)
        for _ in range(3):
            meter.answered(Answered(), 0.04)
    fates = {fate: value(telemetry, "gateway_stream_frames_total", kind="live", fate=fate) for fate in FATES}
    assert fates == {"received": 5, "answered": 3, "dropped": 2}
    assert value(telemetry, "gateway_stream_frames_total", kind="file", fate="answered") is None


def test_times_of_frames_and_their_stages_are_in_histograms(telemetry: Telemetry) -> None:
    with telemetry.stream("file") as meter:
        meter.stage("decode", 0.004)
        meter.answered(Answered(seconds=0.02), 0.051)
    assert value(telemetry, "gateway_stream_seconds_bucket", kind="file", le="0.05") == 0
    assert value(telemetry, "gateway_stream_seconds_bucket", kind="file", le="0.075") == 1
    assert value(telemetry, "gateway_stream_stage_seconds_sum", kind="file", stage="decode") == pytest.approx(0.004)
    assert value(telemetry, "gateway_stream_stage_seconds_sum", kind="file", stage="network") == pytest.approx(0.02)


def test_masks_are_told_by_confidence_flicker_and_classes(telemetry: Telemetry) -> None:
    with telemetry.stream("live") as meter:
        meter.answered(Answered(flicker=None), 0.04)
        meter.answered(Answered(), 0.04)
    assert value(telemetry, "gateway_mask_confidence_count", kind="live") == 2
    assert value(telemetry, "gateway_mask_flicker_count", kind="live") == 1, "the first frame has none"
    assert value(telemetry, "gateway_mask_shares_total", **{"class": "product"}) == pytest.approx(1.0)
    assert value(telemetry, "gateway_mask_shares_total", **{"class": "board"}) == pytest.approx(0.5)


def test_shares_of_another_number_of_classes_are_refused(telemetry: Telemetry) -> None:
    with telemetry.stream("live") as meter, pytest.raises(ValueError, match="shorter"):
        meter.answered(Answered(shares=(0.5, 0.5)), 0.04)


def test_streams_are_open_for_as_long_as_they_are(telemetry: Telemetry) -> None:
    with telemetry.stream("live"), telemetry.stream("live"):
        assert value(telemetry, "gateway_streams_open", kind="live") == 2
    assert value(telemetry, "gateway_streams_open", kind="live") == 0
    assert value(telemetry, "gateway_streams_ended_total", kind="live", outcome="done") == 2


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (InferenceTimeoutError("too slow"), "failed", "inference_timeout"),
        (RuntimeError("nobody foresaw it"), "failed", "internal_error"),
        (asyncio.CancelledError(), "cancelled", None),
    ],
)
def test_an_error_out_of_a_stream_is_counted_once(
    telemetry: Telemetry, error: BaseException, outcome: str, reason: str | None
) -> None:
    with pytest.raises(type(error)), telemetry.stream("live"):
        raise error
    assert value(telemetry, "gateway_streams_ended_total", kind="live", outcome=outcome) == 1
    assert value(telemetry, "gateway_streams_open", kind="live") == 0
    counted = re.findall(
        r'gateway_stream_errors_total\{kind="live",reason="(\w+)"\} 1', telemetry.exposition().decode()
    )
    assert counted == ([reason] if reason else [])


def test_reasons_that_nobody_listed_make_no_series_of_their_own(telemetry: Telemetry) -> None:
    with telemetry.stream("live") as meter:
        for client in range(50):
            meter.failed(f"client {client} did something")
        meter.failed("slow_client")
    assert value(telemetry, "gateway_stream_errors_total", reason="other") == 50
    assert value(telemetry, "gateway_stream_errors_total", reason="slow_client") == 1
    assert telemetry.exposition().decode().count("gateway_stream_errors_total{") == 2


@pytest.fixture
def rates() -> Iterator[tuple[StreamMeter, Clock, CollectorRegistry]]:
    registry, clock = CollectorRegistry(), Clock()
    with StreamMeter(StreamMetrics(registry), "live", clock) as meter:
        yield meter, clock, registry


def test_frames_per_second_are_looked_at_every_few_seconds(
    rates: tuple[StreamMeter, Clock, CollectorRegistry],
) -> None:
    meter, clock, registry = rates
    for _ in range(round(2 * LOOK_S * 16)):
        clock.now += 1 / 16
        meter.answered(Answered(), 0.04)
    assert registry.get_sample_value("gateway_stream_frames_per_second_count", {"kind": "live"}) == 2
    assert registry.get_sample_value("gateway_stream_frames_per_second_sum", {"kind": "live"}) == pytest.approx(32)
    assert meter.rate == pytest.approx(16)


def test_a_stream_that_stands_still_is_seen_before_its_next_answer(
    rates: tuple[StreamMeter, Clock, CollectorRegistry],
) -> None:
    meter, clock, _ = rates
    clock.now += 3
    assert math.isnan(meter.rate), "too young to tell"
    clock.now += 7
    meter.answered(Answered(), 0.04)
    assert meter.rate == pytest.approx(0.1)
    clock.now += 40
    assert meter.rate == 0


def test_the_slowest_stream_is_the_one_that_is_told() -> None:
    registry, clock = CollectorRegistry(), Clock()
    meters = Meters(StreamMetrics(registry), clock)

    def told() -> float:
        return registry.get_sample_value("gateway_stream_slowest_frames_per_second", {"kind": "live"}) or 0.0

    with meters.stream("live") as fast, meters.stream("live") as slow:
        assert math.isnan(told()), "too young to tell"
        for second in range(round(LOOK_S)):
            clock.now += 1
            for _ in range(30 if second < LOOK_S - 1 else 31):
                fast.answered(Answered(), 0.04)
            slow.answered(Answered(), 0.04)
        assert told() == pytest.approx(1)
    assert math.isnan(told()), "nobody streams"
