"""The page /live in a real Chromium, before a gateway whose network is a fake: it sees a class in the colour red."""

import asyncio
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from fastapi import FastAPI
from numpy.typing import NDArray
from PIL import Image
from playwright.async_api import Browser, Page, expect

from gateway.settings import Settings
from tests.gateway.browser import NARROW, Viewer, launched, shelves, viewer, written
from tests.gateway.fakes import FakeInference
from tests.gateway.servers import listening

pytestmark = pytest.mark.asyncio(loop_scope="module")

FRAMES = 12
CONTROLS = """
- form "Controls":
  - group "Look at":
    - radio "Camera" [checked]
    - radio "File"
    - radio "Source"
    - combobox "Which camera"
  - group "How":
    - combobox "Network"
    - status: "0.5"
    - slider "Smoothing": "0.5"
    - combobox "Classes drawn by"
  - button "Start"
  - button "Snapshot" [disabled]
  - group "Classes":
    - checkbox "Show them" [checked]
    - status: 50 %
    - slider "Opacity": "0.5"
    - list
"""
OVERFLOWING = """() => [...document.querySelectorAll("body *")]
    .filter((part) => part.checkVisibility() && part.getBoundingClientRect().right > window.innerWidth + 0.5)
    .map((part) => part.outerHTML.slice(0, 90))"""


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    pictures = shelves(FRAMES)
    written(folder / "camera.mjpeg", pictures, "mjpeg", "yuvj420p")
    written(folder / "shelves.mp4", pictures, "libx264", "yuv420p")
    written(folder / "one.mp4", pictures[:1], "libx264", "yuv420p")
    (folder / "broken.mp4").write_bytes(b"no video at all" * 100)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(clips: Path) -> AsyncIterator[Browser]:
    async with launched(clips / "camera.mjpeg") as browser:
        yield browser


@pytest.fixture
def settings(tmp_path: Path, clips: Path) -> Settings:
    sources = {"aisle": str(clips / "shelves.mp4"), "mirror": str(clips / "shelves.mp4")}
    known = {"model_repository": tmp_path, "canary_interval_seconds": 0.1, "stream_sources": sources}
    return Settings.model_validate(known)


@pytest_asyncio.fixture(loop_scope="module")
async def port(app: FastAPI, settings: Settings) -> AsyncIterator[int]:
    async with listening(app, settings) as port, asyncio.timeout(240):
        yield port


async def snapshot(page: Page, folder: Path) -> NDArray[np.uint8]:
    async with page.expect_download() as download:
        await page.keyboard.press("s")
    await (await download.value).save_as(folder / "snapshot.png")
    with Image.open(io.BytesIO((folder / "snapshot.png").read_bytes()), formats=["PNG"]) as picture:
        return np.asarray(picture.convert("RGB"))


async def is_live(seen: Viewer) -> None:
    await seen.says("Live.")
    await seen.shows(p50=r"^\d+ ms$", p95=r"^\d+ ms$", fps=r"^\d+\.\d$", confidence="75.0 %", coverage="%$")


async def test_a_camera_is_shown_with_its_classes(
    browser: Browser, port: int, inference: FakeInference, tmp_path: Path
) -> None:
    async with viewer(browser, port) as seen:
        page = seen.page
        await page.keyboard.press("Space")
        await is_live(seen)
        await page.locator("summary").click()
        await expect(page.get_by_role("table", name="Milliseconds by stage")).to_contain_text("network")
        await page.keyboard.press("ArrowRight")
        await expect(seen.find("opacity-value")).to_have_text("55 %")
        await page.screenshot(path=tmp_path / "camera.png")
        inference.delay_s = 0.3
        await seen.shows(skipped="^[1-9]")  # three are under way then
        await seen.press("Stop")
        await seen.says("Stopped.")
        drawn = await snapshot(page, tmp_path)
        await page.keyboard.press("m")
        await expect(page.get_by_role("checkbox", name="Show them")).not_to_be_checked()
        bare = await snapshot(page, tmp_path)
        assert drawn.shape == bare.shape
        assert np.abs(drawn.astype(int) - bare).mean() > 5


async def test_a_file_is_shown_to_its_end(
    browser: Browser, port: int, clips: Path, inference: FakeInference, tmp_path: Path
) -> None:
    async with viewer(browser, port) as seen:
        await seen.look_at("File")
        await seen.press("Start")
        await seen.says("Choose a video file first.")
        await seen.page.get_by_label("Which file").set_input_files(clips / "broken.mp4")
        await seen.press("Start")
        await seen.says(re.compile(r"^This browser cannot play broken\.mp4\."))
        await seen.page.get_by_label("Which file").set_input_files(clips / "shelves.mp4")
        await seen.press("Start")
        await seen.says("The file has ended.")
        await seen.shows(confidence="75.0 %")
        assert 1 <= inference.videos[-1].frames <= FRAMES
        inference.delay_s = 1  # longer than the file is
        await seen.page.get_by_label("Which file").set_input_files(clips / "one.mp4")
        await seen.press("Start")
        await seen.says("The file has ended.")
        await seen.shows(skipped="^0$", p50=r"^[1-9]\d{3,} ms$")
        assert inference.videos[-1].frames == 1
        assert (await snapshot(seen.page, tmp_path)).shape == shelves(1)[0].shape


async def test_sources_of_the_operator_are_shown_as_the_gateway_draws_them(
    browser: Browser, port: int, inference: FakeInference
) -> None:
    inference.delay_s = 0.1
    async with viewer(browser, port) as seen:
        await seen.look_at("Source")
        await expect(seen.page.get_by_role("combobox", name="Classes drawn by")).to_be_hidden()
        which = seen.page.get_by_role("combobox", name="Which source")
        await expect(which.locator("option")).to_have_text(["aisle", "mirror"])
        await seen.press("Start")
        await is_live(seen)
        await seen.shows(dropped="^[1-9]")
        await seen.page.get_by_role("slider", name="Opacity").fill("1")
        await seen.shows(**{"latency-name": "^in the gateway, p50$"})
        await which.select_option("mirror")
        await seen.says("Live.")
        await seen.page.keyboard.press("m")
        await seen.press("Stop")
        await seen.says("Stopped.")


async def test_the_page_fits_a_telephone_and_every_control_has_a_name(
    browser: Browser, port: int, tmp_path: Path
) -> None:
    async with viewer(browser, port) as seen:
        page = seen.page
        await expect(page.locator("#controls")).to_match_aria_snapshot(CONTROLS)
        await page.screenshot(path=tmp_path / "wide.png")
        assert await page.evaluate(OVERFLOWING) == []
        await page.set_viewport_size(NARROW)
        await page.locator("#start").focus()
        await page.keyboard.press("Enter")
        await is_live(seen)
        await page.screenshot(path=tmp_path / "narrow.png")
        await page.screenshot(path=tmp_path / "narrow-whole.png", full_page=True)
        assert await page.evaluate(OVERFLOWING) == []
        await expect(seen.find("start")).to_be_in_viewport(ratio=1)
        reached = set[str]()
        for _ in range(14):
            await page.keyboard.press("Tab")
            reached.add(await page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        assert {"snapshot", "show", "opacity", "network", "smoothing", "drawn", "camera", "SUMMARY"} <= reached
