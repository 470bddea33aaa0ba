import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from gateway import errors
from gateway.settings import Settings
from gateway.video.encoding import Encoding
from gateway.video.facts import Sound
from gateway.video.reader import Frame, open_video
from gateway.video.soundtrack import Track
from gateway.video.writer import VideoWriter, Written
from tests.gateway.clips import LIMITS, Clip, Pixels, number_in, numbered, packets

ENCODING = Encoding()


def clip(path: Path, count: int = 30, **what: object) -> Path:
    return Clip(**what).write(path, [numbered(number) for number in range(count)])  # type: ignore[arg-type]


def again(source: Path, target: Path, encoding: Encoding = ENCODING) -> Written:
    """A source's frames and sound written as they are."""
    with open_video(source, LIMITS) as video, VideoWriter(target, video.facts, encoding, source) as writer:
        for frame in video.frames():
            writer.write(frame.pixels, frame.time, frame.duration)
    assert writer.written is not None
    return writer.written


def frames(path: Path) -> list[Frame]:
    with open_video(path, LIMITS) as video:
        return list(video.frames())


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_frames_their_order_and_their_times_are_kept(tmp_path: Path) -> None:
    ticks = [0, 100, 133, 500, 533, 566, 1000, 1001, 1040, 2000]
    source = clip(tmp_path / "source.mp4", len(ticks), ticks=ticks, tick=Fraction(1, 1000))
    assert again(source, tmp_path / "result.mp4") == Written(10, 160, 96, "libx264", (), 0)
    before, after = frames(source), frames(tmp_path / "result.mp4")
    assert [number_in(frame.pixels) for frame in after] == list(range(10))
    assert [(frame.time, frame.duration) for frame in after] == [(frame.time, frame.duration) for frame in before]
    assert left(tmp_path) == {"source.mp4", "result.mp4"}


@pytest.mark.parametrize(
    ("name", "sound", "track"),
    [
        ("source.mp4", "aac", Track("aac", "copied")),
        ("source.ts", "aac", Track("aac", "copied")),
        ("source.mkv", "libopus", Track("opus", "copied")),
        ("source.mkv", "flac", Track("flac", "copied")),
        ("source.avi", "libmp3lame", Track("mp3", "copied")),
    ],
)
def test_sound_that_mp4_takes_is_copied(tmp_path: Path, name: str, sound: str, track: Track) -> None:
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    source = clip(tmp_path / name, codec=codec, sound=sound, sound_seconds=1.5)
    assert again(source, tmp_path / "result.mp4").tracks == (track,)
    before, after = packets(source, "audio"), packets(tmp_path / "result.mp4", "audio")
    # MP4 keeps AAC without the header that each of its packets has in a transport stream.
    assert [old[1].endswith(new[1]) for old, new in zip(before, after, strict=True)] == [True] * len(before)
    offset = packets(source, "video")[0][0] - packets(tmp_path / "result.mp4", "video")[0][0]
    for old, new in zip(before, after, strict=True):
        assert float(old[0] - new[0]) == pytest.approx(float(offset), abs=0.0015)


@pytest.mark.parametrize(
    ("name", "sound", "codec"),
    [
        ("source.mov", "pcm_s16le", "pcm_s16le"),
        ("source.mkv", "pcm_s16le", "pcm_s16le"),
        ("source.mkv", "ac3", "ac3"),
        ("source.ts", "mp2", "mp2"),
    ],
)
def test_other_sound_becomes_aac(tmp_path: Path, name: str, sound: str, codec: str) -> None:
    source = clip(tmp_path / name, sound=sound, sound_seconds=1.5, language="fra")
    assert again(source, tmp_path / "result.mp4").tracks == (Track(codec, "aac"),)
    with open_video(tmp_path / "result.mp4", LIMITS) as video:
        assert video.facts.sounds == (Sound("aac", 2, 48_000, "fra"),)
    times = [time for time, _ in packets(tmp_path / "result.mp4", "audio")]
    assert float(times[-1] - times[0]) == pytest.approx(1.5, abs=0.05)


