"""A real Chromium, Debian's own, whose camera is a generated clip of shelves."""

import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    ViewportSize,
    async_playwright,
    expect,
)

from training.scenes.shelf.record import filmed

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CAMERA = "--use-fake-device-for-media-stream"
NARROW, WIDE = ViewportSize(width=360, height=740), ViewportSize(width=1280, height=860)
# A machine busy with other tests may be slow; how slow is not what these tests are about.
LONGEST_MS = 30_000


def shelves(frames: int = 12, longer: int = 320) -> list[NDArray[np.uint8]]:
    return [np.ascontiguousarray(frame.photo) for frame in filmed(5, 0, longer, frames, 15.0)]


def written(path: Path, pictures: Sequence[NDArray[np.uint8]], codec: str, pixel_format: str, rate: int = 15) -> Path:
    """A video file; its name says the container."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixel_format
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    return path


@asynccontextmanager
async def launched(camera: Path | None = None, *, allows: bool = True) -> AsyncIterator[Browser]:
    """A browser that `allows` every page its camera, which shows a clip, or has none; skips the test where there is no
    Chromium.
    """
    if CHROMIUM is None:
        pytest.skip("chromium is missing: apt-get install -y chromium")
    flags = [*FLAGS, f"--use-fake-ui-for-media-stream{'' if allows else '=deny'}"]
    flags += [CAMERA, f"--use-file-for-fake-video-capture={camera}"] if camera else []
    expect.set_options(timeout=LONGEST_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags, headless=True)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass(frozen=True, slots=True)
class Viewer:
    """The page, and what the browser complains of, on and on."""

    page: Page
    complaints: list[str]

    def find(self, name: str) -> Locator:
        return self.page.locator(f"#{name}")

    async def says(self, status: str | re.Pattern[str], longest_ms: int = LONGEST_MS) -> None:
        await expect(self.find("status")).to_have_text(status, timeout=longest_ms)

    async def shows(self, **figures: str) -> None:
        """Patterns of what stands under the figures' names."""
        for name, pattern in figures.items():
            await expect(self.find(name)).to_have_text(re.compile(pattern))

    async def look_at(self, kind: str) -> None:
        await self.page.get_by_role("radio", name=kind, exact=True).check()

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()


@asynccontextmanager
async def viewer(browser: Browser, port: int) -> AsyncIterator[Viewer]:
    """The page in a window without history. Complaints that are left in the end fail the test."""
    context = await browser.new_context(viewport=WIDE, accept_downloads=True)
    page = await context.new_page()
    seen = Viewer(page, [])

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            seen.complaints.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    try:
        await page.goto(f"http://127.0.0.1:{port}/live")
        await expect(page.locator("#legend li")).to_have_count(5)
        yield seen
    finally:
        await context.close()
    assert seen.complaints == []
