"""The page /live in a real Chromium with the network that ships on a real server: camera, file, sources."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray
from PIL import Image
from playwright.async_api import Browser, expect

from imaging.shelf_classes import ShelfClass, palette
from tests.e2e.shelf_place import STARTER, Clip, Front, Place, filmed_clip, miou, served
from tests.gateway.browser import NARROW, Viewer, launched, viewer, written
from tests.gateway.rtsp import camera_server, free_port, needs_rtsp

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not STARTER.exists(), reason="there is no network to look through"),
]

LONGER, FRAMES, RATE = 640, 8, 15
SLOW, FAST = 8, 240  # frames a second: what a network keeps up with, and what none does
SHARE = re.compile(r"^\d+\.\d %$")
FRAME_OF_CANVAS = "document.getElementById('stage').toDataURL('image/jpeg', 0.5)"
# Whether a fifth of the picture is, after JPEG, in the colour of products and nothing else.
OPAQUE = """([red, green, blue]) => {
    const small = new OffscreenCanvas(64, 64).getContext('2d', { willReadFrequently: true });
    small.drawImage(document.getElementById('stage'), 0, 0, 64, 64);
    const { data } = small.getImageData(0, 0, 64, 64);
    const near = (at, value) => Math.abs(data[at] - value) < 12;
    const pixels = [...Array(64 * 64).keys()].map((number) => 4 * number);
    return pixels.filter((at) => near(at, red) && near(at + 1, green) && near(at + 2, blue)).length > 64 * 64 / 5;
}"""


@pytest.fixture(scope="module")
def clip() -> Clip:
    return filmed_clip(7, FRAMES, LONGER)


@pytest.fixture(scope="module")
def films(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What moves, and one frame that stays, so that whatever is shown of it has the same truth."""
    folder = tmp_path_factory.mktemp("films")
    there_and_back = [*clip.frames, *clip.frames[::-1]]
    written(folder / "camera.mjpeg", there_and_back, "mjpeg", "yuvj420p", RATE)
    written(folder / "aisle.mp4", there_and_back * 4, "mpeg4", "yuv420p", FAST)
    written(folder / "slow.mp4", there_and_back * 3, "libx264", "yuv420p", SLOW)
    written(folder / "still.mp4", clip.frames[:1] * RATE, "libx264", "yuv420p", RATE)
    return folder


@pytest.fixture(scope="module")
def relay(films: Path) -> Iterator[str]:
    port = free_port()
    with camera_server(films, port):
        yield f"rtsp://127.0.0.1:{port}/slow.mp4"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with served(tmp_path_factory.mktemp("viewer")) as place:
        yield place


@pytest.fixture(scope="module")
def front(films: Path, relay: str, place: Place) -> Iterator[Front]:
    sources = {"aisle": str(films / "aisle.mp4"), "camera": relay}
    with place.gateway(GATEWAY_STREAM_SOURCES=json.dumps(sources)) as front:
        yield front


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(films: Path) -> AsyncIterator[Browser]:
    async with launched(films / "camera.mjpeg") as browser:
        yield browser


async def is_live(seen: Viewer) -> None:
    await seen.says("Live.")
    await seen.shows(
        fps=r"^\d+\.\d$", p50=r"^\d+ ms$", p95=r"^\d+ ms$", confidence=r"%$", flicker=r"%$", coverage=r"%$"
    )


async def changes(seen: Viewer) -> None:
    before = await seen.page.evaluate(FRAME_OF_CANVAS)
    await seen.page.wait_for_function(f"before => {FRAME_OF_CANVAS} !== before", arg=before)


async def snapshot(seen: Viewer) -> NDArray[np.uint8]:
    async with seen.page.expect_download() as download:
        await seen.press("Snapshot")
    with Image.open(io.BytesIO((await (await download.value).path()).read_bytes()), formats=["PNG"]) as picture:
        return np.asarray(picture.convert("RGB"))


async def set_to(seen: Viewer, *, classes: bool, opacity: float) -> None:
    await seen.page.get_by_role("checkbox", name="Show them").set_checked(classes)
    await seen.page.get_by_role("slider", name="Opacity").fill(str(opacity))
    await expect(seen.find("opacity-value")).to_have_text(f"{opacity:.0%}".replace("%", " %"))


