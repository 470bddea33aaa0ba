"""A whole video file: through the service as a job, and through the loop that everybody writes."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from perf.shelf.clip import Clip

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S, LOOK_S = 900.0, 0.05
ASKED = {"outputs": "video", "smoothing": "0.5"}


class FilmError(RuntimeError):
    """A job that failed, did not end, or lost frames; a loop that failed."""


def served(gateway: str, clip: Clip) -> float:
    """Frames per second from the first byte of the upload until the job is done, its overlay video written."""
    with httpx.Client(base_url=gateway, timeout=PATIENCE_S) as client, clip.path.open("rb") as file:
        start = time.perf_counter()
        answer = client.post("/api/segment_video", files={"video": ("clip.mp4", file, "video/mp4")}, data=ASKED)
        if not answer.is_success:
            raise FilmError(f"the gateway refuses {clip.path.name}: {answer.text[:500]}")
        job = _ended(client, answer.json()["id"])
        seconds = time.perf_counter() - start
    if job["state"] != "done" or job["progress"]["done"] != clip.frames:
        raise FilmError(f"{clip.path.name}: job is {job['state']}, {job['progress']}, {job['error']}")
    return clip.frames / seconds


def _ended(client: httpx.Client, number: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        job: dict[str, Any] = client.get(f"/api/jobs/{number}").raise_for_status().json()
        if job["state"] not in {"queued", "running"}:
            return job
        time.sleep(LOOK_S)
    raise FilmError(f"the job has not ended within {PATIENCE_S:.0f} s")


def looped(network: Path, clip: Clip) -> float:
    """Frames per second of perf.opencv_loop in a process of its own, once its network is loaded."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "perf.opencv_loop", str(network), str(clip.path), f"{folder}/overlay.mp4"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FilmError(f"the loop failed on {clip.path.name}:\n{done.stderr[-2000:]}")
    found = json.loads(done.stdout)
    if found["frames"] != clip.frames:
        raise FilmError(f"the loop saw {found['frames']} frames of {clip.frames}")
    return float(found["frames"] / found["seconds"])
