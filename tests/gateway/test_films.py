"""A video's job from upload to results, with a fake network."""

import asyncio
import csv
import io
import time
import zipfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import httpx
import numpy as np
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI
from PIL import Image

from gateway.errors import InferenceUnavailableError, UnreadablePictureError
from gateway.model_config import FrameContract
from gateway.segmentation.passage import AHEAD
from gateway.settings import Settings
from gateway.video.reader import open_video
from imaging.rle import decode
from tests.gateway.clips import LIMITS, Clip, packets, places
from tests.gateway.fakes import FRAMES, WHOLE, FakeFetcher, FakeInference
from tests.gateway.films import ALL, PATH, banded, clip, ended, lines, numbers, post, result, share

COUNT = 40


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        model_repository=tmp_path,
        canary_interval_seconds=3600,
        job_progress_interval_seconds=0.01,
        video_patience_seconds=5,
        breaker_failures=0,
    )


async def test_a_video_becomes_all_that_is_asked_for(client: httpx.AsyncClient, tmp_path: Path) -> None:
    source = clip(tmp_path / "aisle.mp4", COUNT, Clip(sound="aac"))
    job = await ended(client, await post(client, source, outputs=ALL, opacity="0.25", smoothing="0"))
    assert job["state"] == "done", job["error"]
    assert job["progress"] == {"done": COUNT, "total": COUNT}
    assert {name: job["counts"][name] for name in ("restarts", "skipped_packets", "damaged_frames")} == {
        "restarts": 0,
        "skipped_packets": 0,
        "damaged_frames": 0,
    }
    assert job["counts"]["mean_confidence"] == 0.75
    assert job["options"]["film"]["outputs"] == ALL.split(",")
    overlay = await result(client, job, "overlay.mp4", tmp_path)
    assert numbers(overlay) == list(range(COUNT))
    with open_video(overlay, LIMITS) as video:
        assert video.facts.duration_s == Fraction(COUNT, 30)
        drawn = next(video.frames()).pixels[60, 45].astype(int)
    assert drawn == pytest.approx(np.array([78, 60, 60]) * 0.75 + np.array([0, 158, 115]) * 0.25, abs=8)
    assert [data for _, data in packets(overlay, "audio")] == [data for _, data in packets(source, "audio")]


