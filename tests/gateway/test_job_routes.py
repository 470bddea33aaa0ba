"""Jobs over HTTP, with work that a test decides."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import fastapi.routing
import httpx
import pytest
from fastapi import FastAPI

from gateway.errors import VideoTooLongError
from gateway.jobs.job import Job, Result
from gateway.jobs.keeper import Keeper
from gateway.jobs.run import Kind, Run, Work
from gateway.jobs.service import Jobs
from gateway.server import server_of
from gateway.settings import Settings
from tests.gateway.fakes import client_of
from tests.gateway.servers import listening

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        model_repository=tmp_path, canary_interval_seconds=3600, job_progress_interval_seconds=0.01, max_waiting_jobs=2
    )


async def makes(run: Run) -> Sequence[Result]:
    run.progress(1, 2)
    (run.folder / "overlay.mp4").write_bytes(CONTENT)
    (run.folder / "table.csv").write_text("frame\n")
    run.progress(2, 2, {"restarts": 1})
    return [Result("overlay.mp4", "video/mp4"), Result("table.csv", "text/csv; charset=utf-8")]


async def waits(run: Run) -> Sequence[Result]:
    run.progress(1, 2)
    await asyncio.Event().wait()
    return []


async def fails(_: Run) -> Sequence[Result]:
    raise VideoTooLongError("the video lasts 700.0 s, longer than 600 s")


def employ(app: FastAPI, settings: Settings, work: Work) -> None:
    """Gives the application a kind of jobs."""
    app.state.parts = replace(app.state.parts, jobs=Keeper(settings, [Kind("work", work)]))


async def submitted(app: FastAPI) -> Job:
    jobs: Jobs = app.state.parts.jobs.now()
    async with jobs.draft() as draft:
        return await jobs.submit(draft, "work", {"name": "value"})


@asynccontextmanager
async def served(app: FastAPI, settings: Settings, work: Work) -> AsyncIterator[httpx.AsyncClient]:
    employ(app, settings, work)
    async with (
        listening(app, settings) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client,
    ):
        yield client


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def ended(client: httpx.AsyncClient, job: Job) -> httpx.Response:
    """The events of a job until its end."""
    return await client.get(f"/api/jobs/{job.id}/events")


def told(text: str) -> list[dict[str, str]]:
    """The events of a stream, by the names of their lines."""
    blocks = [block for block in text.split("\n\n") if block and not block.startswith(":")]
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


async def test_a_job_is_told_from_its_beginning_to_its_end(app: FastAPI, settings: Settings) -> None:
    async with served(app, settings, makes) as client:
        job = await submitted(app)
        answer = await ended(client, job)
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache"
        seen = told(answer.text)
        assert {event["event"] for event in seen[:-1]} <= {"progress"}
        revisions = [int(event["id"]) for event in seen]
        assert revisions == sorted(set(revisions))
        last = json.loads(seen[-1]["data"])
        assert (seen[-1]["event"], last["state"], last["revision"]) == ("end", "done", revisions[-1])
        assert (last["progress"], last["counts"], last["error"]) == ({"done": 2, "total": 2}, {"restarts": 1}, None)
        assert (
            last == (await client.get(f"/api/jobs/{job.id}")).json() == (await client.get(last["urls"]["self"])).json()
        )
        assert [(one["name"], one["size_bytes"]) for one in last["results"]] == [
            ("overlay.mp4", len(CONTENT)),
            ("table.csv", 6),
        ]
        assert (await client.get(last["results"][0]["url"])).content == CONTENT


async def test_who_comes_back_hears_only_what_is_newer(app: FastAPI, settings: Settings) -> None:
    async with served(app, settings, waits) as client:
        job = await submitted(app)
        url = f"/api/jobs/{job.id}"
        await eventually(lambda: app.state.parts.jobs.now()._runner._running)
        await asyncio.sleep(0.1)
        now = (await client.get(url)).json()
        async with client.stream("GET", f"{url}/events", headers={"Last-Event-ID": str(now["revision"])}) as stream:
            await client.post(f"{url}/cancel")
            text = (await stream.aread()).decode()
        (only,) = told(text)
        assert (only["event"], json.loads(only["data"])["state"]) == ("end", "cancelled")
        again = await client.get(f"{url}/events", headers={"Last-Event-ID": only["id"]})
        assert told(again.text) == [only], "the end is told again, or a browser would come back for ever"
        nonsense = await client.get(f"{url}/events", headers={"Last-Event-ID": "-7x"})
        assert told(nonsense.text) == [only]


async def test_a_quiet_stream_is_kept_alive(app: FastAPI, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastapi.routing, "_PING_INTERVAL", 0.05)
    async with served(app, settings, waits) as client:
        job = await submitted(app)
        async with client.stream("GET", f"/api/jobs/{job.id}/events") as stream:
            pieces = stream.aiter_text()
            async with asyncio.timeout(5):
                while ": ping" not in await anext(pieces):
                    pass


async def test_a_listener_that_leaves_is_forgotten(app: FastAPI, settings: Settings) -> None:
    async with served(app, settings, waits) as client:
        job = await submitted(app)
        feed = app.state.parts.jobs.now()._feed
        async with client.stream("GET", f"/api/jobs/{job.id}/events") as stream:
            await anext(stream.aiter_text())
            assert feed._listeners
        await eventually(lambda: not feed._listeners)


async def test_a_stop_does_not_wait_for_listeners(app: FastAPI, settings: Settings) -> None:
    employ(app, settings, waits)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        async with (
            listening(app, settings) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client,
        ):
            job = await submitted(app)
            following = tasks.create_task(ended(client, job))
            await eventually(lambda: app.state.parts.jobs.now()._feed._listeners)
            started = time.monotonic()
            app.state.parts.jobs.release()
            assert told((await following).text)[-1]["event"] == "progress"
        assert time.monotonic() - started < 3


async def test_the_server_releases_who_listens_when_it_is_told_to_stop(app: FastAPI, settings: Settings) -> None:
    released = list[bool]()
    server = server_of(app, settings)
    server._leaving = lambda: released.append(True)
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    server.should_exit = True
    await task
    assert released == [True]


@pytest.mark.parametrize("way", ["cancel", "delete"])
async def test_a_cancelled_job_has_ended_and_its_files_are_gone(app: FastAPI, settings: Settings, way: str) -> None:
    async with served(app, settings, waits) as client:
        job = await submitted(app)
        url = f"/api/jobs/{job.id}"
        answer = await (client.delete(url) if way == "delete" else client.post(f"{url}/cancel"))
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
        assert not (settings.jobs / "files" / job.id).exists()
        again = await client.delete(url)
        assert (again.status_code, again.json()["code"]) == (409, "job_ended")


async def test_a_failed_job_says_why(app: FastAPI, settings: Settings) -> None:
    async with served(app, settings, fails) as client:
        last = json.loads(told((await ended(client, await submitted(app))).text)[-1]["data"])
        assert (last["state"], last["results"]) == ("failed", [])
        assert last["error"] == {"code": "video_too_long", "detail": "the video lasts 700.0 s, longer than 600 s"}


async def test_a_result_is_read_in_parts(app: FastAPI, settings: Settings) -> None:
    async with served(app, settings, makes) as client:
        job = await submitted(app)
        await ended(client, job)
        url = f"/api/jobs/{job.id}/results/overlay.mp4"
        whole = await client.get(url)
        assert (whole.headers["accept-ranges"], whole.headers["content-type"]) == ("bytes", "video/mp4")
        assert whole.headers["content-disposition"] == 'inline; filename="overlay.mp4"'
        part = await client.get(url, headers={"Range": "bytes=1000-1999"})
        assert (part.status_code, part.content) == (206, CONTENT[1000:2000])
        assert part.headers["content-range"] == f"bytes 1000-1999/{len(CONTENT)}"
        assert (await client.get(url, headers={"Range": "bytes=-10"})).content == CONTENT[-10:]
        changed = await client.get(url, headers={"Range": "bytes=0-1", "If-Range": '"another"'})
        assert (changed.status_code, changed.content) == (200, CONTENT)
        same = await client.get(url, headers={"Range": "bytes=0-1", "If-Range": whole.headers["etag"]})
        assert (same.status_code, same.content) == (206, CONTENT[:2])
        head = await client.head(url)
        assert (head.headers["content-length"], head.content) == (str(len(CONTENT)), b"")
        assert (await client.get(url, headers={"If-None-Match": whole.headers["etag"]})).status_code == 304
        beyond = await client.get(url, headers={"Range": "bytes=999999999-"})
        assert (beyond.status_code, beyond.json()["code"]) == (416, "range_not_satisfiable")
        assert (await client.get(url, headers={"Range": "pages=1"})).content == CONTENT


@pytest.mark.parametrize(
    "name", ["other.mp4", "..%2Fjobs.sqlite", "%2e%2e%2fjobs.sqlite", "..%5cjobs.sqlite", "", "overlay.mp4%00"]
)
async def test_no_other_file_is_given_away(app: FastAPI, settings: Settings, name: str) -> None:
    async with served(app, settings, makes) as client:
        job = await submitted(app)
        await ended(client, job)
        assert (await client.get(f"/api/jobs/{job.id}/results/{name}")).status_code == 404


@pytest.mark.parametrize("path", ["", "/events", "/cancel", "/results/overlay.mp4"])
async def test_an_unknown_job_is_not_found(app: FastAPI, path: str) -> None:
    async with client_of(app) as client:
        answer = await client.request("POST" if path == "/cancel" else "GET", f"/api/jobs/nothing{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")


async def test_a_second_gateway_has_no_jobs_until_the_first_one_is_gone(
    app: FastAPI, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.jobs.keeper.RETRY_S", 0.05)
    first = await Jobs(settings, []).__aenter__()
    async with client_of(app) as client:
        answer = await client.get("/api/jobs/a")
        assert (answer.status_code, answer.json()["code"]) == (503, "jobs_unavailable")
        assert "another gateway" in answer.json()["detail"]
        assert "retry-after" in answer.headers
        assert (await client.get("/metrics")).status_code == 200
        await first.__aexit__()
        async with asyncio.timeout(5):
            while (await client.get("/api/jobs/a")).status_code != 404:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
