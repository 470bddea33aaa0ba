"""The serving benchmark: pipeline, bare network and gateway beside bare ONNX Runtime, interleaved in one run."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import tempfile
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perf import analyzer, corpus, loop, report
from serving.session import free_ports, running
from serving.settings import ServingSettings, read

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
CLIENT = "same client"
BLOCKS = 5
TWIN = ROOT / "backends" / "onnxruntime"


class BareError(RuntimeError):
    """A session without a server that failed; the text is what it wrote."""


@dataclass(frozen=True, slots=True)
class Server:
    """A service that this benchmark started, and where it listens."""

    grpc: str
    gateway: str
    key: str
    launcher_pid: int


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
    table = report.table({key: loop.middle(values) for key, values in rows.items()}, (_bare_name(plan), 1))
    return report.write(results, table, plan.role, ROOT)


def _round(
    plan: Plan, server: Server, tool: analyzer.Analyzer, photos: Path, pixels: Path
) -> Iterator[tuple[tuple[str, int], analyzer.Measurement]]:
    network = newest(ROOT / "model_repository" / plan.role)
    yield (_bare_name(plan), 1), bare(network, plan.requests)
    yield (f"{plan.role} (bare ONNX Runtime, its defaults)", 1), bare(network, plan.requests, spinning=True)
    for way, key in (("gRPC", None), ("shared memory", server.key)):
        for concurrency in plan.concurrency:
            load = analyzer.Load(plan.role, server.grpc, pixels, concurrency, plan.requests, key)
            yield (f"{plan.role} (Triton, {way})", concurrency), tool.measure(load)
    for name in plan.pipelines:
        for concurrency in plan.concurrency:
            load = analyzer.Load(name, server.grpc, photos, concurrency, plan.requests)
            yield (f"{name} (Triton, gRPC)", concurrency), tool.measure(load)
    for concurrency in plan.concurrency:
        direct, through = asyncio.run(_gateway(plan, server, concurrency))
        yield (f"{plan.pipelines[0]} (Triton, gRPC, {CLIENT})", concurrency), direct
        yield (f"{plan.pipelines[0]} (gateway, REST, {CLIENT})", concurrency), through
    yield (_bare_name(plan), 1), bare(network, plan.requests)


async def _gateway(plan: Plan, server: Server, concurrency: int) -> tuple[analyzer.Measurement, analyzer.Measurement]:
    """The same loop of one client straight to Triton and through the gateway, a block of each in turn."""
    photos = corpus.photos()
    url = f"{server.gateway}/api/v2/{plan.role.removesuffix('_matte')}/predict_upload"
    block = max(1, plan.requests // BLOCKS)
    blocks: list[tuple[analyzer.Measurement, analyzer.Measurement]] = []
    async with loop.to_triton(server.grpc, plan.pipelines[0]) as direct, loop.to_gateway(url) as through:
        for _ in range(BLOCKS):
            first = await loop.measure(direct, photos, concurrency, block)
            blocks.append((first, await loop.measure(through, photos, concurrency, block)))
    return loop.middle([pair[0] for pair in blocks]), loop.middle([pair[1] for pair in blocks])


def _bare_name(plan: Plan) -> str:
    return f"{plan.role} (bare ONNX Runtime, as served)"


def newest(model: Path) -> Path:
    """Return the network of a model's newest version."""
    return max(model.glob("[0-9]*"), key=lambda path: int(path.name)) / "model.onnx"


def instances(model: Path) -> int:
    """Return how many of a model are served side by side, by its config."""
    from google.protobuf import text_format
    from tritonclient.grpc import model_config_pb2

    config = text_format.Parse((model / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())
    return sum(max(1, group.count) for group in config.instance_group) or 1


def bare(network: Path, requests: int, *, spinning: bool = False, pictures: Path | None = None) -> analyzer.Measurement:
    """Measure sessions of its own in the server's environment, as many as are served, with the threads that they have.

    They are shown the pictures of a .npy file, or noise.

    Raises BareError with what the session's process said.
    """
    python = read(ServingSettings).environment_dir / "bin" / "python"
    command = [str(python), "-m", "perf.bare", str(network)]
    command += ["--requests", str(requests)]
    command += ["--spinning", "--threads", "0"] if spinning else ["--instances", str(instances(network.parents[1]))]
    command += [] if pictures is None else ["--pictures", str(pictures)]
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{TWIN}"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BareError(f"{network} did not run in ONNX Runtime alone:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return analyzer.Measurement(**found)


@contextmanager
def started(models: Path | None = None) -> Iterator[Server]:
    """Start the whole service on free ports, as `make serve` does; stop it at the end. `models` stands in for ours."""
    port, key = free_ports(1)[0], secrets.token_urlsafe()
    with tempfile.TemporaryDirectory() as store, tempfile.TemporaryDirectory() as jobs:
        variables = {"SERVING_GATEWAY": "true", "GATEWAY_PORT": str(port), "GATEWAY_STORE_URL": store}
        variables["GATEWAY_JOBS"] = jobs
        variables["SERVING_CONTROL_KEY"] = key
        # Nothing else is to work while bare sessions do; canaries would take a twentieth of the time.
        variables["SERVING_CANARY_INTERVAL_SECONDS"] = variables["GATEWAY_CANARY_INTERVAL_SECONDS"] = "3600"
        if models is not None:
            variables["SERVING_MODEL_REPOSITORIES"] = f"{models},{ROOT / 'ensembles'}"
            variables["GATEWAY_MODEL_REPOSITORY"] = str(models)
        print("starting the service", flush=True)
        with running(variables) as session:
            yield Server(session.grpc_url, f"http://127.0.0.1:{port}", key, session.launcher_pid)
