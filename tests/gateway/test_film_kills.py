"""Gateways that end while a video's job runs: killed, replaced by one that stood by, stopped in good order."""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from gateway.jobs.job import State
from tests.gateway.clips import Clip
from tests.gateway.film_process import Gateway, gateway
from tests.gateway.films import clip, ended, numbers, post, result

COUNT = 30
RESULTS = {"overlay.mp4", "frames.csv", "masks.zip"}


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(0.001)


async def submitted(served: Gateway, source: Path) -> httpx.Response:
    async with httpx.AsyncClient(base_url=served.url, timeout=30) as client:
        accepted = await post(client, source, opacity="0", outputs="video,csv,masks")
        if accepted.is_success:
            accepted.headers["location"] = httpx.URL(accepted.headers["location"]).path
        return accepted


async def told(served: Gateway, accepted: httpx.Response) -> httpx.Response:
    async with httpx.AsyncClient(base_url=served.url, timeout=30) as client:
        return await client.get(accepted.headers["location"])


async def finished(served: Gateway, accepted: httpx.Response, folder: Path) -> dict[str, Any]:
    """The job, which is done and whole, with nothing beside its results."""
    async with httpx.AsyncClient(base_url=served.url, timeout=30) as client:
        job = await ended(client, accepted)
        assert (job["state"], job["progress"]["done"]) == (State.DONE, COUNT), job
        assert numbers(await result(client, job, "overlay.mp4", folder)) == list(range(COUNT))
        assert len((await result(client, job, "frames.csv", folder)).read_text().splitlines()) == COUNT + 1
        await until(lambda: served.files() == RESULTS)
    return job


async def test_one_that_stands_by_takes_over_from_a_killed_one_and_a_result_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    source = clip(tmp_path / "a.mp4", COUNT, Clip(sound="aac"))
    with ExitStack() as stack:
        first, second = (stack.enter_context(gateway(folder, delay_s)) for delay_s in (0.1, 0.01))
        accepted = await submitted(first, source)
        refused = await submitted(second, source)
        assert (refused.status_code, refused.json()["code"]) == (503, "jobs_unavailable")
        assert refused.json()["detail"] == "another gateway uses the jobs' folder"
        await until(lambda: {".overlay.mp4.part", "frames.csv"} <= first.files())
        first.process.kill()
        await until(lambda: "overlay.mp4" in second.files())
        second.process.kill()
        with gateway(folder) as third:
            job = await finished(third, accepted, tmp_path)
            assert job["attempts"] in {2, 3}, "its results had their names before it was noted that it is done"


async def test_a_stop_with_jobs_under_way_is_quick_and_the_next_gateway_does_them(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    source = clip(tmp_path / "a.mp4", COUNT, Clip(sound="aac"))
    with gateway(folder, 0.1) as first:
        accepted = [await submitted(first, source) for _ in range(3)]
        await until(lambda: "frames.csv" in first.files())
        async with httpx.AsyncClient(base_url=first.url, timeout=30) as client:
            following = asyncio.create_task(client.get(f"{accepted[0].headers['location']}/events"))
            await asyncio.sleep(0.3)
            begun = time.monotonic()
            first.process.send_signal(signal.SIGTERM)
            assert "event: progress" in (await following).text, "who follows a job is sent home in good order"
        await until(lambda: first.process.poll() is not None)
        assert time.monotonic() - begun < 10
        assert first.process.returncode in {0, -signal.SIGTERM}
    with gateway(folder, 0.1) as second:
        waiting = (await told(second, accepted[2])).json()
        assert (waiting["state"], waiting["attempts"]) == (State.QUEUED, 0)
        second.process.send_signal(signal.SIGTERM)
        await until(lambda: second.process.poll() is not None)
    with gateway(folder) as third:
        for one in accepted[:2]:
            await until_ended(third, one)
        job = await finished(third, accepted[2], tmp_path)
        assert job["attempts"] == 1


async def until_ended(served: Gateway, accepted: httpx.Response) -> None:
    async with httpx.AsyncClient(base_url=served.url, timeout=30) as client:
        job = await ended(client, accepted)
        assert (job["state"], job["attempts"]) == (State.DONE, 1), "a stop does not count as an attempt"
