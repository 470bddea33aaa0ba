"""Alerts and dashboard name metrics that exist; with promtool at hand, alerts are tried."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

from gateway.telemetry import Telemetry

ROOT = Path(__file__).resolve().parents[2]
WATCH = ROOT / "deploy" / "watch"
DASHBOARD = json.loads((WATCH / "grafana" / "dashboards" / "darkroom.json").read_text())
RULES = [rule for group in yaml.safe_load((WATCH / "rules.yml").read_text())["groups"] for rule in group["rules"]]
PROMTOOL = shutil.which("promtool")
OURS = re.compile(r"\b(?:gateway|shelf)_[a-z_]+\b")
# Of release 24.10: what Triton's own metrics are called that are used here.
TRITON = {
    "nv_cpu_memory_total_bytes",
    "nv_cpu_memory_used_bytes",
    "nv_cpu_utilization",
    "nv_gpu_memory_total_bytes",
    "nv_gpu_memory_used_bytes",
    "nv_gpu_utilization",
    "nv_inference_queue_duration_us",
    "nv_inference_request_success",
}


def exposed() -> dict[str, str]:
    """Every metric of ours with its type; counters with their `_total`."""
    found = re.findall(r"^# TYPE (\S+) (\S+)", Telemetry().exposition().decode(), re.MULTILINE)
    return {name: kind for name, kind in found if not name.endswith("_created")}


def series() -> set[str]:
    """What a query may name."""
    ends = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}
    return {name + end for name, kind in exposed().items() for end in ends[kind]}


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


@pytest.mark.parametrize("text", [rule["expr"] for rule in RULES] + queries())
def test_a_query_names_metrics_that_exist(text: str) -> None:
    labels = re.sub(r"\{[^}]*\}|by \([^)]*\)", "", text)
    names = set(OURS.findall(labels))
    assert names <= series()
    assert set(re.findall(r"\bnv_\w+", labels)) <= TRITON
    assert names or "nv_" in text or "up{" in text


def test_the_dashboard_shows_every_metric() -> None:
    shown = " ".join(queries())
    assert [name for name in exposed() if not re.search(rf"\b{name}(?:_bucket|_sum|_count)?\b", shown)] == []


def lost(given: object, kept: object, place: str = "dashboard") -> Iterator[str]:
    """Where `kept` has not what `given` has."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            yield from lost(value, kept.get(key), f"{place}.{key}")
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for number, (one, other) in enumerate(zip(given, kept, strict=True)):
            yield from lost(one, other, f"{place}[{number}]")
    elif given != kept:
        yield place


def as_grafana_has_it(dashboard: dict[str, Any]) -> list[str]:
    """What Grafana's own types do not know of a dashboard. Raises where a value is of none that they allow."""
    register_default_plugins()
    return list(lost(dashboard, json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))))


def test_the_dashboard_is_one_to_grafana_s_own_types() -> None:
    image = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]["image"]
    release = image.partition("grafana:")[2].rpartition(".")[0]
    assert version("grafana-foundation-sdk").partition("!")[2].startswith(release)
    assert as_grafana_has_it(DASHBOARD) == []
    known = {value for name, value in vars(units).items() if isinstance(value, str) and not name.startswith("_")}
    assert {panel["fieldConfig"]["defaults"]["unit"] for panel in panels()} <= known


@pytest.mark.parametrize(
    ("path", "name"), [((), "refesh"), (("panels", 1), "fieldconfig"), (("panels", 1, "targets", 0), "legend")]
)
def test_a_misspelled_field_would_be_found(path: tuple[str | int, ...], name: str) -> None:
    dashboard = deepcopy(DASHBOARD)
    place = dashboard
    for step in path:
        place = place[step]
    place[name] = "x"
    assert len(as_grafana_has_it(dashboard)) == 1


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not taken & cells, panel["title"]
        taken |= cells


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["action"]


def test_the_frame_s_50_ms_are_a_bucket_s_edge() -> None:
    telemetry = Telemetry()
    with telemetry.stream("live") as meter:
        meter.stage("decode", 0.01)
    assert (
        'gateway_stream_stage_seconds_bucket{kind="live",le="0.05",stage="decode"}' in telemetry.exposition().decode()
    )


def test_every_alert_is_tried() -> None:
    tried = (WATCH / "rules_test.yml").read_text()
    assert [rule["alert"] for rule in RULES if f'"{rule["alert"]}"' not in tried] == []


@pytest.mark.parametrize(
    "command",
    [("check", "config", "prometheus.yml"), ("check", "rules", "rules.yml"), ("test", "rules", "rules_test.yml")],
    ids=" ".join,
)
@pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing: it is in Debian's package prometheus")
def test_prometheus_own_tool_agrees(command: tuple[str, ...]) -> None:
    assert PROMTOOL
    done = subprocess.run([PROMTOOL, *command], cwd=WATCH, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_mounts_what_there_is() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    watching = {name: service for name, service in services.items() if service.get("profiles") == ["watch"]}
    assert watching.keys() == {"prometheus", "grafana"}
    mounts = [volume for service in watching.values() for volume in service["volumes"] if volume.startswith("./")]
    assert mounts
    assert all((ROOT / mount.split(":")[0]).exists() for mount in mounts)
    assert all(port.startswith("127.0.0.1:") for service in watching.values() for port in service["ports"])


def test_what_is_scraped_and_shown_is_there() -> None:
    jobs = yaml.safe_load((WATCH / "prometheus.yml").read_text())["scrape_configs"]
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    hosts = {target.split(":")[0] for job in jobs for config in job["static_configs"] for target in config["targets"]}
    assert hosts <= services.keys()
    provided = (WATCH / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text()
    (source,) = yaml.safe_load(provided)["datasources"]
    assert {panel["datasource"]["uid"] for panel in panels()} == {source["uid"]}