def classes_in(drawn: NDArray[np.uint8], bare: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The class [h, w] of each pixel by its colour; the background has none and shows the frame."""
    colours = palette()[1:5].astype(int)
    distance = np.abs(drawn[:, :, None].astype(int) - colours).max(-1)
    found = np.where(distance.min(-1) == 0, distance.argmin(-1) + 1, 0)
    assert (drawn[found == 0] == bare[found == 0]).all(), "a colour that is not in the legend"
    return found.astype(np.uint8)


async def test_a_camera_is_seen_through_the_network_and_everything_on_the_page_does_something(
    browser: Browser, front: Front, clip: Clip, tmp_path: Path
) -> None:
    async with viewer(browser, front.port) as seen, asyncio.timeout(200):
        await seen.press("Start")
        await is_live(seen)
        await changes(seen)
        for name in ("Product", "Price tag", "Shelf board"):
            await expect(seen.page.get_by_role("listitem").filter(has_text=name).locator(".share")).to_have_text(SHARE)
        await seen.page.screenshot(path=tmp_path / "wide.png")
        await seen.page.set_viewport_size(NARROW)
        await seen.page.screenshot(path=tmp_path / "narrow.png")
        await seen.press("Stop")
        await seen.says("Stopped.")
        await set_to(seen, classes=True, opacity=1)
        full = await snapshot(seen)
        await set_to(seen, classes=True, opacity=0.5)
        half = await snapshot(seen)
        await set_to(seen, classes=False, opacity=0.5)
        bare = await snapshot(seen)
        assert full.shape == bare.shape == clip.frames[0].shape
        off = np.abs(half.astype(int) - (full.astype(int) + bare) / 2).max(-1) > 2
        assert off.mean() < 0.01, "half of the colour, half of the picture"
        assert (classes_in(full, bare) > 0).mean() > 0.3


async def test_a_file_of_the_viewer_is_segmented_to_its_end_and_rightly(
    browser: Browser, front: Front, films: Path, clip: Clip
) -> None:
    async with viewer(browser, front.port) as seen, asyncio.timeout(100):
        await seen.look_at("File")
        await seen.page.get_by_label("Which file").set_input_files(films / "still.mp4")
        await set_to(seen, classes=True, opacity=1)
        await seen.press("Start")
        await seen.says("The file has ended.")
        full = await snapshot(seen)
        await set_to(seen, classes=False, opacity=1)
        seen_classes = classes_in(full, await snapshot(seen))
    truth = clip.truths[0]
    assert seen_classes.shape == truth.shape
    assert miou([seen_classes], [truth]) > 0.6


@needs_rtsp
async def test_sources_of_the_operator_are_relayed_and_late_frames_dropped(
    browser: Browser, front: Front, clip: Clip, tmp_path: Path
) -> None:
    async with viewer(browser, front.port) as seen, asyncio.timeout(200):
        await seen.look_at("Source")
        which = seen.page.get_by_role("combobox", name="Which source")
        await which.select_option("aisle")
        await seen.press("Start")
        await is_live(seen)
        await seen.shows(dropped=r"^[1-9]")
        await which.select_option("camera")
        await is_live(seen)
        await changes(seen)
        await set_to(seen, classes=True, opacity=1)
        await seen.page.wait_for_function(OPAQUE, arg=list(ShelfClass.PRODUCT.colour))
        await seen.page.screenshot(path=tmp_path / "relay.png")
        assert (await snapshot(seen)).shape == clip.frames[0].shape
        await seen.press("Stop")
        await seen.says("Stopped.")


async def test_a_server_that_dies_is_told_and_the_stream_goes_on_with_the_next_one(
    browser: Browser, front: Front, place: Place
) -> None:
    async with viewer(browser, front.port) as seen, asyncio.timeout(240):
        await seen.press("Start")
        await is_live(seen)
        os.kill(place.session.pid, signal.SIGKILL)
        await seen.says(re.compile(r"^Trouble with a frame: the server is not available\.$"))
        await seen.says("Live.", longest_ms=180_000)
        await changes(seen)
