"""The benchmark of shelf videos: streams, files, stages and cameras, on a service of its own, interleaved in rounds."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imaging import resize
from perf import loop, report, serving
from perf.shelf import clip as clips
from perf.shelf import figures, film, live, memory, stages, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imaging.arrays import Bytes
    from perf.analyzer import Measurement
    from perf.shelf.clip import Clip

ROOT = Path(__file__).resolve().parents[2]
NETWORK = "shelf_segmenter"
MODELS = (NETWORK, "shelf_smooth", "shelf", "decode")
BARE = ("bare network (ONNX Runtime, as served)", 1)
STEADIED = ("segment_stream (Triton, one gRPC stream each), smoothing 0.5", 1)
UNSMOOTHED = "segment_stream (Triton, one gRPC stream each), smoothing 0"
LOADS = {
    STEADIED: stream.Load(1, 0.5),
    (UNSMOOTHED, 1): stream.Load(1, 0.0),
    (STEADIED[0], 4): stream.Load(4, 0.5),
    (UNSMOOTHED, 4): stream.Load(4, 0.0),
}
WARM_UP = 4
FILES = """The loop writes MPEG-4 Part 2; the service writes H.264, steadies the masks and counts in every frame.
See the stages for what either encoder costs.
"""


class NoNetworkError(RuntimeError):
    """There is no network to measure; the text says how to get one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`frames` of a clip, which every stream and file has; `seconds` for which cameras send; `cache` of clips."""

    frames: int = 96
    rounds: int = 3
    seconds: float = 10.0
    clients: tuple[int, ...] = (1, 2, 4, 8)
    cache: Path = ROOT / ".perf"


@dataclass(slots=True)
class Found:
    """What the rounds have measured so far."""

    streams: dict[report.Key, list[Measurement]] = field(default_factory=lambda: defaultdict(list))
    looped: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    served: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    live: dict[int, list[live.Figures]] = field(default_factory=lambda: defaultdict(list))


def run(plan: Plan, out: Path, models: Path = ROOT / "model_repository") -> str:
    """Measure, write the report and return it. Raises NoNetworkError."""
    network = _network(models)
    busy = f"Load average before the run: {os.getloadavg()[0]:.1f}.\n"
    films = clips.ready(plan.cache, plan.frames)
    print("the stages on one core", flush=True)
    costs = {film.size: stages.measure(network, film, plan.rounds) for film in films}
    found = Found()
    with tempfile.TemporaryDirectory() as folder, _served(models) as server:
        squares, jpegs = _pictures(films[-1], network)
        pixels = Path(folder) / "pixels.npy"
        np.save(pixels, squares)
        stream.measure(server.grpc, stream.Load(1, 0.5), squares, WARM_UP)
        held = {"before": memory.held(server.launcher_pid)}
        for number in range(plan.rounds):
            print(f"round {number + 1} of {plan.rounds}", flush=True)
            _streams(plan, server, network, pixels, found)
            _files(server, network, films, found)
            _cameras(plan, server, jpegs, found)
            held["after the first round" if not number else "after the last round"] = memory.held(server.launcher_pid)
    parts = [busy, _text(found), "## Stages\n", figures.costs(costs), "## Memory\n", figures.memory(held)]
    return report.write(out, "\n".join(parts), "Shelf video", ROOT)


def _network(models: Path) -> Path:
    try:
        return serving.newest(models / NETWORK)
    except ValueError as error:
        raise NoNetworkError(f"{models / NETWORK} has no version: python -m export {NETWORK} writes one") from error


@contextmanager
def _served(models: Path) -> Iterator[serving.Server]:
    """The service with the newest network and the steps of its pipelines alone."""
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            source = models if (models / name).exists() else ROOT / "model_repository"
            shutil.copytree(source / name, Path(folder) / name)
        with serving.started(Path(folder)) as server:
            yield server


def _pictures(clip: Clip, network: Path) -> tuple[Bytes, list[bytes]]:
    """The clip's frames as the network takes them, and as a camera sends them."""
    frames = clips.decode(clip.path)
    side = _side(network)
    return np.stack([resize.square(frame, side) for frame in frames]), stages.jpegs(frames)


def _side(network: Path) -> int:
    from perf import bare

    return int(bare.session(str(network), 1, spinning=False).get_inputs()[0].shape[1])


def _streams(plan: Plan, server: serving.Server, network: Path, pixels: Path, found: Found) -> None:
    squares = np.load(pixels)
    _note(found, BARE, serving.bare(network, plan.frames, pictures=pixels))
    for key, load in LOADS.items():
        _note(found, key, stream.measure(server.grpc, load, squares, max(1, plan.frames // load.streams)))
    _note(found, BARE, serving.bare(network, plan.frames, pictures=pixels))


def _note(found: Found, key: report.Key, measured: Measurement) -> None:
    found.streams[key].append(measured)
    print(f"  {key[0]:62} c={key[1]}  {measured.per_second:7.2f}/s", flush=True)


def _files(server: serving.Server, network: Path, films: list[Clip], found: Found) -> None:
    for clip in films:
        found.looped[clip.size].append(film.looped(network, clip))
        found.served[clip.size].append(film.served(server.gateway, clip))
        looped, served = found.looped[clip.size][-1], found.served[clip.size][-1]
        print(f"  {clip.size}: OpenCV loop {looped:.2f}/s, service {served:.2f}/s", flush=True)


def _cameras(plan: Plan, server: serving.Server, jpegs: list[bytes], found: Found) -> None:
    url = f"{server.gateway.replace('http', 'ws', 1)}/api/stream"
    for clients in plan.clients:
        one = live.measure(url, jpegs, clients, clips.RATE, plan.seconds)
        found.live[clients].append(one)
        print(f"  {clients} cameras: {one.per_stream:.1f} fps each, {one.dropped:.0%} dropped", flush=True)


def _text(found: Found) -> str:
    streams = {key: loop.middle(values) for key, values in found.streams.items()}
    files = {size: figures.File(found.looped[size], found.served[size]) for size in found.looped}
    cameras = [live.middle(values) for _, values in sorted(found.live.items())]
    parts = [
        "## Streams against the bare network\n",
        figures.streams(streams, BARE, STEADIED),
        "## Files against the loop that everybody writes\n",
        figures.files(files),
        FILES,
        f"## Live streams of 640x480 over WS /api/stream, {os.cpu_count()} cores, cameras on the same ones\n",
        figures.cameras(cameras, os.cpu_count() or 1),
    ]
    return "\n".join(parts)
