from fractions import Fraction
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.video.clock import Clock
from gateway.video.facts import Limits, Sound
from gateway.video.orientation import Orientation, from_matrix
from gateway.video.reader import Frame, Tally, open_video
from tests.gateway.clips import HEIGHT, LIMITS, WIDTH, Clip, number_in, numbered

COUNT = 40
KINDS = [
    ("clip.mp4", Clip("libx264"), "h264"),
    ("clip.mov", Clip("prores_ks", "yuv422p10le"), "prores"),
    ("clip.mkv", Clip("ffv1", "yuv444p"), "ffv1"),
    ("clip.mp4", Clip("libx265", options={"x265-params": "log-level=none"}), "hevc"),
    ("clip.webm", Clip("libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"}), "vp9"),
    ("clip.webm", Clip("libvpx", options={"deadline": "realtime"}), "vp8"),
    ("clip.mp4", Clip("libsvtav1", options={"preset": "12", "svtav1-params": "lp=1"}), "av1"),
    ("clip.avi", Clip("mpeg4", options={"qscale": "2"}), "mpeg4"),
    ("clip.avi", Clip("mjpeg", "yuvj420p"), "mjpeg"),
    ("clip.ts", Clip("mpeg2video"), "mpeg2video"),
    ("clip.mpg", Clip("mpeg1video"), "mpeg1video"),
    ("clip.flv", Clip("flv"), "flv1"),
    ("clip.wmv", Clip("wmv2"), "wmv2"),
    ("clip.h264", Clip("libx264"), "h264"),
    ("clip.mjpeg", Clip("mjpeg", "yuvj420p"), "mjpeg"),
    ("clip.y4m", Clip("wrapped_avframe"), "wrapped_avframe"),
]


def read(path: Path, limits: Limits = LIMITS, threads: int = 1) -> tuple[list[Frame], Tally]:
    with open_video(path, limits, threads) as video:
        return list(video.frames()), video.tally


@pytest.mark.parametrize(("name", "clip", "codec"), KINDS, ids=[f"{name}-{codec}" for name, _, codec in KINDS])
def test_every_frame_comes_once_and_in_order(tmp_path: Path, name: str, clip: Clip, codec: str) -> None:
    path = clip.write(tmp_path / name, [numbered(number) for number in range(COUNT)])
    frames, tally = read(path)
    assert [number_in(frame.pixels) for frame in frames] == list(range(COUNT))
    assert [frame.index for frame in frames] == list(range(COUNT))
    assert frames[0].pixels.shape == (HEIGHT, WIDTH, 3)
    assert frames[0].pixels.dtype == np.uint8
    assert tally.frames == COUNT
    assert (tally.skipped_packets, tally.damaged_frames, tally.resized_frames) == (0, 0, 0)
    assert tally.missing_s in {None, 0}
    with open_video(path, LIMITS) as video:
        assert video.facts.codec in {codec, "rawvideo"}


def test_frames_follow_each_other_without_a_gap(tmp_path: Path) -> None:
    frames, _ = read(Clip().write(tmp_path / "clip.mp4", [numbered(number) for number in range(9)]))
    assert frames[0].time == 0
    assert [frame.duration for frame in frames] == [Fraction(1, 30)] * 9
    assert [frame.time + frame.duration for frame in frames[:-1]] == [frame.time for frame in frames[1:]]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_a_variable_frame_rate_is_kept(tmp_path: Path, name: str) -> None:
    ticks = [0, 100, 133, 500, 533, 566, 1000, 1001, 1040, 2000]
    clip = Clip(ticks=ticks, tick=Fraction(1, 1000))
    frames, tally = read(clip.write(tmp_path / name, [numbered(number) for number in range(len(ticks))]))
    assert [frame.time * 1000 for frame in frames] == ticks
    assert [frame.duration * 1000 for frame in frames[:-1]] == list(np.diff(ticks))
    assert tally.retimed_frames == 0


def test_facts_are_there_before_the_frames(tmp_path: Path) -> None:
    clip = Clip(sound="aac", sound_seconds=2, aspect=Fraction(4, 3), language="deu", tick=Fraction(1, 25))
    path = clip.write(tmp_path / "clip.mp4", [numbered(number) for number in range(50)])
    with open_video(path, LIMITS) as video:
        facts = video.facts
    assert (facts.width, facts.height, facts.pixel_aspect) == (WIDTH, HEIGHT, Fraction(4, 3))
    assert (facts.codec, facts.pixel_format) == ("h264", "yuv420p")
    assert (facts.rate, facts.frames, facts.duration_s) == (Fraction(25), 50, Fraction(2))
    assert (facts.rotation, facts.mirrored) == (0, False)
    assert facts.sounds == (Sound("aac", 2, 48_000, "deu"),)


