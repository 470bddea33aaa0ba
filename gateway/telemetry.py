"""Counters, gauges and histograms of one application, in a registry of its own, and the door to read them."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from gateway.drift.metrics import DriftMetrics
from gateway.processing import Processing, ProcessingMetrics
from gateway.segmentation.meter import Kind, Meters, StreamMeter
from gateway.stream_metrics import StreamMetrics

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Telemetry:
    """All metrics of the gateway. Labels come from fixed sets: routes, statuses, pipelines, operations."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self.requests = Counter(
            "gateway_requests", "Answered requests", ("route", "method", "status"), registry=registry
        )
        self.request_seconds = Histogram(
            "gateway_request_seconds", "Time to the end of the answer", ("route",), registry=registry, buckets=SECONDS
        )
        self.in_flight = Gauge("gateway_requests_in_flight", "Requests being answered", registry=registry)
        self.waiting = Gauge("gateway_inference_waiting", "Requests waiting for an inference slot", registry=registry)
        self.inferring = Gauge("gateway_inference_running", "Inferences running", registry=registry)
        self.rejected = Counter("gateway_rejected", "Requests turned away with 429", ("reason",), registry=registry)
        self.fetch_bytes = Counter("gateway_fetch_bytes", "Bytes of fetched pictures", registry=registry)
        self.fetch_seconds = Histogram(
            "gateway_fetch_seconds", "Time of a fetch that ended well", registry=registry, buckets=SECONDS
        )
        self.inference_seconds = Histogram(
            "gateway_inference_seconds", "Time of an inference", ("pipeline",), registry=registry, buckets=SECONDS
        )
        self.store_seconds = Histogram(
            "gateway_store_seconds", "Time of a store operation", ("operation",), registry=registry, buckets=SECONDS
        )
        self.results = Counter(
            "gateway_results", "Results by where they came from", ("pipeline", "origin"), registry=registry
        )
        self.routed = Counter("gateway_routed", "Recipe photos by where they went", ("route",), registry=registry)
        self._count_photos(registry)
        self._streams = Meters(StreamMetrics(registry))
        self.drift = DriftMetrics(registry)
        self.processing = Processing()
        self._canary_age = Gauge(
            "gateway_canary_age_seconds", "Age of the last good canary", ("pipeline",), registry=registry
        )
        self._pipeline_up = Gauge(
            "gateway_pipeline_up", "Whether the last canary was good", ("pipeline",), registry=registry
        )

    def _count_photos(self, registry: CollectorRegistry) -> None:
        """What only product photos have: breakers, another service in Triton's stead, templates from a store."""
        self.breaker_open = Gauge(
            "gateway_breaker_open", "Whether a pipeline's circuit breaker is open", ("pipeline",), registry=registry
        )
        self.fallback = Counter(
            "gateway_fallback", "Photos that the fallback was asked for", ("outcome",), registry=registry
        )
        self.fallback_seconds = Histogram(
            "gateway_fallback_seconds", "Time of a fallback that ended well", registry=registry, buckets=SECONDS
        )
        self.template_looks = Counter(
            "gateway_templates_sync", "Looks at the store of templates", ("outcome",), registry=registry
        )
        self.template_versions = Gauge(
            "gateway_templates_versions", "Templates' versions in their store", ("state",), registry=registry
        )

    def fetched(self, bytes_read: int, seconds: float) -> None:
        self.fetch_bytes.inc(bytes_read)
        self.fetch_seconds.observe(seconds)

    def follow(self, pipeline: str, age_s: Callable[[], float], up: Callable[[], bool]) -> None:
        """Reads a pipeline's canary whenever the metrics are read."""
        self._canary_age.labels(pipeline).set_function(age_s)
        self._pipeline_up.labels(pipeline).set_function(lambda: float(up()))

    def stream(self, kind: Kind) -> AbstractContextManager[StreamMeter]:
        """Around one stream of frames."""
        return self._streams.stream(kind)

    @contextmanager
    def store_operation(self, operation: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.store_seconds.labels(operation).observe(time.monotonic() - started)

    def processed(self) -> ProcessingMetrics:
        """The metrics of product photos, as the old service told them."""
        return self.processing.metrics(
            active=self._count("gateway_inference_running"),
            queue=self._count("gateway_inference_waiting"),
            fallback=self._count("gateway_fallback_total", {"outcome": "answered"}),
        )

    def _count(self, name: str, labels: dict[str, str] | None = None) -> int:
        return int(self._registry.get_sample_value(name, labels) or 0)

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)
