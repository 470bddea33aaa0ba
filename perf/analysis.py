"""Four questions about one picture: asked at once, one after the other, and of a plain service in torch. And what the
server takes of its embedders' speed, in FP32 and in INT8.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from perf import analyzer, corpus, embedders, families, loop, report, serving
from serving.session import free_ports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from perf.analyzer import Measurement
    from perf.loop import Send
    from perf.report import Rows

Task = dict[str, object]
Folders = dict[str, Path]
ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".perf" / "checkpoints"
STEPS = ("analysis", "decode", "person_boxes")
TASKS: tuple[Task, ...] = (
    {"operation_id": "whole", "type": "embed_clip_vit_b_32", "params": {"target": "whole_image"}},
    {"operation_id": "person", "type": "detect_bounding_box", "params": {"target": "prominent_person"}},
    {"operation_id": "clip", "type": "embed_clip_vit_b_32", "params": {"target": "prominent_person"}},
    {"operation_id": "dino", "type": "embed_dino_v2", "params": {"target": "prominent_person"}},
)
EACH: tuple[tuple[Task, ...], ...] = tuple((task,) for task in TASKS)
AT_ONCE, IN_TURN, PLAIN = "four tasks at once", "the same, one after the other", "the same, plain service in torch"
SMALLER = "four tasks at once, networks in INT8"
CONCURRENCY = (1, 8)
PRECISIONS = ("fp32", "int8")
PATIENCE_S = 120
CALIBRATION = 40


def run(requests: int, rounds: int, checkpoints: Path | None, out: Path) -> str:
    """Measure and write the report; without checkpoints, networks of the real sizes with random weights."""
    names = (*embedders.SIDES, families.PERSON)
    folders = families.make(CACHE) if checkpoints is None else {name: checkpoints / name for name in names}
    tool = analyzer.ready(ROOT / ".perf", ROOT / ".triton")
    tasks: dict[tuple[str, int], list[Measurement]] = defaultdict(list)
    networks: dict[tuple[str, int], list[Measurement]] = defaultdict(list)
    with ExitStack() as stack:
        models = {one: _exported(stack, folders, one) for one in PRECISIONS}
        servers = {one: stack.enter_context(serving.started(folder)) for one, folder in models.items()}
        plain = stack.enter_context(_torch_service(next(iter(folders.values())).parent))
        services = (
            (AT_ONCE, servers["fp32"].gateway, (TASKS,)),
            (IN_TURN, servers["fp32"].gateway, EACH),
            (SMALLER, servers["int8"].gateway, (TASKS,)),
            (PLAIN, plain, (TASKS,)),
        )
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", flush=True)
            for name, url, parts in services:
                for concurrency in CONCURRENCY:
                    _note(tasks, name, concurrency, asyncio.run(_asked(url, parts, concurrency, requests)))
            for precision, server in servers.items():
                for name, concurrency, found in embedders.measured(tool, server, models[precision], requests):
                    _note(networks, f"{name}, {precision.upper()}", concurrency, found)
    return report.write(out, _text(_middle(tasks), _middle(networks)), "Many tasks about one picture", ROOT)


def _note(rows: dict[tuple[str, int], list[Measurement]], name: str, concurrency: int, found: Measurement) -> None:
    rows[name, concurrency].append(found)
    print(f"  {name:56} c={concurrency}  {found.per_second:7.2f}/s", flush=True)


def _middle(rows: dict[tuple[str, int], list[Measurement]]) -> Rows:
    return {key: loop.middle(values) for key, values in rows.items()}


def _text(tasks: Rows, networks: Rows) -> str:
    """One table of the tasks for each concurrency, one of each network and precision, each with a floor of its own."""
    parts = [report.table({k: v for k, v in tasks.items() if k[1] == one}, (PLAIN, one)) for one in CONCURRENCY]
    for name in embedders.SIDES:
        floors = []
        for precision in PRECISIONS:
            ending = f", {precision.upper()}"
            rows = {k: v for k, v in networks.items() if k[0].startswith(f"{name} ") and k[0].endswith(ending)}
            floors.append(next(iter(rows)))
            parts.append(report.table(rows, floors[-1]))
        full, smaller = (networks[floor].per_second for floor in floors)
        parts.append(f"INT8 is {smaller / full:.2f} times as fast as FP32.\n")
    return "\n".join(parts)


def _exported(stack: ExitStack, folders: Folders, precision: str) -> Path:
    """A model repository of the steps and of every network."""
    models, photos = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
    corpus.write_photos(photos, CALIBRATION)
    for name in (*STEPS, *folders):
        ignored = shutil.ignore_patterns("model.onnx", "model.json")
        shutil.copytree(ROOT / "model_repository" / name, models / name, ignore=ignored)
    for name, folder in folders.items():
        print(f"exporting {name} in {precision.upper()}", flush=True)
        command = [sys.executable, "-m", "export", name, "--checkpoint", str(folder), "--repository", str(models)]
        options = ["--licence", "MIT", "--precision", precision, "--pictures", str(photos)]
        subprocess.run([*command, *options], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return models


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


async def _asked(url: str, parts: tuple[tuple[Task, ...], ...], concurrency: int, requests: int) -> Measurement:
    async with _uploads(url, parts) as send:
        return await loop.measure(send, corpus.photos(), concurrency, requests)


@asynccontextmanager
async def _uploads(url: str, parts: tuple[tuple[Task, ...], ...]) -> AsyncIterator[Send]:
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
