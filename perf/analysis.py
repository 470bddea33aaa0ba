"""Four questions about one picture: asked at once, one after the other, and of a plain service in torch."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from perf import corpus, families, loop, report
from serving.session import free_ports, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from perf.analyzer import Measurement
    from perf.loop import Send

Task = dict[str, object]
ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".perf" / "checkpoints"
STEPS = ("analysis", "decode", "person_boxes")
TASKS: tuple[Task, ...] = (
    {"operation_id": "whole", "type": "embed_clip_vit_b_32", "params": {"target": "whole_image"}},
    {"operation_id": "person", "type": "detect_bounding_box", "params": {"target": "prominent_person"}},
    {"operation_id": "clip", "type": "embed_clip_vit_b_32", "params": {"target": "prominent_person"}},
    {"operation_id": "dino", "type": "embed_dino_v2", "params": {"target": "prominent_person"}},
)
AT_ONCE, IN_TURN, PLAIN = "four tasks at once", "the same, one after the other", "the same, plain service in torch"
CONCURRENCY = (1, 8)
_NETWORKS = (families.CLIP, families.DINO, families.PERSON)
PATIENCE_S = 120


def run(requests: int, rounds: int, checkpoints: Path | None, out: Path) -> str:
    """Measure and write the report; without checkpoints, networks of the real sizes with random weights."""
    folders = families.make(CACHE) if checkpoints is None else {name: checkpoints / name for name in _NETWORKS}
    found: dict[tuple[str, int], list[Measurement]] = {}
    with (
        tempfile.TemporaryDirectory() as models,
        _gateway(_exported(Path(models), folders)) as ours,
        _torch_service(next(iter(folders.values())).parent) as theirs,
    ):
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", flush=True)
            for key, measured in asyncio.run(_round(ours, theirs, requests)):
                found.setdefault(key, []).append(measured)
                print(f"  {key[0]:36} c={key[1]}  {measured.per_second:6.2f}/s", flush=True)
    rows = {key: loop.middle(values) for key, values in found.items()}
    return report.write(out, report.table(rows, PLAIN), "Four tasks about one picture", ROOT)


def _exported(models: Path, folders: dict[str, Path]) -> Path:
    for name in (*STEPS, *_NETWORKS):
        ignored = shutil.ignore_patterns("model.onnx", "model.json")
        shutil.copytree(ROOT / "model_repository" / name, models / name, ignore=ignored)
    for name, folder in folders.items():
        print(f"exporting {name}", flush=True)
        command = [sys.executable, "-m", "export", name, "--checkpoint", str(folder), "--repository", str(models)]
        subprocess.run([*command, "--licence", "MIT"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return models


@contextmanager
def _gateway(models: Path) -> Iterator[str]:
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as store:
        variables = {"SERVING_GATEWAY": "true", "GATEWAY_PORT": str(port), "GATEWAY_STORE_URL": store}
        variables |= {"GATEWAY_MODEL_REPOSITORY": str(models)}
        with running(variables | {"SERVING_MODEL_REPOSITORIES": f"{models},{ROOT / 'ensembles'}"}):
            yield f"http://127.0.0.1:{port}"


@contextmanager
def _torch_service(folder: Path) -> Iterator[str]:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "perf.torch_service", str(folder), str(port)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            _wait(url, process)
            yield url
        finally:
            process.terminate()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the plain service did not come up within {PATIENCE_S} s")
        time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/openapi.json", timeout=5).is_success
    except httpx.HTTPError:
        return False


async def _round(ours: str, theirs: str, requests: int) -> list[tuple[tuple[str, int], Measurement]]:
    photos, measured = corpus.photos(), []
    one_by_one: list[tuple[Task, ...]] = [(task,) for task in TASKS]
    for concurrency in CONCURRENCY:
        for name, url, parts in ((AT_ONCE, ours, [TASKS]), (IN_TURN, ours, one_by_one), (PLAIN, theirs, [TASKS])):
            async with _uploads(url, parts) as send:
                measured.append(((name, concurrency), await loop.measure(send, photos, concurrency, requests)))
    return measured


@asynccontextmanager
async def _uploads(url: str, parts: list[tuple[Task, ...]]) -> AsyncIterator[Send]:
    """One upload for each part of the task list; raises unless every task of every answer is a success."""
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as client:

        async def send(photo: bytes) -> None:
            for tasks in parts:
                files, form = {"image_file": ("photo.jpg", photo)}, {"tasks_json": json.dumps(tasks)}
                answer = await client.post("/analyze_image_upload/", files=files, data=form)
                answer.raise_for_status()
                failed = [one for one in answer.json()["results"].values() if one["status"] != "success"]
                if failed:
                    raise RuntimeError(f"{url}: {failed[0]}")

        yield send
