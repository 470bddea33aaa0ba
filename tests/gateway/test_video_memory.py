import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from gateway.video.encoding import Encoding
from gateway.video.reader import open_video
from gateway.video.writer import VideoWriter
from tests.gateway.clips import LIMITS, Clip, numbered

WIDTH, HEIGHT, COUNT = 640, 360, 1000
FRAME_BYTES = WIDTH * HEIGHT * 3


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clip = Clip(options={"preset": "ultrafast"}, sound="aac", sound_seconds=COUNT / 30)
    return clip.write(tmp_path_factory.mktemp("clips") / "long.mp4", [numbered(3, WIDTH, HEIGHT)] * COUNT)


def reading(path: Path) -> Iterator[int]:
    process = psutil.Process(os.getpid())
    with open_video(path, LIMITS) as video:
        for _ in video.frames():
            yield process.memory_info().rss


def writing(path: Path) -> Iterator[int]:
    process = psutil.Process(os.getpid())
    target = path.with_name("result.mp4")
    with open_video(path, LIMITS) as video, VideoWriter(target, video.facts, Encoding(), path) as writer:
        for frame in video.frames():
            writer.write(frame.pixels, frame.time, frame.duration)
            yield process.memory_info().rss


@pytest.mark.parametrize("work", [reading, writing])
def test_memory_is_a_few_frames_whatever_the_length(path: Path, work: Callable[[Path], Iterator[int]]) -> None:
    held = list(work(path))
    assert len(held) == COUNT
    assert max(held[100:]) - max(held[:100]) < 8 * FRAME_BYTES
