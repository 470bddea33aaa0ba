import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gateway import errors
from gateway.settings import Settings
from gateway.video.containers import DEMUXERS
from gateway.video.facts import Limits
from gateway.video.reader import open_video
from tests.gateway.clips import LIMITS, SAMPLE_RATE, Clip, numbered

# What a demuxer must not be that opens other files or addresses, or makes a video of any text.
LEADING_AWAY = set(
    "hls dash concat imf image2 image2pipe sdp rtsp rtp sap lavfi tty webm_dash_manifest".split()  # noqa: SIM905 - names
)


def clip(path: Path, count: int = 30, **what: object) -> Path:
    return Clip(**what).write(path, [numbered(number) for number in range(count)])  # type: ignore[arg-type]


def picture(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24), "teal").save(buffer, kind)
    return buffer.getvalue()


def sound(path: Path, codec: str, cover: bytes | None = None) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=SAMPLE_RATE)
        shown = container.add_stream("mjpeg") if cover else None
        if isinstance(shown, av.VideoStream):
            shown.width, shown.height, shown.pix_fmt = 32, 24, "yuvj420p"
            shown.disposition = av.stream.Disposition.attached_pic
        assert isinstance(stream, av.AudioStream)
        for start in range(0, SAMPLE_RATE, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if shown is not None and cover:
            packet = av.Packet(cover)
            packet.stream, packet.pts, packet.dts = shown, 0, 0
            container.mux(packet)
    return path


def written(data: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(data)
        return path

    return write


def cut_before_its_index(path: Path) -> Path:
    data = clip(path).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def with_a_broken_index(path: Path) -> Path:
    data = clip(path).read_bytes()
    at = data.index(b"moov") + 4
    path.write_bytes(data[:at] + b"\xff" * 200 + data[at + 200 :])
    return path


def cut_before_its_first_frame(path: Path) -> Path:
    data = clip(path, muxer={"movflags": "+faststart"}).read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + 4])
    return path


def without_a_sound_packet(path: Path) -> Path:
    data = clip(path, muxer={"movflags": "+faststart"}).read_bytes()
    at = data.index(b"mdat") + 4
    path.write_bytes(data[:at] + b"\xff" * (len(data) - at))
    return path


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"
REFUSED = [
    ("nothing", written(b""), errors.EmptyVideoError, "0 bytes"),
    ("text", written(b"hello\n" * 500), errors.NotVideoError, "not a video"),
    ("noise", written(bytes(range(256)) * 200), errors.NotVideoError, "not a video"),
    ("playlist", written(PLAYLIST), errors.NotVideoError, "not a video"),
    ("list of files", written(b"ffconcat version 1.0\nfile 'a.mp4'\n"), errors.NotVideoError, "not a video"),
    *[
        (kind, written(picture(kind)), errors.PictureNotVideoError, rf"picture \({kind}\)")
        for kind in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF")
    ],
    ("song", lambda path: sound(path, "aac"), errors.SoundOnlyError, r"only sound \(aac\)"),
    ("cut", cut_before_its_index, errors.TruncatedVideoError, "moov"),
    ("index", with_a_broken_index, errors.UnreadableVideoError, "names no stream"),
    ("first", cut_before_its_first_frame, errors.TruncatedVideoError, "first frame"),
    ("packets", without_a_sound_packet, errors.UnreadableVideoError, "h264"),
]


@pytest.mark.parametrize(("make", "kind", "text"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_is_no_video_is_told_for_what_it_is(
    tmp_path: Path, make: Callable[[Path], Path], kind: type[errors.GatewayError], text: str
) -> None:
    path = make(tmp_path / "video.mp4")
    with pytest.raises(kind, match=text) as caught:
        open_video(path, LIMITS)
    assert kind in errors.VIDEO
    assert str(tmp_path) not in caught.value.public


def test_a_songs_cover_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(errors.SoundOnlyError, match="mp3"):
        open_video(sound(tmp_path / "song.mp3", "libmp3lame", picture("JPEG")), LIMITS)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(errors.UnreadableVideoError, match="cannot be opened"):
        open_video(tmp_path / "none.mp4", LIMITS)


@pytest.mark.parametrize(
    ("limits", "kind", "text"),
    [
        (Limits(1000, 600, 10**7, 120), errors.TooLargeError, r"has \d+ bytes, more than 1000"),
        (Limits(10**8, 0.5, 10**7, 120), errors.VideoTooLongError, r"lasts 1\.0 s, longer than 0\.5 s"),
        (Limits(10**8, 600, 100, 120), errors.TooManyPixelsError, "has 160 x 96 pixels, more than 100"),
        (Limits(10**8, 600, 10**7, 24), errors.TooManyFramesError, r"has 30\.00 frames per second, more than 24"),
    ],
)
def test_what_is_beyond_a_limit_is_told_with_value_and_limit(
    tmp_path: Path, limits: Limits, kind: type[errors.GatewayError], text: str
) -> None:
    with pytest.raises(kind, match=text):
        open_video(clip(tmp_path / "clip.mp4"), limits)


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        (Limits(10**8, 1.5, 10**7, 120), errors.VideoTooLongError),
        (Limits(10**8, 600, 10**7, 20), errors.TooManyFramesError),
    ],
)
def test_a_file_that_says_nothing_is_held_to_the_limits_while_it_is_read(
    tmp_path: Path, limits: Limits, kind: type[errors.GatewayError]
) -> None:
    path = clip(tmp_path / "clip.h264", 90)
    read = 0
    with pytest.raises(kind), open_video(path, limits) as video:  # noqa: PT012 - the error comes from within
        for _ in video.frames():
            read += 1
    assert 0 < read < 90


def test_limits_come_from_the_settings() -> None:
    settings = Settings(max_video_bytes=1, max_video_seconds=2, max_video_pixels=3, max_video_frames_per_second=4)
    assert Limits.of(settings) == Limits(1, 2, 3, 4)


def test_no_demuxer_leads_elsewhere_and_all_exist() -> None:
    readable = {name for names in av.formats_available for name in (names, *names.split(","))}
    assert not LEADING_AWAY & {name for names in DEMUXERS for name in names.split(",")}
    assert {name for name in DEMUXERS if name not in readable} == set()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 3000), st.integers(0, 400))
def test_whatever_is_in_a_file_only_our_own_errors_come_out(tmp_path: Path, noise: bytes, at: int, cut: int) -> None:
    path = tmp_path / "clip.mp4"
    sound_path = tmp_path / "sound.mp4"
    if not sound_path.exists():
        clip(sound_path, 5, muxer={"movflags": "+faststart"})
    data = sound_path.read_bytes()
    path.write_bytes(data[:at] + noise + data[at + len(noise) : len(data) - cut])
    with suppress(*errors.VIDEO), open_video(path, LIMITS) as video:
        for frame in video.frames():
            assert frame.pixels.ndim == 3
