"""Clips of a generated shelf, the same on every machine: drawn once by the generator, kept as H.264 in a cache."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from imaging.arrays import Bytes

ROOT = Path(__file__).resolve().parents[2]
RATE = 30
DRAWN, WIDTH, SEED = 48, 1280, 11
SIZES = ((1280, 720), (512, 512), (640, 480))
QUALITY = {"preset": "medium", "crf": "20"}


@dataclass(frozen=True, slots=True)
class Clip:
    """An MP4 of `frames` frames."""

    path: Path
    width: int
    height: int
    frames: int

    @property
    def size(self) -> str:
        return f"{self.width}x{self.height}"


def ready(cache: Path, frames: int) -> list[Clip]:
    """Return a clip of each size with that many frames; made where the cache has none.

    Raises subprocess.CalledProcessError where the generator fails, as it does without the training extra.
    """
    clips = [Clip(cache / f"shelf-{width}x{height}-{frames}.mp4", width, height, frames) for width, height in SIZES]
    missing = [clip for clip in clips if not clip.path.exists()]
    if missing:
        drawn = _drawn(cache / "shelf-frames")
        for clip in missing:
            write(clip, there_and_back([fitted(frame, clip.width, clip.height) for frame in drawn], frames))
    return clips


def _drawn(folder: Path) -> list[Bytes]:
    """A walk along a shelf, from the generator as a command: it may not be imported here."""
    command = [sys.executable, "-m", "training", "scenes", "--source", "shelf-video", "--out", str(folder)]
    command += ["--count", "1", "--frames", str(DRAWN), "--rate", str(RATE), "--size", str(WIDTH)]
    subprocess.run([*command, "--seed", str(SEED), "--workers", "1"], cwd=ROOT, check=True)
    files = sorted((folder / "images" / "000000").glob("*.jpg"))
    return [np.asarray(Image.open(file).convert("RGB"), np.uint8) for file in files]


def there_and_back(frames: Sequence[Bytes], count: int) -> Iterator[Bytes]:
    """Yield `count` frames, to the last and back again and so on, so that a short walk has no cut."""
    back = frames[-2:0:-1]
    return itertools.islice(itertools.cycle([*frames, *back]), count)


def fitted(frame: Bytes, width: int, height: int) -> Bytes:
    """Return RGB [height, width, 3]: the middle of the frame in that shape, scaled."""
    full_height, full_width = frame.shape[:2]
    kept_width = min(full_width, full_height * width // height)
    kept_height = min(full_height, full_width * height // width)
    left, top = (full_width - kept_width) // 2, (full_height - kept_height) // 2
    middle = np.ascontiguousarray(frame[top : top + kept_height, left : left + kept_width])
    return np.asarray(cv2.resize(middle, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def write(clip: Clip, frames: Iterable[Bytes]) -> None:
    """Write frames RGB [height, width, 3] as H.264; the file is there once it is whole."""
    clip.path.parent.mkdir(parents=True, exist_ok=True)
    part = clip.path.with_name(f"{clip.path.stem}.part.mp4")
    encode(part, frames, QUALITY)
    shutil.move(part, clip.path)


def encode(path: Path, frames: Iterable[Bytes], options: dict[str, str]) -> None:
    """Encode frames RGB [h, w, 3] of even sides with libx264 in one thread."""
    import av

    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        for number, frame in enumerate(frames):
            if not number:
                stream.height, stream.width = frame.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def decode(path: Path) -> list[Bytes]:
    """Return all frames, RGB [h, w, 3], decoded in one thread."""
    import av

    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(stream)]
