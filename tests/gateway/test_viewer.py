"""The page /live in a real Chromium, before a gateway whose network is a fake: it sees a class in the colour red."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.async_api import ConsoleMessage, Page, expect

from gateway.settings import Settings
from tests.gateway.browser import browsing, shelves, written
from tests.gateway.servers import listening

LONGEST_MS = 60_000


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    pictures = shelves()
    written(folder / "camera.mjpeg", pictures, "mjpeg", "yuvj420p")
    written(folder / "shelves.webm", pictures, "libvpx", "yuv420p")
    return folder


@pytest.fixture
def settings(tmp_path: Path, clips: Path) -> Settings:
    return Settings.model_validate(
        {
            "model_repository": tmp_path,
            "canary_interval_seconds": 0.1,
            "stream_sources": {"aisle": str(clips / "shelves.webm")},
        }
    )


@pytest.fixture
async def port(app: FastAPI, settings: Settings) -> AsyncIterator[int]:
    expect.set_options(timeout=LONGEST_MS)
    async with listening(app, settings) as port, asyncio.timeout(240):
        yield port


async def opened(page: Page, port: int) -> list[str]:
    """What the browser complains of, on and on."""
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(f"http://127.0.0.1:{port}/live")
    await expect(page.locator("#legend li")).to_have_count(5)
    return complaints


async def test_a_camera_is_shown_with_its_classes(port: int, clips: Path, tmp_path: Path) -> None:
    async with browsing(clips / "camera.mjpeg") as context:
        page = await context.new_page()
        complaints = await opened(page, port)
        await page.keyboard.press("Space")
        await expect(page.locator("#status")).to_have_text("Live.")
        await expect(page.locator("#p95")).to_have_text(re.compile(r"^\d+ ms$"))
        await expect(page.locator("#fps")).to_have_text(re.compile(r"^\d+\.\d$"))
        await expect(page.locator("#confidence")).to_have_text("75.0 %")
        await page.locator("summary").click()
        await expect(page.locator("#stages")).to_contain_text("network")
        await page.keyboard.press("ArrowRight")
        await expect(page.locator("#opacity-value")).to_have_text("55 %")
        async with page.expect_download() as download:
            await page.keyboard.press("s")
        await (await download.value).save_as(tmp_path / "snapshot.png")
        assert (tmp_path / "snapshot.png").read_bytes().startswith(b"\x89PNG")
        await page.screenshot(path=tmp_path / "camera.png")
        await page.locator("#start").click()
        await expect(page.locator("#status")).to_have_text("Stopped.")
        assert complaints == []
