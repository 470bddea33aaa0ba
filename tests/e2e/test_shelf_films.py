"""Videos through a real gateway and a real server: exact where exactness can be had, and whole whatever is killed."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import socket
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL import Image

from gateway.video.reader import open_video
from imaging.overlay import scaled
from imaging.resize import square
from imaging.rle import decode
from tests.e2e.gateways import wait_until
from tests.e2e.shelf_place import (
    COLOURS,
    LEVEL,
    SIDE,
    STARTER,
    Clip,
    Front,
    Place,
    coloured,
    filmed_clip,
    miou,
    served,
    stub,
)
from tests.e2e.shelf_watching import Watching
from tests.gateway import clips, films
from tests.gateway.clips import LIMITS

pytestmark = pytest.mark.e2e

COUNT, RATE = 48, 30
FAST = {"preset": "ultrafast", "crf": "18"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with served(tmp_path_factory.mktemp("films")) as place:
        yield place


@pytest.fixture(scope="module")
def front(place: Place) -> Iterator[Front]:
    with place.gateway() as front:
        yield front


def submitted(client: httpx.Client, path: Path, **fields: str) -> str:
    """The address of a video's job."""
    answer = client.post(films.PATH, files={"video": (path.name, path.read_bytes())}, data=fields)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])


def told(client: httpx.Client, url: str) -> list[tuple[str, dict[str, Any]]]:
    """A job's server-sent events until the gateway ends them."""
    kinds, found = [], []
    with client.stream("GET", f"{url}/events", timeout=120) as answer:
        for line in answer.iter_lines():
            if line.startswith("event: "):
                kinds.append(line.removeprefix("event: "))
            elif line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
    return list(zip(kinds, found, strict=True))


