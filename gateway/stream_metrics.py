"""What is counted of streams of frames. Labels come from fixed sets, never from clients or their streams."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Half a frame at 60 per second, one, one at 30, and the 50 ms that an alert watches, are edges.
SECONDS = (0.005, 0.01, 0.017, 0.025, 0.033, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 1)
FLICKER = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1)
RATES = (1, 2, 5, 8, 10, 12, 15, 20, 24, 25, 29, 30, 45, 59, 60, 120)


class StreamMetrics:
    """One set for all streams of an application; `meter.StreamMeter` fills it for one of them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.open = Gauge("gateway_streams_open", "Streams that are open", ("kind",), registry=registry)
        self.ended = Counter(
            "gateway_streams_ended", "Streams by how they ended", ("kind", "outcome"), registry=registry
        )
        self.frames = Counter(
            "gateway_stream_frames", "Frames that came, were answered or dropped", ("kind", "fate"), registry=registry
        )
        self.errors = Counter(
            "gateway_stream_errors",
            "What failed in streams, frames and streams alike",
            ("kind", "reason"),
            registry=registry,
        )
        self.seconds = Histogram(
            "gateway_stream_seconds",
            "Time from a frame's coming to its answer",
            ("kind",),
            registry=registry,
            buckets=SECONDS,
        )
        self.stages = Histogram(
            "gateway_stream_stage_seconds",
            "Time of one stage of a frame",
            ("kind", "stage"),
            registry=registry,
            buckets=SECONDS,
        )
        self.rates = Histogram(
            "gateway_stream_frames_per_second",
            "Frames answered per second of a stream, one look every few seconds of each",
            ("kind",),
            registry=registry,
            buckets=RATES,
        )
        self._slowest = Gauge(
            "gateway_stream_slowest_frames_per_second",
            "The slowest open stream's last rate",
            ("kind",),
            registry=registry,
        )
        self._watch_masks(registry)

    def _watch_masks(self, registry: CollectorRegistry) -> None:
        self.confidence = Histogram(
            "gateway_mask_confidence", "Mean confidence of a mask", ("kind",), registry=registry, buckets=SHARES
        )
        self.flicker = Histogram(
            "gateway_mask_flicker", "Share of a mask that changed", ("kind",), registry=registry, buckets=FLICKER
        )
        self.shares = Counter(
            "gateway_mask_shares", "Sum of a class's share over all masks", ("kind", "class"), registry=registry
        )

    def follow(self, kind: str, slowest: Callable[[], float]) -> None:
        """Asks for the slowest stream's rate whenever the metrics are read."""
        self._slowest.labels(kind).set_function(slowest)
