"""What is counted of drift. Labels are networks, figures and tests: all of them fixed by profiles."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class DriftMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.distance = Gauge(
            "shelf_drift",
            "Distance of the last window from the profile, in thresholds: above 1 it has drifted",
            ("network", "figure", "test"),
            registry=registry,
        )
        self.windows_over = Gauge(
            "shelf_drift_windows_over", "Windows in a row over a threshold", ("network",), registry=registry
        )
        self.episode = Gauge("shelf_drift_episode", "Whether drift has been found", ("network",), registry=registry)
        self.frames = Counter(
            "shelf_drift_frames", "Frames taken for comparison, or skipped", ("network", "fate"), registry=registry
        )
        self.reports = Counter("shelf_drift_reports", "Reports by what became of them", ("outcome",), registry=registry)
        self.webhooks = Counter(
            "shelf_drift_webhooks", "Calls of the webhook by how they ended", ("outcome",), registry=registry
        )