def test_broken_sound_costs_no_picture(tmp_path: Path) -> None:
    source = clip(tmp_path / "source.ts", sound="aac", sound_seconds=1.5)
    data = bytearray(source.read_bytes())
    for at in [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xf1"][10:20]:
        data[at + 1 : at + 6] = b"\xff" * 5
    source.write_bytes(data)
    written = again(source, tmp_path / "result.mp4")
    assert written.frames == 30
    assert written.skipped_sound > 0
    assert len(packets(tmp_path / "result.mp4", "audio")) > 20


def test_sound_and_pictures_keep_their_distance(tmp_path: Path) -> None:
    source = clip(tmp_path / "source.mp4", ticks=[15 + index for index in range(30)], sound="aac", sound_seconds=2)
    again(source, tmp_path / "result.mp4")
    after = frames(tmp_path / "result.mp4")
    assert [float(frame.time) for frame in after] == pytest.approx(
        [float(frame.time) for frame in frames(source)], abs=1e-4
    )
    assert len(packets(source, "audio")) == len(packets(tmp_path / "result.mp4", "audio"))


def test_all_sound_streams_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "source.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=30)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 160, 96, "yuv420p"
        tracks = [container.add_stream(codec, rate=48_000) for codec in ("aac", "pcm_s16le", "libopus")]
        for number in range(30):
            container.mux(video.encode(av.VideoFrame.from_ndarray(numbered(number), "rgb24")))
        container.mux(video.encode(None))
        for track in tracks:
            assert isinstance(track, av.AudioStream)
            Clip()._hum(container, track)
    tracks_after = again(path, tmp_path / "result.mp4").tracks
    assert tracks_after == (Track("aac", "copied"), Track("pcm_s16le", "aac"), Track("opus", "copied"))


@pytest.mark.parametrize(("width", "height"), [(161, 96), (160, 97), (161, 97), (145, 33)])
def test_an_odd_size_becomes_even_by_its_last_line_twice(tmp_path: Path, width: int, height: int) -> None:
    source = Clip(pixel_format="yuv444p").write(tmp_path / "source.mp4", [numbered(7, width, height)] * 5)
    written = again(source, tmp_path / "result.mp4", Encoding(quality=1))
    even = (height + height % 2, width + width % 2)
    assert (written.height, written.width) == even
    (first, *_) = frames(tmp_path / "result.mp4")
    assert first.pixels.shape == (*even, 3)
    assert np.abs(first.pixels[-1, 4:20].astype(int) - numbered(7, width, height)[-1, 4:20]).max() < 12


def test_colours_come_back_and_are_tagged(tmp_path: Path) -> None:
    colours = np.array([(255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 200, 0), (20, 60, 200), (180, 90, 30)], np.uint8)
    picture = colours.repeat(32, axis=0)[None].repeat(64, axis=0)
    source = Clip("libx264rgb", "bgr24", options={"qp": "0"}).write(tmp_path / "source.mp4", [picture] * 3)
    again(source, tmp_path / "result.mp4", Encoding(quality=1))
    with open_video(tmp_path / "result.mp4", LIMITS) as video:
        (first, *_) = video.frames()
        assert (video.facts.colour.matrix, video.facts.colour.full_range, video.facts.colour.guessed) == (
            "bt709",
            False,
            False,
        )
        assert video.facts.pixel_format == "yuv420p"
    assert np.abs(first.pixels[32, 16::32].astype(int) - colours).max() <= 4


def test_the_shape_of_pixels_is_kept_and_the_rotation_undone(tmp_path: Path) -> None:
    source = clip(tmp_path / "source.mp4", turn=(90, False, False), aspect=Fraction(4, 3))
    again(source, tmp_path / "result.mp4")
    with open_video(tmp_path / "result.mp4", LIMITS) as video:
        facts = video.facts
    assert (facts.width, facts.height, facts.pixel_aspect, facts.rotation) == (96, 160, Fraction(3, 4), 0)


def test_the_index_comes_first_and_only_h264_of_four_two_zero(tmp_path: Path) -> None:
    again(clip(tmp_path / "source.mp4"), tmp_path / "result.mp4")
    data = (tmp_path / "result.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_progress_is_told_with_what_the_source_states(tmp_path: Path) -> None:
    source, told = clip(tmp_path / "source.mp4", 5), list[tuple[int, int | None]]()
    with (
        open_video(source, LIMITS) as video,
        VideoWriter(tmp_path / "result.mp4", video.facts, ENCODING, progress=lambda *now: told.append(now)) as writer,
    ):
        for frame in video.frames():
            writer.write(frame.pixels, frame.time, frame.duration)
    assert told == [(number, 5) for number in range(1, 6)]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ZeroDivisionError])
