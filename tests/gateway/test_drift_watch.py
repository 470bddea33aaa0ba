"""The watch: from frames of streams to metrics, a folder in the store and a signed call, once per episode."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from obstore.store import LocalStore
from PIL import Image
from pydantic import SecretStr

from gateway.background import beside
from gateway.drift import profile
from gateway.drift.profiles import Profiles
from gateway.drift.report import profile_of
from gateway.drift.watch import WAITING_FRAMES, DriftWatch
from gateway.settings import Settings
from gateway.store import Shelf
from gateway.telemetry import Telemetry
from tests.gateway.drift_receiver import receiving
from tests.gateway.drift_world import NETWORK, Photo, darker, observed, photos

SECRET = SecretStr("whsec_" + base64.b64encode(b"not a secret").decode())
WINDOW = 40


@pytest.fixture(scope="module")
def shelves() -> list[Photo]:
    return list(photos(8, range(3), 3))


@pytest.fixture
def repository(tmp_path: Path, shelves: list[Photo]) -> Path:
    """A model repository whose network has a profile beside its version 1."""
    version = tmp_path / "models" / NETWORK / "1"
    version.mkdir(parents=True)
    found, embeddings = profile_of(NETWORK, observed(shelves) * 20)
    (version / profile.NAME).write_bytes(found)
    (version / profile.EMBEDDINGS).write_bytes(embeddings)
    return tmp_path / "models"


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    """A watch that runs, and what feeds it."""

    watch: DriftWatch
    telemetry: Telemetry
    clock: Clock
    folder: Path
    settings: Settings
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))

    async def show(self, shelves: list[Photo], windows: float) -> None:
        """So many frames to one stream as fill so many quarters of a window, one by one."""
        stream = self.watch.stream(NETWORK, "request-1")
        for number in range(round(windows * WINDOW / 4)):
            photo = shelves[number % len(shelves)]
            goal = self.seen + 1
            self.clock.now += self.settings.drift_sample_seconds
            stream.offer(photo.frame, photo.seen(self.rng).answer)
            await until(partial(self.has_seen, goal))

    def has_seen(self, frames: float) -> bool:
        return self.seen >= frames

    def has_written(self, reports: int) -> bool:
        return self.value("shelf_drift_reports_total", outcome="written") == reports

    @property
    def seen(self) -> float:
        return sum(self.value("shelf_drift_frames_total", network=NETWORK, fate=fate) for fate in ("sampled", "failed"))

    def value(self, name: str, **labels: str) -> float:
        return self.telemetry._registry.get_sample_value(name, labels) or 0.0

    def reports(self) -> list[Path]:
        return sorted(path.parent for path in self.folder.glob("drift/*/report.json"))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)


@asynccontextmanager
async def world(repository: Path, tmp_path: Path, **settings: object) -> AsyncIterator[World]:
    told = {"drift_window_frames": WINDOW, "drift_windows": 2, "drift_report_frames": 10} | settings
    made = Settings.model_validate(told)
    telemetry, clock, folder = Telemetry(), Clock(), tmp_path / "store"
    shelf = Shelf(LocalStore(folder, mkdir=True), made, telemetry)
    watch = DriftWatch(made, Profiles(made, repository, lambda _: 1), shelf, telemetry.drift, clock)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(beside(watch.watch(), "drift"))
        await stack.enter_async_context(beside(watch.report(), "drift reports"))
        yield World(watch, telemetry, clock, folder, made)


async def test_a_steady_world_is_measured_and_nothing_is_written(
    repository: Path, tmp_path: Path, shelves: list[Photo]
) -> None:
    async with world(repository, tmp_path) as here:
        await here.show(shelves, 3)
        state = await here.watch.state(frozenset())
        assert [network.state for network in state.networks] == ["filling"]
        await here.show(shelves, 5)
        (network,) = (await here.watch.state(frozenset({NETWORK, "another"}))).networks[1:]
        assert (network.state, network.frames, network.pictures) == ("steady", WINDOW, 180)
        assert network.score is not None
        assert network.score < 1
        for test in ("psi", "ks"):
            assert 0 <= here.value("shelf_drift", network=NETWORK, figure="brightness", test=test) < 1
        assert here.value("shelf_drift", network=NETWORK, figure="embedding", test="mmd") < 1
    assert not here.reports()


async def test_drift_is_reported_once_with_frames_to_label_and_a_profile(
    repository: Path, tmp_path: Path, shelves: list[Photo]
) -> None:
    dark = [photo.harmed(darker) for photo in shelves]
    async with world(repository, tmp_path) as here:
        await here.show(shelves, 4)
        await here.show(dark, 4)
        await until(here.reports)
        await here.show(dark, 4)
        assert here.value("shelf_drift_episode", network=NETWORK) == 1
        assert here.value("shelf_drift_windows_over", network=NETWORK) >= 2
        assert [network.state for network in (await here.watch.state(frozenset())).networks] == ["drifted"]
        assert here.value("shelf_drift_reports_total", outcome="written") == 1
    (folder,) = here.reports()
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    report = json.loads((folder / "report.json").read_text())
    assert report["compared"][0]["ratio"] == report["score"] > 1
    assert (report["pictures"], report["sample"]) == (10, f"drift/{folder.name}")
    assert [line["image"] for line in lines] == [f"images/{number:06d}.jpg" for number in range(10)]
    with Image.open(folder / lines[-1]["image"]) as picture:
        assert picture.size == (lines[-1]["width"], lines[-1]["height"])
    assert lines[-1]["figures"].keys() >= {"brightness", "sharpness", "confidence", "parts", "share_product"}
    assert lines[-1]["stream"] == "request-1"
    assert profile.load(folder / profile.NAME).profile.network == NETWORK


async def test_an_episode_ends_and_the_next_is_reported_after_the_cool_down(
    repository: Path, tmp_path: Path, shelves: list[Photo]
) -> None:
    dark = [photo.harmed(darker) for photo in shelves]
    async with world(repository, tmp_path, drift_cooldown_seconds=5000) as here:
        for wait_s, reports in ((0.0, 1), (0.0, 1), (5000.0, 2)):
            here.clock.now += wait_s
            await here.show(dark, 6)
            assert here.value("shelf_drift_episode", network=NETWORK) == 1
            await until(partial(here.has_written, reports))
            await here.show(shelves, 6)
            assert here.value("shelf_drift_episode", network=NETWORK) == 0


async def test_a_stream_gives_a_frame_now_and_then(repository: Path, tmp_path: Path, shelves: list[Photo]) -> None:
    async with world(repository, tmp_path, drift_sample_seconds=10) as here:
        stream, photo = here.watch.stream(NETWORK, "request-1"), shelves[0]
        for _ in range(31):
            stream.offer(photo.frame, photo.seen(here.rng).answer)
            here.clock.now += 1
        await until(lambda: here.seen == 4)


async def test_frames_beyond_the_queue_are_skipped_and_counted(
    repository: Path, tmp_path: Path, shelves: list[Photo]
) -> None:
    async with world(repository, tmp_path) as here:
        photo = shelves[0]
        for number in range(WAITING_FRAMES + 5):
            here.watch.stream(NETWORK, f"request-{number}").offer(photo.frame, photo.seen(here.rng).answer)
        assert here.value("shelf_drift_frames_total", network=NETWORK, fate="skipped") == 5
        await until(lambda: here.seen == WAITING_FRAMES)


async def test_a_frame_is_as_it_was_when_it_came(repository: Path, tmp_path: Path, shelves: list[Photo]) -> None:
    async with world(repository, tmp_path, drift_window_frames=20, drift_threshold=1000) as here:
        stream, frame = here.watch.stream(NETWORK, "request-1"), shelves[0].frame.copy()
        for _ in range(20):
            here.clock.now += 10
            stream.offer(frame, shelves[0].seen(here.rng).answer)
            before, frame[:] = frame.copy(), 0  # its owner draws over it
            await asyncio.sleep(0)
            frame[:] = before
        await until(lambda: here.seen == 20)
        (network,) = (await here.watch.state(frozenset())).networks
        brightness = next(item for item in network.compared if (item.figure, item.test) == ("brightness", "ks"))
        assert brightness.value < 1, "none of them was black"


async def test_an_answer_that_nobody_foresaw_ends_no_watch(
    repository: Path, tmp_path: Path, shelves: list[Photo]
) -> None:
    async with world(repository, tmp_path) as here:
        broken = Photo(shelves[0].frame, np.full((4, 4), 9, np.uint8))  # ten classes
        await here.show([broken], 1)
        assert here.value("shelf_drift_frames_total", network=NETWORK, fate="failed") == WINDOW / 4
        await here.show(shelves, 1)
        assert here.value("shelf_drift_frames_total", network=NETWORK, fate="sampled") == WINDOW / 4


async def test_without_a_profile_nothing_is_kept(tmp_path: Path, shelves: list[Photo]) -> None:
    async with world(tmp_path / "none", tmp_path) as here:
        for _ in range(3):
            here.clock.now += 10
            here.watch.stream(NETWORK, "request-1").offer(shelves[0].frame, shelves[0].seen(here.rng).answer)
        await until(lambda: here.watch._watched)
        assert [network.state for network in (await here.watch.state(frozenset())).networks] == ["no_profile"]
        assert here.seen == 0


async def test_switched_off_it_takes_nothing(repository: Path, tmp_path: Path, shelves: list[Photo]) -> None:
    async with world(repository, tmp_path, drift=False) as here:
        here.watch.stream(NETWORK, "request-1").offer(shelves[0].frame, shelves[0].seen(here.rng).answer)
        assert here.watch._frames.empty()
        assert not (await here.watch.state(frozenset({NETWORK}))).enabled


async def test_the_operators_profile_goes_before_the_one_beside_the_version(
    repository: Path, tmp_path: Path, shelves: list[Photo]
) -> None:
    found, _ = profile_of(NETWORK, observed(shelves) * 4)
    (tmp_path / "own.json").write_bytes(found)
    async with world(repository, tmp_path, drift_profile=tmp_path / "own.json") as here:
        (network,) = (await here.watch.state(frozenset({NETWORK}))).networks
        assert network.pictures == 36


async def test_a_webhook_is_told_of_each_report_with_a_signature(
    repository: Path, tmp_path: Path, shelves: list[Photo]
) -> None:
    dark = [photo.harmed(darker) for photo in shelves]
    async with receiving(b"204 No Content") as (receiver, url):
        settings = {"drift_webhook": url, "drift_webhook_secret": SECRET}
        async with world(repository, tmp_path, **settings) as here:
            await here.show(dark, 8)
            await until(lambda: here.value("shelf_drift_webhooks_total", outcome="delivered") == 1)
    ((headers, body),) = receiver.got
    message = json.loads(body)
    assert (message["type"], message["data"]["network"]) == ("shelf_drift", NETWORK)
    assert message["data"]["sample"] == f"drift/{here.reports()[0].name}"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(b"not a secret", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


async def test_a_store_that_is_gone_keeps_no_webhook_from_being_told(
    repository: Path, tmp_path: Path, shelves: list[Photo]
) -> None:
    dark = [photo.harmed(darker) for photo in shelves]
    async with receiving(b"200 OK") as (receiver, url):
        settings = {"drift_webhook": url, "drift_webhook_secret": SECRET}
        async with world(repository, tmp_path, **settings) as here:
            here.folder.rmdir()
            here.folder.write_text("no folder")
            await here.show(dark, 8)
            await until(lambda: receiver.got)
            await until(lambda: here.value("shelf_drift_reports_total", outcome="failed") == 1)
    assert json.loads(receiver.got[0][1])["data"]["sample"] is None
