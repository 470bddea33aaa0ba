"""A real Chromium, Debian's own, whose camera is a generated clip of shelves."""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import BrowserContext, async_playwright

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
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)
NARROW, WIDE = {"width": 380, "height": 780}, {"width": 1280, "height": 860}


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
async def browsing(camera: Path | None = None, narrow: bool = False) -> AsyncIterator[BrowserContext]:  # noqa: FBT001, FBT002
    """A window without history; skips the test where there is no Chromium."""
    if CHROMIUM is None:
        pytest.skip("chromium is missing: apt-get install -y chromium")
    flags = [*FLAGS, *([f"--use-file-for-fake-video-capture={camera}"] if camera else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags, headless=True)
        try:
            yield await browser.new_context(viewport=NARROW if narrow else WIDE, accept_downloads=True)  # type: ignore[arg-type]
        finally:
            await browser.close()