def test_sound_that_begins_first_moves_the_pictures(tmp_path: Path) -> None:
    clip = Clip(ticks=[15, 16, 17], sound="aac")
    frames, _ = read(clip.write(tmp_path / "clip.mp4", [numbered(number) for number in range(3)]))
    assert [float(frame.time) for frame in frames] == pytest.approx([0.5, 0.5333, 0.5667], abs=0.001)


@pytest.mark.parametrize(("degrees", "hflip", "vflip"), list(product((0, 90, 180, 270), (False, True), (False, True))))
def test_frames_are_upright_however_they_were_filmed(tmp_path: Path, degrees: int, hflip: bool, vflip: bool) -> None:  # noqa: FBT001
    upright = numbered(77)
    flipped = upright[:: -1 if vflip else 1, :: -1 if hflip else 1]
    filmed = np.ascontiguousarray(np.rot90(flipped, -degrees // 90))
    clip = Clip(turn=(degrees, hflip, vflip), options={"qp": "1"}, pixel_format="yuv444p", aspect=Fraction(2))
    path = clip.write(tmp_path / "clip.mp4", [filmed] * 2)
    with open_video(path, LIMITS) as video:
        facts = video.facts
        frames = list(video.frames())
    assert (facts.width, facts.height) == (WIDTH, HEIGHT)
    assert facts.mirrored == (hflip != vflip)
    assert facts.pixel_aspect == (Fraction(1, 2) if degrees in {90, 270} else 2)
    if not facts.mirrored:
        assert facts.rotation == (-degrees + 180 * hflip) % 360
    for frame in frames:
        assert np.abs(frame.pixels.astype(int) - upright).max() < 12


@given(st.booleans(), st.booleans(), st.booleans(), st.integers(1, 5), st.integers(1, 5))
def test_an_orientation_does_what_its_matrix_says(
    transposed: bool,  # noqa: FBT001
    flip_x: bool,  # noqa: FBT001
    flip_y: bool,  # noqa: FBT001
    width: int,
    height: int,
) -> None:
    x, y = (-1 if flip_x else 1), (-1 if flip_y else 1)
    orientation = from_matrix((0, y, 0, x, 0) if transposed else (x, 0, 0, 0, y))
    assert orientation == Orientation(transposed, flip_x, flip_y)
    pixels = np.arange(width * height * 3, dtype=np.uint8).reshape(height, width, 3)
    turned = orientation.upright(pixels)
    assert turned.shape[1::-1] == orientation.size(width, height)
    assert turned.flags.c_contiguous
    for row, column in product(range(height), range(width)):
        across, down = (row, column) if transposed else (column, row)
        assert (turned[down if y > 0 else -1 - down, across if x > 0 else -1 - across] == pixels[row, column]).all()


@given(st.lists(st.none() | st.integers(-10_000, 10_000), min_size=1), st.fractions(-5, 5))
def test_times_always_grow_and_are_the_files_where_they_can_be(stamps: list[int | None], origin: Fraction) -> None:
    tick, usual = Fraction(1, 90), Fraction(1, 30)
    clock = Clock(tick, origin, usual)
    times = [clock.at(stamp) for stamp in stamps]
    assert all(earlier < later for earlier, later in pairwise(times))
    stated = [None if stamp is None else stamp * tick - origin for stamp in stamps]
    changed = sum(time != wish for time, wish in zip(times[1:], stated[1:], strict=True))
    assert clock.retimed == changed


def test_a_video_that_changes_its_size_keeps_that_of_its_first_frame(tmp_path: Path) -> None:
    clip = Clip(options={"bf": "0"})
    small = clip.write(tmp_path / "a.ts", [numbered(number, 160, 96) for number in range(20)])
    large = clip.write(tmp_path / "b.ts", [numbered(number, 320, 192) for number in range(20, 40)])
    joined = tmp_path / "joined.ts"
    joined.write_bytes(small.read_bytes() + large.read_bytes())
    frames, tally = read(joined)
    assert {frame.pixels.shape for frame in frames} == {(96, 160, 3)}
    assert len(frames) == 40
    assert tally.resized_frames == 20


def test_more_threads_change_nothing(tmp_path: Path) -> None:
    path = Clip().write(tmp_path / "clip.mp4", [numbered(number) for number in range(COUNT)])
    one, _ = read(path, threads=1)
    three, _ = read(path, threads=3)
    assert all((a.pixels == b.pixels).all() and a.time == b.time for a, b in zip(one, three, strict=True))


def test_frames_are_read_once(tmp_path: Path) -> None:
    with open_video(Clip().write(tmp_path / "clip.mp4", [numbered(0)] * 3), LIMITS) as video:
        list(video.frames())
        with pytest.raises(ValueError, match="once"):
            next(video.frames())


def test_a_name_is_never_taken_for_an_address(tmp_path: Path) -> None:
    for name in ("concat:a|b.mp4", "http:..mp4", "%03d.mp4", "-i.mp4"):
        path = Clip().write(tmp_path / "plain.mp4", [numbered(5)] * 2).rename(tmp_path / name)
        frames, _ = read(path)
        assert number_in(frames[0].pixels) == 5
