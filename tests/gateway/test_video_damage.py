from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from gateway.video.reader import Frame, Tally, open_video
from tests.gateway.clips import LIMITS, Clip, number_in, numbered, places

COUNT = 60
INTRA = {"g": "1", "bf": "0"}


def read(path: Path) -> tuple[list[Frame], Tally]:
    with open_video(path, LIMITS) as video:
        return list(video.frames()), video.tally


def broken(path: Path, packets: range) -> Path:
    data = bytearray(path.read_bytes())
    for at, size in places(path)[packets.start : packets.stop]:
        data[at : at + size] = b"\xff" * size
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("packets", [range(20, 21), range(20, 30), range(55, 60), range(3)])
def test_broken_packets_are_skipped_and_counted(tmp_path: Path, packets: range) -> None:
    path = Clip(options=INTRA).write(tmp_path / "clip.mp4", [numbered(number) for number in range(COUNT)])
    frames, tally = read(broken(path, packets))
    whole = [number for number in range(COUNT) if number not in packets]
    assert [number_in(frame.pixels) for frame in frames] == whole
    assert [frame.time * 30 for frame in frames] == whole
    assert (tally.skipped_packets, tally.frames) == (len(packets), len(whole))
    assert [frame.index for frame in frames] == list(range(len(whole)))


def test_a_frame_lasts_until_the_next_one_that_can_be_read(tmp_path: Path) -> None:
    path = Clip(options=INTRA).write(tmp_path / "clip.mp4", [numbered(number) for number in range(COUNT)])
    frames, _ = read(broken(path, range(20, 30)))
    assert frames[19].duration == Fraction(11, 30)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.avi"])
def test_a_video_that_is_cut_off_gives_what_is_there_and_says_what_is_missing(tmp_path: Path, name: str) -> None:
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    clip = Clip(codec, options={"bf": "0"}, muxer={"movflags": "+faststart"} if name.endswith("mp4") else {})
    path = clip.write(tmp_path / name, [numbered(number) for number in range(COUNT)])
    at, size = places(path)[30]
    path.write_bytes(path.read_bytes()[: at + size // 2])
    frames, tally = read(path)
    assert [number_in(frame.pixels) for frame in frames][:30] == list(range(30))
    assert len(frames) <= 31
    assert tally.missing_s is not None
    assert tally.missing_s == pytest.approx(1.0, abs=0.1)


def test_errors_inside_a_frame_are_counted(tmp_path: Path) -> None:
    noise = np.random.default_rng(5)
    pictures = [noise.integers(0, 255, (96, 160, 3), np.uint8) for _ in range(COUNT)]
    path = Clip("mpeg2video", options={"qscale": "2"}).write(tmp_path / "clip.ts", pictures)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 188 * 188
    del data[middle : middle + 188]
    path.write_bytes(data)
    frames, tally = read(path)
    assert tally.damaged_frames == 1
    assert len(frames) == COUNT
