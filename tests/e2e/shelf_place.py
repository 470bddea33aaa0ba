"""A real server of two shelf networks, the starter and one that reads a pixel's class off its red; clips for both."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import psutil
from numpy.typing import NDArray

from serving.session import Session, running
from tests.e2e.gateways import gateway
from tests.e2e.repositories import ROOT, copied, settings
from tests.e2e.shelf_network import write
from training.scenes.shelf.record import filmed

COLOURS = "unet_resnet34"  # the name under which the network of colours is served
SIDE, LEVEL = 512, 52
# Sequences that the server takes at a time: few enough that forgotten ones are felt, and for long enough.
CANDIDATES, IDLE_S = 36, 60
STARTER = ROOT / "model_repository" / "shelf_segmenter" / "1" / "model.onnx"


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames [h, w, 3] before any codec, the exact classes [h, w] of their pixels, and where each one's shelf went."""

    frames: list[NDArray[np.uint8]]
    truths: list[NDArray[np.uint8]]
    moves: list[NDArray[np.float64]]


def filmed_clip(seed: int, frames: int, longer: int = 256) -> Clip:
    seen = list(filmed(seed, 0, longer, frames, 30.0))
    return Clip(
        [np.ascontiguousarray(one.photo) for one in seen],
        [np.asarray(one.truth.classes, np.uint8) for one in seen],
        [np.asarray(one.moved, np.float64) for one in seen],
    )


def coloured(clip: Clip) -> list[NDArray[np.uint8]]:
    """The frames with their classes in the red, for the network that reads them off it."""
    pictures = [frame.copy() for frame in clip.frames]
    for picture, truth in zip(pictures, clip.truths, strict=True):
        picture[..., 0] = truth * LEVEL + LEVEL // 2
    return pictures


def miou(masks: Sequence[NDArray[np.uint8]], truths: Sequence[NDArray[np.uint8]]) -> float:
    """The mean of the five classes over all pixels of all frames."""
    pairs = np.stack([np.bincount((5 * t + m).ravel(), minlength=25) for m, t in zip(masks, truths, strict=True)])
    table = pairs.sum(0).reshape(5, 5)
    union = table.sum(0) + table.sum(1) - table.diagonal()
    return float((table.diagonal()[union > 0] / union[union > 0]).mean())


@dataclass(frozen=True, slots=True)
class Place:
    """A server, and the settings of gateways before it."""

    session: Session
    folder: Path

    @contextmanager
    def gateway(self, jobs: str = "jobs", **more: str) -> Iterator[Front]:
        variables = {
            "GATEWAY_TRITON_URL": self.session.grpc_url,
            "GATEWAY_STORE_URL": str(self.folder / "store"),
            "GATEWAY_JOBS": str(self.folder / jobs),
            "GATEWAY_MAX_STREAMS": "40",
            "GATEWAY_JOB_PROGRESS_INTERVAL_SECONDS": "0.05",
        }
        with gateway(variables | more) as (client, process):
            yield Front(client, process.pid, self.folder / jobs / "files")


@dataclass(frozen=True, slots=True)
class Front:
    """A gateway that listens. `files` is the folder of what its jobs keep."""

    client: httpx.Client
    pid: int
    files: Path

    @property
    def port(self) -> int:
        port = self.client.base_url.port
        assert port is not None
        return port

    def metric(self, line: str) -> float:
        """The value behind a line of /metrics, 0 where there is none."""
        found = (one for one in self.client.get("/metrics").text.splitlines() if one.startswith(f"{line} "))
        return float(next(found, "none 0").rpartition(" ")[2])


@contextmanager
def served(folder: Path, *, starter: bool = True, idle_s: float = IDLE_S) -> Iterator[Place]:
    """`starter`: where it is there; `idle_s`: how long the server keeps a video of which no frame comes."""
    names = [COLOURS, *(["starter"] if starter and STARTER.exists() else [])]
    endings = {COLOURS: f"_{COLOURS}", "starter": ""}
    pipelines = [f"{role}{endings[name]}" for name in names for role in ("segment_shelf", "segment_stream")]
    models = ("decode", "shelf", "shelf_smooth", *(["shelf_segmenter"] if "starter" in names else []))
    copied(folder, models, pipelines)
    config = folder / "models" / "shelf_smooth" / "config.pbtxt"
    text = config.read_text().replace("max_candidate_sequences: 256", f"max_candidate_sequences: {CANDIDATES}")
    config.write_text(text.replace("idle_microseconds: 20000000", f"idle_microseconds: {idle_s * 1e6:.0f}"))
    target = folder / "models" / f"shelf_segmenter_{COLOURS}"
    write(target / "1" / "model.onnx", SIDE, instances=False)
    shutil.copy(ROOT / "model_repository" / target.name / "config.pbtxt", target)
    with running(settings(folder)) as session:
        yield Place(session, folder)


def stub(session: Session, model: str) -> int:
    """The process of a model's first instance."""
    return next(pid for pid, name in session.stubs().items() if name.startswith(f"{model}_0"))


def memory_bytes(*pids: int) -> int:
    """What processes and all that they started hold; memory that several share counts once."""
    processes = [psutil.Process(pid) for pid in pids]
    family = {member for one in processes for member in (one, *one.children(recursive=True))}
    return sum(member.memory_full_info().pss for member in family)