def fetched(client: httpx.Client, job: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """Every result of a job that is done."""
    assert job["state"] == "done", job
    for one in job["results"]:
        content = client.get(one["url"]).content
        assert len(content) == one["size_bytes"]
        (folder / one["name"]).write_bytes(content)
    return {one["name"]: folder / one["name"] for one in job["results"]}


def masks_in(path: Path) -> list[NDArray[np.uint8]]:
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [f"{number:06d}.png" for number in range(len(archive.namelist()))]
        return [np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in archive.namelist()]


def pixels_in(path: Path) -> list[NDArray[np.uint8]]:
    with open_video(path, LIMITS) as video:
        return [frame.pixels for frame in video.frames()]


def test_a_generated_clip_comes_back_whole_and_each_mask_is_that_of_its_frame(front: Front, tmp_path: Path) -> None:
    clip = filmed_clip(5, COUNT)
    how = clips.Clip(sound="aac", sound_seconds=COUNT / RATE, options=FAST)
    source = how.write(tmp_path / "aisle.mp4", coloured(clip))
    url = submitted(front.client, source, network=COLOURS, outputs=films.ALL, smoothing="0", opacity="0")
    events = told(front.client, url)
    job = events[-1][1]
    assert [kind for kind, _ in events] == ["progress"] * (len(events) - 1) + ["end"]
    done = [one["progress"]["done"] for _, one in events]
    assert (done, done[-1], len(set(done)) > 2) == (sorted(done), COUNT, True)
    found = fetched(front.client, job, tmp_path)
    assert list(found) == ["overlay.mp4", "masks.zip", "masks.jsonl", "frames.csv", "frames.parquet"]
    assert clips.packets(found["overlay.mp4"], "audio") == clips.packets(source, "audio")
    with open_video(found["overlay.mp4"], LIMITS) as drawn, open_video(source, LIMITS) as given:
        assert (drawn.facts.duration_s, drawn.facts.frames) == (given.facts.duration_s, COUNT)
    seen, shown = pixels_in(source), pixels_in(found["overlay.mp4"])
    for number, frame in enumerate(shown):
        apart = [np.abs(frame[::4, ::4].astype(int) - one[::4, ::4]).mean() for one in seen]
        assert int(np.argmin(apart)) == number, "a frame is not in its place"
    by_frame = [scaled(square(frame, SIDE)[..., 0] // LEVEL, *frame.shape[:2]) for frame in seen]
    masks = masks_in(found["masks.zip"])
    assert all(np.array_equal(mask, one) for mask, one in zip(masks, by_frame, strict=True))
    assert miou(masks, clip.truths) == miou(by_frame, clip.truths) > 0.6
    for mask, line in zip(masks, films.lines(found["masks.jsonl"]), strict=True):
        for one in line["annotations"]:
            assert np.array_equal(decode(one["segmentation"]), mask == one["category_id"])
    rows = list(csv.DictReader(found["frames.csv"].read_text().splitlines()))
    table = pq.read_table(found["frames.parquet"]).to_pylist()
    assert [int(row["frame"]) for row in rows] == [row["frame"] for row in table] == list(range(COUNT))
    assert [row["time_s"] for row in table] == pytest.approx([number / RATE for number in range(COUNT)], abs=1e-4)


def flicker(masks: list[NDArray[np.uint8]], clip: Clip) -> float:
    """The share of pixels that change their class although the shelf's front, moved along exactly, does not."""
    found = []
    for before, after, move in zip(masks, masks[1:], clip.moves[1:], strict=False):
        height, width = after.shape
        came = cv2.warpPerspective(before, move, (width, height), flags=cv2.INTER_NEAREST, borderValue=255)
        found.append(float((came != after)[came != 255].mean()))
    return float(np.mean(found))


@pytest.mark.skipif(not STARTER.exists(), reason="the starter network is not there")
def test_smoothing_calms_the_starter_and_costs_no_quality(front: Front, tmp_path: Path) -> None:
    sums: dict[str, list[tuple[float, float]]] = {"0": [], "0.5": [], "0.7": []}
    for seed in (11, 12):
        clip = filmed_clip(seed, 12, 384)
        source = clips.Clip(options=FAST).write(tmp_path / "aisle.mp4", clip.frames)
        urls = {smoothing: submitted(front.client, source, smoothing=smoothing, outputs="masks") for smoothing in sums}
        for smoothing, url in urls.items():
            masks = masks_in(fetched(front.client, told(front.client, url)[-1][1], tmp_path)["masks.zip"])
            sums[smoothing].append((flicker(masks, clip), miou(masks, clip.truths)))
            changed, quality = sums[smoothing][-1]
            sys.stdout.write(f"clip {seed}, smoothing {smoothing}: flicker {changed:.4f}, mIoU {quality:.4f}\n")
    (plain, quality), *calmer = (np.mean(found, axis=0) for found in sums.values())
    for smoothed, kept in calmer:
        assert smoothed < 0.9 * plain
        assert kept > quality - 0.002


def banded(path: Path, count: int) -> Path:
    """A film whose frames bear their numbers."""
    return films.clip(path, count, clips.Clip(options=FAST, sound="aac", sound_seconds=count / RATE))


def frames_done(client: httpx.Client, url: str) -> int:
    job = client.get(url).json()
    assert job["state"] in {"queued", "running"}, job
    return int(job["progress"]["done"])


def until_done(client: httpx.Client, url: str, frames: int) -> None:
    wait_until(lambda: frames_done(client, url) >= frames, 120)


def test_killed_stubs_cost_no_job_a_frame_and_a_live_stream_not_its_life(
    place: Place, front: Front, tmp_path: Path
) -> None:
    source, short = banded(tmp_path / "aisle.mp4", 160), banded(tmp_path / "short.mp4", 4)
    url = submitted(front.client, source, network=COLOURS, outputs="video,csv", opacity="0")
    waiting = [submitted(front.client, short, network=COLOURS, outputs="csv") for _ in range(10)]
    with Watching(front.port) as watching:
        for model in ("shelf_smooth", f"shelf_segmenter_{COLOURS}"):
            until_done(front.client, url, frames_done(front.client, url) + 5)
            lines = len(place.session.lines)
            os.kill(stub(place.session, model), signal.SIGKILL)
            place.session.wait_for("server back", 120, lines)
            watching.until_answered()
    job = told(front.client, url)[-1][1]
    found = fetched(front.client, job, tmp_path)
    assert job["counts"]["restarts"] >= 2
    assert films.numbers(found["overlay.mp4"]) == list(range(160))
    assert clips.packets(found["overlay.mp4"], "audio") == clips.packets(source, "audio")
    rows = list(csv.DictReader(found["frames.csv"].read_text().splitlines()))
    assert [int(row["frame"]) for row in rows] == list(range(160))
    ends = [told(front.client, one)[-1][1] for one in waiting]
    assert [(one["state"], one["progress"]["done"]) for one in ends] == [("done", 4)] * 10


def test_a_job_of_a_killed_gateway_is_finished_by_the_next(place: Place, tmp_path: Path) -> None:
    source = banded(tmp_path / "aisle.mp4", 60)
    with place.gateway("handed") as first:
        url = submitted(first.client, source, network=COLOURS, outputs="video,masks", opacity="0")
        until_done(first.client, url, 10)
        os.kill(first.pid, signal.SIGKILL)
    with place.gateway("handed") as second:
        job = told(second.client, httpx.URL(url).path)[-1][1]
        found = fetched(second.client, job, tmp_path)
        assert (job["attempts"], len(masks_in(found["masks.zip"]))) == (2, 60)
        assert films.numbers(found["overlay.mp4"]) == list(range(60))
        assert {path.name for path in (second.files / job["id"]).iterdir()} == {"overlay.mp4", "masks.zip"}


def test_an_upload_that_is_broken_off_leaves_no_file(front: Front) -> None:
    before = set(front.files.iterdir())
    head = b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
    line = f"POST {films.PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n".encode()
    with socket.create_connection(("127.0.0.1", front.port)) as client:
        client.sendall(line + b"Content-Type: multipart/form-data; boundary=x\r\n\r\n" + head + bytes(1_500_000))
        wait_until(lambda: set(front.files.iterdir()) - before)
    wait_until(lambda: set(front.files.iterdir()) == before)