@pytest.mark.parametrize("after", [0, 1, 20])
def test_whatever_ends_it_early_leaves_nothing(tmp_path: Path, stop: type[BaseException], after: int) -> None:
    source, target = clip(tmp_path / "source.mp4", sound="aac"), tmp_path / "result.mp4"
    target.write_bytes(b"the result before")
    with (  # noqa: PT012 - the error comes from within
        pytest.raises(stop),
        open_video(source, LIMITS) as video,
        VideoWriter(target, video.facts, ENCODING, source) as writer,
    ):
        for frame in video.frames():
            if frame.index == after:
                raise stop
            writer.write(frame.pixels, frame.time, frame.duration)
    assert left(tmp_path) == {"source.mp4", "result.mp4"}
    assert target.read_bytes() == b"the result before"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(errors.VideoNotWrittenError, match="cannot be written"):
        again(clip(tmp_path / "source.mp4"), tmp_path / "none" / "result.mp4")


@contextmanager
def room_for(size_bytes: int) -> Iterator[None]:
    """No file may become larger, as on a disk that is full by then."""
    now = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, now[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, now)


def test_a_disk_that_is_full_at_any_byte_leaves_nothing(tmp_path: Path) -> None:
    source, target = clip(tmp_path / "source.mp4", sound="aac"), tmp_path / "result.mp4"
    again(source, target)
    whole = target.stat().st_size
    target.unlink()
    for size in (0, 1, 100, whole // 4, whole // 2, whole * 9 // 10, whole - 100, whole - 1):
        with room_for(size), pytest.raises(errors.VideoNotWrittenError, match="the disk is full"):
            again(source, target)
        assert left(tmp_path) == {"source.mp4"}
    with room_for(whole):
        again(source, target)
    assert target.stat().st_size == whole


def test_the_next_encoder_is_taken_where_one_does_not_work(tmp_path: Path) -> None:
    source = clip(tmp_path / "source.mp4")
    written = again(source, tmp_path / "result.mp4", Encoding(("no_such_encoder", "aac", "h264_v4l2m2m", "mpeg4")))
    assert written.encoder == "mpeg4"
    assert [number_in(frame.pixels) for frame in frames(tmp_path / "result.mp4")] == list(range(30))


def test_without_an_encoder_it_says_which_were_tried(tmp_path: Path) -> None:
    with pytest.raises(errors.NoEncoderError, match="tried: no_such_encoder, aac"):
        again(clip(tmp_path / "source.mp4"), tmp_path / "result.mp4", Encoding(("no_such_encoder", "aac")))
    assert left(tmp_path) == {"source.mp4"}


@pytest.mark.parametrize(
    "following",
    [[], [np.zeros((96, 160, 3), np.float32)], [np.zeros((96, 160), np.uint8)], [np.zeros((90, 160, 3), np.uint8)]],
)
def test_frames_of_another_shape_are_refused(tmp_path: Path, following: Sequence[Pixels]) -> None:
    with open_video(clip(tmp_path / "source.mp4"), LIMITS) as video:
        facts = video.facts
    with (  # noqa: PT012 - the error comes from within
        pytest.raises(ValueError, match="at least one frame" if not following else "uint8"),
        VideoWriter(tmp_path / "result.mp4", facts, ENCODING) as writer,
    ):
        for index, pixels in enumerate(following and [numbered(1), *following]):
            writer.write(pixels, Fraction(index), Fraction(1))
    assert left(tmp_path) == {"source.mp4"}


def test_the_encoding_comes_from_the_settings() -> None:
    settings = Settings(video_encoders="libx264,mpeg4", video_quality=30, video_threads=2)
    assert Encoding.of(settings) == Encoding(("libx264", "mpeg4"), 30, 2)