async def test_masks_runs_and_tables_say_the_same(client: httpx.AsyncClient, tmp_path: Path) -> None:
    source = clip(tmp_path / "aisle.mp4", COUNT)
    job = await ended(client, await post(client, source, outputs="masks,rle,csv,parquet"))
    assert [one["name"] for one in job["results"]] == ["masks.zip", "masks.jsonl", "frames.csv", "frames.parquet"]
    rows = list(csv.DictReader((await result(client, job, "frames.csv", tmp_path)).read_text().splitlines()))
    table = pq.read_table(await result(client, job, "frames.parquet", tmp_path)).to_pylist()
    runs = lines(await result(client, job, "masks.jsonl", tmp_path))
    archive = zipfile.ZipFile(await result(client, job, "masks.zip", tmp_path))
    assert archive.namelist() == [f"{number:06d}.png" for number in range(COUNT)]
    assert [int(row["frame"]) for row in rows] == [line["frame"] for line in runs] == list(range(COUNT))
    for number in (0, 1, 17, COUNT - 1):
        mask = np.asarray(Image.open(io.BytesIO(archive.read(f"{number:06d}.png"))))
        assert mask.shape == (96, 160)
        assert (mask != banded(number)[..., 0] // 52)[40:80].mean() < 0.05
        for one in runs[number]["annotations"]:
            there = decode(one["segmentation"])
            assert np.array_equal(there, mask == one["category_id"])
            assert one["area"] == there.sum()
            rows_there, columns_there = np.nonzero(there)
            assert one["bbox"][:2] == [columns_there.min(), rows_there.min()]
        row = table[number]
        assert row["share_product"] == pytest.approx(share(mask, 1), abs=0.02)
        assert row["coverage"] == pytest.approx(share(mask, 1) / (share(mask, 1) + share(mask, 4)), abs=0.02)
        assert (row["time_s"], row["confidence"]) == (pytest.approx(number / 30, abs=1e-4), 0.75)
        assert {name: float(text) if text else None for name, text in rows[number].items()} == row
    assert [row["flicker"] for row in table[:3]] == [None, 0.25, 0.25]


async def test_an_instance_network_gives_each_thing(
    client: httpx.AsyncClient, app: FastAPI, inference: FakeInference, tmp_path: Path
) -> None:
    labels = np.zeros((64, 64), np.int32)
    labels[:, :16], labels[:, 32:40] = 1, 2
    inference.inventory_now = replace(
        WHOLE,
        frames={"segment_stream": FrameContract(64, (*FRAMES.outputs, "instances", "boxes", "scores", "classes"))},
    )
    inference.answers = {
        "instances": labels,
        "boxes": np.array([[0, 0, 0.25, 1], [0.5, 0, 0.625, 1], [0, 0, 0, 0]], np.float32),
        "scores": np.array([0.9, 0.5, 0], np.float32),
        "classes": np.array([1, 2, 0], np.int32),
    }
    await app.state.parts.catalogue.refresh()
    job = await ended(client, await post(client, clip(tmp_path / "a.mp4", 3), outputs="rle,csv"))
    found = lines(await result(client, job, "masks.jsonl", tmp_path))[1]["annotations"]
    assert [(one["category"], one["score"], one["bbox"]) for one in found] == [
        ("product", 0.9, [0, 0, 40, 96]),
        ("tag", 0.5, [80, 0, 20, 96]),
    ]
    assert decode(found[0]["segmentation"])[:, :40].all()
    rows = list(csv.DictReader((await result(client, job, "frames.csv", tmp_path)).read_text().splitlines()))
    assert [(row["count_product"], row["count_tag"], row["count_empty"]) for row in rows] == [("1", "1", "0")] * 3


async def test_a_server_that_dies_costs_no_frame(
    client: httpx.AsyncClient, inference: FakeInference, tmp_path: Path
) -> None:
    async def die_and_come_back() -> None:
        inference.failure = InferenceUnavailableError("the server is not available")
        await asyncio.sleep(0.6)
        inference.failure = None

    dying = list[asyncio.Task[None]]()

    def meanwhile() -> None:
        if len(inference.calls) == 12:
            dying.append(asyncio.create_task(die_and_come_back()))

    inference.meanwhile = meanwhile
    job = await ended(client, await post(client, clip(tmp_path / "a.mp4", COUNT), outputs="video,csv", opacity="0"))
    assert (job["state"], job["counts"]["restarts"]) == ("done", 1), job
    assert numbers(await result(client, job, "overlay.mp4", tmp_path)) == list(range(COUNT))
    rows = (await result(client, job, "frames.csv", tmp_path)).read_text().splitlines()
    assert [int(row.split(",")[0]) for row in rows[1:]] == list(range(COUNT))
    assert dying
    assert all(video.ended for video in inference.videos)


async def test_a_server_that_dies_before_ten_waiting_jobs_costs_none_of_them_anything(
    client: httpx.AsyncClient, inference: FakeInference, tmp_path: Path
) -> None:
    source = clip(tmp_path / "a.mp4", 6)
    inference.failure = InferenceUnavailableError("the server is not available")
    accepted = [await post(client, source, outputs="csv") for _ in range(10)]
    await asyncio.sleep(0.5)
    inference.failure = None
    jobs = [await ended(client, one) for one in accepted]
    assert [(job["state"], job["progress"]["done"]) for job in jobs] == [("done", 6)] * 10
    assert [job["counts"]["restarts"] for job in jobs] == [1] + [0] * 9, "only one has noticed"


async def test_an_upload_that_is_gone_before_its_turn_is_told(
    client: httpx.AsyncClient, inference: FakeInference, settings: Settings, tmp_path: Path
) -> None:
    source = clip(tmp_path / "a.mp4", 3)
    inference.failure = InferenceUnavailableError("the server is not available")
    first, second = [await post(client, source, outputs="csv") for _ in range(2)]
    (settings.jobs / "files" / second.json()["id"] / "source").unlink()
    inference.failure = None
    assert (await ended(client, first))["state"] == "done"
    error = {"code": "empty_video", "detail": "the video that was uploaded is gone"}
    assert (await ended(client, second))["error"] == error


async def test_a_server_that_stays_away_fails_the_job(
    app: FastAPI, client: httpx.AsyncClient, inference: FakeInference, tmp_path: Path
) -> None:
    object.__setattr__(app.state.parts.studio, "settings", Settings(video_patience_seconds=0.3))
    inference.failure = InferenceUnavailableError("the server is not available")
    started = time.monotonic()
    job = await ended(client, await post(client, clip(tmp_path / "a.mp4", 5)))
    assert (job["state"], job["error"]["code"]) == ("failed", "inference_unavailable")
    assert 0.3 < time.monotonic() - started < 3


async def test_what_is_the_videos_fault_is_not_tried_again(
    client: httpx.AsyncClient, inference: FakeInference, tmp_path: Path
) -> None:
    inference.failure = UnreadablePictureError("pixels: a frame of another size")
    job = await ended(client, await post(client, clip(tmp_path / "a.mp4", 5)))
    assert job["error"] == {"code": "unreadable_picture", "detail": "pixels: a frame of another size"}
    assert len(inference.videos) == 1


async def test_a_cancel_stops_everything_within_a_second(
    client: httpx.AsyncClient, inference: FakeInference, settings: Settings, tmp_path: Path
) -> None:
    inference.delay_s = 0.05
    accepted = await post(client, clip(tmp_path / "a.mp4", 200), outputs=ALL)
    url = accepted.headers["location"]
    async with asyncio.timeout(20):
        while (await client.get(url)).json()["progress"]["done"] < 3:  # noqa: ASYNC110 - as a client does
            await asyncio.sleep(0.02)
    started = time.monotonic()
    cancelled = (await client.post(f"{url}/cancel")).json()
    assert (cancelled["state"], time.monotonic() - started < 1) == ("cancelled", True)
    assert (inference.running, [video.ended for video in inference.videos]) == (0, [True])
    assert list((settings.jobs / "files").iterdir()) == []


async def test_few_frames_are_under_way(client: httpx.AsyncClient, inference: FakeInference, tmp_path: Path) -> None:
    taken = list[int]()
    inference.delay_s = 0.01
    inference.meanwhile = lambda: taken.append(len(inference.videos[0]._turn._waiters or ()))
    await ended(client, await post(client, clip(tmp_path / "a.mp4", COUNT), outputs="csv"))
    assert 1 <= max(taken) <= AHEAD - 1, "beside the one that is answered"


async def test_a_frame_takes_from_its_decoding_to_its_writing(
    client: httpx.AsyncClient, app: FastAPI, inference: FakeInference, tmp_path: Path
) -> None:
    inference.delay_s = 0.01
    await ended(client, await post(client, clip(tmp_path / "a.mp4", COUNT)))
    lines = app.state.parts.telemetry.exposition().decode().splitlines()
    values = {name: float(text) for name, _, text in (line.rpartition(" ") for line in lines if line[0] != "#")}
    stages = [values[f'gateway_stream_stage_seconds_sum{{kind="file",stage="{one}"}}'] for one in ("network", "encode")]
    assert values['gateway_stream_seconds_count{kind="file"}'] == COUNT
    assert values['gateway_stream_seconds_sum{kind="file"}'] >= sum(stages) > COUNT * inference.delay_s


async def test_broken_packets_are_counted(client: httpx.AsyncClient, tmp_path: Path) -> None:
    source = clip(tmp_path / "a.mp4", COUNT, Clip("mjpeg", "yuvj420p"))
    data, spots = bytearray(source.read_bytes()), places(source)
    for index in (7, 8):
        at, size = spots[index]
        data[at : at + size] = bytes(size)
    source.write_bytes(data)
    job = await ended(client, await post(client, source, outputs="csv"))
    assert (job["state"], job["counts"]["skipped_packets"], job["progress"]["done"]) == ("done", 2, COUNT - 2)


async def test_a_video_is_fetched_by_its_address(
    client: httpx.AsyncClient, fetcher: FakeFetcher, tmp_path: Path
) -> None:
    url = "https://videos.example/aisle.mp4"
    fetcher.pictures[url] = clip(tmp_path / "a.mp4", 6).read_bytes()
    by_form = await client.post(PATH, files={"video_url": (None, url), "outputs": (None, "csv")})
    by_json = await client.post(PATH, json={"video_url": url, "outputs": ["csv"], "smoothing": 0.25})
    for accepted in (by_form, by_json):
        job = await ended(client, accepted)
        assert (job["state"], job["progress"]["done"], job["options"]["video_url"]) == ("done", 6, url)
    assert job["options"]["film"]["smoothing"] == 0.25
    lost = await ended(client, await client.post(PATH, json={"video_url": "https://videos.example/none.mp4"}))
    assert (lost["state"], lost["error"]["code"]) == ("failed", "source_not_found")


@pytest.mark.parametrize("container", ["a.mkv", "a.webm", "a.avi", "a.ts"])
async def test_other_containers_are_read(client: httpx.AsyncClient, tmp_path: Path, container: str) -> None:
    codec = "libvpx" if container == "a.webm" else "mpeg4" if container == "a.avi" else "libx264"
    job = await ended(client, await post(client, clip(tmp_path / container, 9, Clip(codec)), opacity="0"))
    assert (job["state"], job["progress"]["done"]) == ("done", 9)
    assert numbers(await result(client, job, "overlay.mp4", tmp_path)) == list(range(9))
