"""The serving benchmark: pipeline, bare network and gateway beside bare ONNX Runtime, interleaved in one run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from perf import analyzer, corpus, report, rest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
SERVER_PYTHON = ROOT / ".triton" / "bin" / "python"
START_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Server:
    """A service that this benchmark started, and where it listens."""

    grpc: str
    gateway: str


@dataclass(frozen=True, slots=True)
class Plan:
    role: str
    size: int
    pipelines: tuple[str, ...]
    concurrency: tuple[int, ...]
    requests: int
    rounds: int


def plan(role: str, requests: int, rounds: int) -> Plan:
    kind = role.removesuffix("_matte")
    return Plan(
        role, {"step": 512, "main": 1024}[kind], (f"cutout_{kind}", f"alpha_{kind}"), (1, 2, 4), requests, rounds
    )


def run(plan: Plan, results: Path) -> str:
    """Measure `plan` on a service of our own, write `results`, return the Markdown."""
    with tempfile.TemporaryDirectory() as folder, started() as server:
        photos, pixels = Path(folder) / "photos.json", Path(folder) / "pixels.json"
        corpus.write_photo_requests(photos)
        corpus.write_pixel_requests(pixels, plan.size)
        tool = analyzer.ready(ROOT / ".perf", ROOT / ".triton")
        rows: dict[tuple[str, int], list[analyzer.Measurement]] = defaultdict(list)
        for number in range(plan.rounds):
            print(f"round {number + 1} of {plan.rounds}", flush=True)
            for key, measured in _round(plan, server, tool, photos, pixels):
                rows[key].append(measured)
                print(f"  {key[0]:28} c={key[1]}  {measured.per_second:7.2f}/s", flush=True)
    table = report.table({key: _middle(values) for key, values in rows.items()}, f"{plan.role} (bare ONNX Runtime)")
    return report.write(results, table, plan.role, ROOT)


def _round(
    plan: Plan, server: Server, tool: analyzer.Analyzer, photos: Path, pixels: Path
) -> Iterator[tuple[tuple[str, int], analyzer.Measurement]]:
    bare = f"{plan.role} (bare ONNX Runtime)"
    yield (bare, 1), _bare(plan, 1)
    for concurrency in plan.concurrency:
        load = analyzer.Load(plan.role, server.grpc, pixels, concurrency, plan.requests)
        yield (f"{plan.role} (Triton, gRPC)", concurrency), tool.measure(load)
    for name in plan.pipelines:
        for concurrency in plan.concurrency:
            load = analyzer.Load(name, server.grpc, photos, concurrency, plan.requests)
            yield (f"{name} (Triton, gRPC)", concurrency), tool.measure(load)
    url = f"{server.gateway}/api/v2/{plan.role.removesuffix('_matte')}/predict_upload"
    for concurrency in plan.concurrency:
        measured = asyncio.run(rest.measure(url, corpus.photos(), concurrency, plan.requests))
        yield (f"{plan.pipelines[0]} (gateway, REST)", concurrency), measured
    yield (bare, 1), _bare(plan, 1)


def _bare(plan: Plan, sessions: int) -> analyzer.Measurement:
    version = max((p for p in (ROOT / "model_repository" / plan.role).glob("[0-9]*")), key=lambda path: int(path.name))
    command = [str(SERVER_PYTHON), "-m", "perf.bare", str(version / "model.onnx")]
    command += ["--sessions", str(sessions), "--requests", str(plan.requests)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return analyzer.Measurement(**found)


def _middle(values: list[analyzer.Measurement]) -> analyzer.Measurement:
    return analyzer.Measurement(
        *(statistics.median(getattr(v, f) for v in values) for f in ("per_second", "p50_ms", "p95_ms", "p99_ms"))
    )


@contextlib.contextmanager
def started() -> Iterator[Server]:
    """Start the whole service on free ports, as `make serve` does; stop it at the end."""
    http, grpc, metrics, gateway = _free_ports(4)
    with tempfile.TemporaryDirectory() as store, tempfile.TemporaryFile() as log:
        env = {
            **os.environ,
            "SERVING_HTTP_PORT": str(http),
            "SERVING_GRPC_PORT": str(grpc),
            "SERVING_METRICS_PORT": str(metrics),
            "GATEWAY_PORT": str(gateway),
            "GATEWAY_STORE_URL": f"file://{store}",
        }
        print("starting the service", flush=True)
        process = subprocess.Popen([sys.executable, "-m", "serving"], cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{gateway}"
            _wait(url, process)
            yield Server(f"127.0.0.1:{grpc}", url)
        except TimeoutError:
            log.seek(0)
            print(log.read().decode(errors="replace")[-4000:], file=sys.stderr)
            raise
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/health").is_success:
                return
        time.sleep(0.5)
    raise TimeoutError(f"the service did not come up at {url}")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(s.getsockname()[1]) for s in sockets]
    for s in sockets:
        s.close()
    return ports
