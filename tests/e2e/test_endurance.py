"""An analysis over thousands of requests of every kind, and with its models' processes killed under it."""

from __future__ import annotations

import base64
import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, cycle, islice
from typing import Any

import httpx
import psutil
import pytest

from perf.corpus import photo
from serving import shared_memory
from serving.session import Session
from tests.e2e.gateways import gateway, pictures_served, wait_until
from tests.e2e.networks import CLIP, COLLECTION, PERSON, Networks
from tests.e2e.processes import regions
from tests.faces import photographs

pytestmark = pytest.mark.e2e

REQUESTS = int(os.environ.get("ENDURANCE_REQUESTS", "400"))
FIRST = 400
MIB = 1 << 20
FACE = {"target": "prominent_face", "face_context": "whole_image"}
TASKS: tuple[dict[str, Any], ...] = (
    {"operation_id": "clip", "type": "embed_clip_vit_b_32"},
    {"operation_id": "person", "type": "detect_bounding_box"},
    {"operation_id": "dino", "type": "embed_dino_v2", "params": {"target": "prominent_person"}},
    {"operation_id": "face", "type": "embed_clip_vit_b_32", "params": FACE},
    {"operation_id": "in", "type": "classify", "params": {**FACE, "collection_id": COLLECTION}},
    {"operation_id": "words", "type": "describe_image", "params": {"max_length": 6}},
)
log = logging.getLogger(__name__)
Ask = Callable[[httpx.Client], int]


def upload(picture: bytes, *tasks: dict[str, Any], timeout_s: float = 60) -> Ask:
    def ask(client: httpx.Client) -> int:
        files, form = {"image_file": ("a.jpg", picture)}, {"tasks_json": json.dumps(tasks)}
        try:
            return client.post("/analyze_image_upload/", files=files, data=form, timeout=timeout_s).status_code
        except httpx.TimeoutException:
            return 0

    return ask


def post(path: str, body: dict[str, Any]) -> Ask:
    return lambda client: client.post(path, json=body).status_code


def mixed(url: str) -> list[tuple[Ask, set[int]]]:
    """Requests of every kind with the statuses that each may have; 0: the client did not wait."""
    face, room, large = photographs.jpeg(), photo(320, 240, 1), photo(1600, 1200, 2)
    words = [f"number {number}" for number in range(4)]
    picture = {"image": base64.b64encode(room).decode()}
    return [
        (upload(face, *TASKS), {200}),
        (upload(room, *TASKS[:2]), {200}),
        (post("/analyze_image/", {"image_url": f"{url}/face.jpg", "tasks": TASKS[:4]}), {200}),
        (upload(face[:3000], *TASKS), {400}),
        (post("/v1/embeddings", {"model": CLIP, "input": [*words, picture]}), {200}),
        (upload(large, *TASKS[1:3]), {200}),
        (upload(room, *TASKS, timeout_s=0.02), {0, 200}),
        (upload(room, {"operation_id": "x", "type": "read_thoughts"}), {200}),
        (post("/analyze_images/", {"image_urls": [f"{url}/face.jpg", f"{url}/none"], "tasks": TASKS[:1]}), {200}),
        (post("/analyze_image/", {"image_url": f"{url}/none", "tasks": TASKS}), {400}),
    ]


def memory(session: Session, gateway_pid: int) -> tuple[int, int]:
    """What the server's and the gateway's processes hold, and what lies in shared memory, bytes."""
    own = sum(psutil.Process(pid).memory_info().rss for pid in (session.pid, gateway_pid, *session.stubs()))
    return own, sum((shared_memory.HOME / name).stat().st_blocks * 512 for name in regions(session))


def test_thousands_of_mixed_requests_leave_memory_as_it_was(analysing: Session) -> None:
    variables = {"GATEWAY_TRITON_URL": analysing.grpc_url, "GATEWAY_FETCH_ALLOWED_NETWORKS": "127.0.0.0/8"}
    with (
        pictures_served({"/face.jpg": photographs.jpeg()}.get) as url,
        gateway(variables) as (client, process),
        ThreadPoolExecutor(4) as pool,
    ):
        wait_until(lambda: upload(photo(64, 64, 1), TASKS[0])(client) == 200)
        kinds = mixed(url)

        def send(kind: tuple[Ask, set[int]]) -> bool:
            ask, allowed = kind
            return ask(client) in allowed

        assert all(pool.map(send, islice(cycle(kinds), FIRST)))
        first, first_shared = memory(analysing, process.pid)
        assert all(pool.map(send, islice(cycle(kinds), REQUESTS)))
        last, last_shared = memory(analysing, process.pid)
    log.info(
        "%d requests: %d MiB, then %d; shared %d, then %d",
        REQUESTS,
        *(bytes_ // MIB for bytes_ in (first, last, first_shared, last_shared)),
    )
    assert last < first * 1.05
    assert last_shared < first_shared * 1.05


@pytest.fixture
def served(
    networks: Networks, supervised: Callable[[Mapping[str, str]], Session]
) -> Iterator[tuple[Session, httpx.Client]]:
    session = supervised(networks.settings)
    with gateway({"GATEWAY_TRITON_URL": session.grpc_url}) as (client, _):
        wait_until(lambda: is_well(client))
        yield session, client


def is_well(client: httpx.Client) -> bool:
    return set(outcome(client)) == {"success"}


def outcome(client: httpx.Client) -> list[str]:
    """The status of each task of one request, or the request's own."""
    files, form = {"image_file": ("a.jpg", photo(160, 120, 1))}, {"tasks_json": json.dumps(TASKS[:3])}
    answer = client.post("/analyze_image_upload/", files=files, data=form)
    if answer.status_code != 200:
        assert answer.json()["request_id"]
        return [str(answer.status_code)]
    return [result["status"] for result in answer.json()["results"].values()]


def outcomes(client: httpx.Client, until: threading.Event) -> list[str]:
    found = []
    while not until.is_set():
        found += outcome(client)
    return found


def test_a_killed_process_costs_the_requests_in_flight_and_each_is_answered(
    served: tuple[Session, httpx.Client],
) -> None:
    session, client = served
    for name in (CLIP, PERSON, "analysis"):
        stopped, lines = threading.Event(), len(session.lines)

        with ThreadPoolExecutor(4) as pool:
            loads = [pool.submit(outcomes, client, stopped) for _ in range(4)]
            pid = next(pid for pid, model in session.stubs().items() if model.startswith(name))
            os.kill(pid, signal.SIGKILL)
            session.wait_for("server back", 60, lines)
            stopped.set()
            found = set(chain.from_iterable(load.result() for load in loads))
        assert found <= {"success", "error", "503"}
        wait_until(partial(is_well, client))
