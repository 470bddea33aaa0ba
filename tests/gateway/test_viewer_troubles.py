"""What the page /live says in a real Chromium when something is missing, refused, silent or away; how it goes on."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from fastapi import FastAPI
from obstore.store import MemoryStore
from playwright.async_api import Browser, expect

from gateway.app import create_app
from gateway.errors import InferenceUnavailableError
from gateway.settings import Settings
from tests.gateway.browser import launched, shelves, viewer, written
from tests.gateway.fakes import FakeFetcher, FakeInference
from tests.gateway.servers import listening

pytestmark = pytest.mark.asyncio(loop_scope="module")

IDLE_S = 2.0
NOTHING = "^\N{EN DASH}$"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("clips") / "camera.mjpeg", shelves(), "mjpeg", "yuvj420p")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(clip: Path) -> AsyncIterator[Browser]:
    async with launched(clip) as browser:
        yield browser


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {
            "model_repository": tmp_path,
            "canary_interval_seconds": 0.1,
            "max_streams": 1,
            "stream_idle_timeout_seconds": IDLE_S,
            "stream_sources": {"aisle": str(tmp_path / "moved-away.mp4")},
            "stream_source_rest_seconds": 0.5,
            "shutdown_timeout_seconds": 1,
        }
    )


@pytest_asyncio.fixture(loop_scope="module")
async def port(app: FastAPI, settings: Settings) -> AsyncIterator[int]:
    async with listening(app, settings) as port, asyncio.timeout(240):
        yield port


async def test_a_source_that_does_not_exist_is_told_and_tried_again(
    browser: Browser, port: int, settings: Settings
) -> None:
    async with viewer(browser, port) as seen:
        await seen.press("Start")
        await seen.shows(status=r"^Live\.$", confidence="75.0 %")
        await seen.look_at("Source")
        await seen.says(
            "The source is lost: the source cannot be read: No such file or directory. It is opened again by itself."
        )
        await seen.shows(confidence=NOTHING, hint="^Nothing is shown yet")
        await expect(seen.find("snapshot")).to_be_disabled()
        written(Path(settings.stream_sources["aisle"].get_secret_value()), shelves(), "libx264", "yuv420p")
        await seen.says("Live.")
        await seen.shows(confidence="75.0 %")


async def test_a_network_that_is_away_for_a_moment_costs_frames_and_nothing_else(
    browser: Browser, port: int, inference: FakeInference
) -> None:
    async with viewer(browser, port) as seen:
        await seen.press("Start")
        await seen.says("Live.")
        inference.failure = InferenceUnavailableError("the server is not available")
        await seen.says("Trouble with a frame: the server is not available.")
        inference.failure = None
        await seen.says("Live.")


async def test_a_camera_that_stands_still_pauses_the_stream_and_goes_on_with_its_next_frame(
    browser: Browser, port: int
) -> None:
    """As it does in a hidden tab: the gateway closes a stream of which nothing comes."""
    async with viewer(browser, port) as seen:
        await seen.press("Start")
        await seen.says("Live.")
        await seen.page.evaluate("document.getElementById('video').pause()")
        await seen.says("Paused, since no frames come. It goes on with the next one.")
        await seen.shows(fps=NOTHING, p95=NOTHING)
        await seen.page.evaluate("document.getElementById('video').play()")
        await seen.says("Live.")
        await seen.shows(fps=r"\d")


async def test_a_stream_too_many_is_told_why_and_gets_the_place_that_becomes_free(browser: Browser, port: int) -> None:
    async with viewer(browser, port) as first, viewer(browser, port) as second:
        await first.press("Start")
        await first.says("Live.")
        await second.press("Start")
        await second.says(re.compile(r"^Trouble: 1 live streams run already, and no more may\. Next try in \d+ s\.$"))
        await first.press("Stop")
        await second.says("Live.")


async def test_a_gateway_that_goes_and_comes_back_is_found_again(
    browser: Browser, settings: Settings, store: MemoryStore, fetcher: FakeFetcher
) -> None:
    async with AsyncExitStack() as stack:
        async with AsyncExitStack() as first:
            app = create_app(settings, FakeInference(), store, fetcher)
            port = await first.enter_async_context(listening(app, settings))
            seen = await stack.enter_async_context(viewer(browser, port))
            await seen.press("Start")
            await seen.says("Live.")
        await seen.says(re.compile(r"^Trouble: the connection was lost\. Next try in \d+ s\.$"))
        again = create_app(settings, FakeInference(), store, fetcher)
        await stack.enter_async_context(listening(again, settings, port))
        await seen.says("Live.")
        await seen.shows(fps=r"\d", confidence="75.0 %")
        seen.complaints.clear()  # of tries in between, which are refused


@pytest.mark.parametrize(
    ("is_there", "words"),
    [
        (True, "The browser does not give this page the camera. Allow it beside the address, then start again."),
        (False, "No camera was found. Connect one, or look at a file."),
    ],
)
async def test_a_camera_that_is_refused_or_missing_is_said_in_words(
    port: int,
    clip: Path,
    is_there: bool,  # noqa: FBT001
    words: str,
) -> None:
    async with launched(clip if is_there else None, allows=False) as browser, viewer(browser, port) as seen:
        await seen.press("Start")
        await seen.says(words)
        await seen.look_at("Source")
        await seen.press("Start")
        await seen.says(re.compile("^The source is lost: "))
