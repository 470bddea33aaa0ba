"""Networks of shelves on a GPU: frames per second, latency and memory, from exported files."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from perf import report, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CUDA = "CUDAExecutionProvider"
NETWORKS = (
    "shelf_segmenter",
    "shelf_segmenter_yolov8n",
    "shelf_segmenter_yolov8s",
    "shelf_segmenter_unet_resnet34",
    "shelf_segmenter_deeplabv3plus_resnet50",
    "shelf_segmenter_rf_detr",
)
HEAD = "| network | side | fps | p50 ms | p95 ms | GPU memory MB |\n|---|---:|---:|---:|---:|---:|\n"
WARM_UP = 10


class NoGpuError(RuntimeError):
    """Why nothing can be measured on a GPU here."""


@dataclass(frozen=True, slots=True)
class Row:
    """One network; `megabytes` of the GPU that its session and one frame hold beyond what was held before."""

    name: str
    side: int
    fps: float
    p50_ms: float
    p95_ms: float
    megabytes: float


def run(models: Path, frames: int, out: Path, root: Path) -> str:
    """Measure every network that is exported, write the report and return it. Raises NoGpuError."""
    require()
    rows: list[Row | str] = []
    for name in NETWORKS:
        network = _network(models / name)
        rows.append(name if network is None else _measured(name, network, frames, held))
    return report.write(out, table(rows), "Shelf networks on a GPU", root)


def require() -> None:
    """Raises NoGpuError, which says what is missing."""
    import onnxruntime

    if shutil.which("nvidia-smi") is None:
        raise NoGpuError("there is no NVIDIA GPU here: nvidia-smi is not on PATH")
    providers = onnxruntime.get_available_providers()
    if CUDA not in providers:
        found = ", ".join(providers)
        raise NoGpuError(f"this ONNX Runtime has no {CUDA} (it has {found}): pip install onnxruntime-gpu")
    held()


def held() -> float:
    """Megabytes of the first GPU that are in use, by whomever. Raises NoGpuError."""
    command = ["nvidia-smi", "--id=0", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not done.stdout.strip():
        raise NoGpuError(f"nvidia-smi failed: {(done.stderr or done.stdout).strip()}")
    return float(done.stdout.split()[0]) * 1024**2 / 1e6


def table(rows: list[Row | str]) -> str:
    """Return the rows as Markdown; a text is a network that is not exported."""
    lines = [
        f"| {row} | not exported: `python -m export {row} --checkpoint ...` | | | | |"
        if isinstance(row, str)
        else f"| {row.name} | {row.side} | {row.fps:.1f} | {row.p50_ms:.1f} | {row.p95_ms:.1f} | {row.megabytes:.0f} |"
        for row in rows
    ]
    return HEAD + "\n".join(lines) + "\n"


def _network(folder: Path) -> Path | None:
    try:
        network = serving.newest(folder)
    except ValueError:
        return None
    return network if network.exists() else None


def _measured(name: str, network: Path, frames: int, used: Callable[[], float]) -> Row:
    """Frames one after the other, the copies to and from the GPU included."""
    import onnxruntime

    before = used()
    session = onnxruntime.InferenceSession(str(network), providers=[CUDA])
    if CUDA not in session.get_providers():
        raise NoGpuError(f"ONNX Runtime could not use the GPU for {name}: it fell back to {session.get_providers()}")
    side = int(session.get_inputs()[0].shape[1])
    times = timed(session, side, frames)
    p50, p95 = np.percentile(times, [50, 95]) * 1000
    return Row(name, side, len(times) / sum(times), float(p50), float(p95), used() - before)


def timed(session: Any, side: int, frames: int) -> list[float]:  # noqa: ANN401 - onnxruntime has no types
    """Seconds of each of `frames` frames of noise, after a few that are not counted."""
    noise = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    times = []
    for _ in range(WARM_UP + frames):
        start = time.perf_counter()
        session.run(None, {session.get_inputs()[0].name: noise})
        times.append(time.perf_counter() - start)
    return times[WARM_UP:]
