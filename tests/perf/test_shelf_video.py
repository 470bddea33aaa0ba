"""Clips, the loop that everybody writes, and the stages, on a tiny clip and a network that costs nothing."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from perf import bare, opencv_loop, serving, steps
from perf.shelf import clip as clips
from perf.shelf import film, run, stages
from perf.shelf.clip import Clip
from tests.perf.shelf_network import write

FRAMES = 5


def frames(count: int, width: int = 96, height: int = 64) -> list[NDArray[np.uint8]]:
    """Grey frames, each brighter than the one before."""
    return [np.full((height, width, 3), 40 + 30 * number, np.uint8) for number in range(count)]


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    made = Clip(tmp_path / "clip.mp4", 96, 64, FRAMES)
    clips.write(made, frames(FRAMES))
    return made


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return write(tmp_path / "model.onnx", 32)


def test_a_clip_comes_back_frame_by_frame(clip: Clip) -> None:
    found = clips.decode(clip.path)
    assert len(found) == FRAMES
    for frame, given in zip(found, frames(FRAMES), strict=True):
        assert np.abs(frame.astype(int) - given).max() <= 4
    assert not list(clip.path.parent.glob("*.part*"))


def test_a_clip_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    for width, height in clips.SIZES:
        clips.write(Clip(tmp_path / f"shelf-{width}x{height}-2.mp4", width, height, 2), frames(2, width, height))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert [clip.size for clip in clips.ready(tmp_path, 2)] == ["1280x720", "512x512", "640x480"]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("drawn", [2, 3, 5])
def test_a_walk_goes_on_without_a_cut(drawn: int) -> None:
    found = [int(frame[0, 0, 0]) for frame in clips.there_and_back(frames(drawn), 11)]
    assert len(found) == 11
    assert found[0] == 40
    assert all(abs(after - before) == 30 for before, after in itertools.pairwise(found))


def test_a_fitted_frame_keeps_its_shape_and_loses_its_sides() -> None:
    frame = np.zeros((72, 128, 3), np.uint8)
    frame[:, 16:112] = 200
    assert (clips.fitted(frame, 48, 36) == 200).all()
    assert clips.fitted(frame, 64, 36).shape == (36, 64, 3)


def test_the_loop_draws_every_frame(clip: Clip, network: Path, tmp_path: Path) -> None:
    target = tmp_path / "overlay.mp4"
    found = opencv_loop.run(network, clip.path, target)
    assert found.frames == FRAMES
    assert found.seconds > 0
    reader = cv2.VideoCapture(str(target))
    drawn = [reader.read()[1] for _ in range(FRAMES)]
    assert not reader.read()[0]
    for frame, given in zip(drawn, frames(FRAMES), strict=True):
        assert frame.shape == (64, 96, 3)
        assert np.abs(frame.astype(int) - given).max() > 20  # a product's colour lies over grey


def test_the_loop_says_which_file_it_cannot_read(network: Path, tmp_path: Path) -> None:
    with pytest.raises(opencv_loop.LoopError, match="nowhere"):
        opencv_loop.run(network, tmp_path / "nowhere.mp4", tmp_path / "overlay.mp4")


def test_the_loop_is_timed_in_a_process_of_its_own(clip: Clip, network: Path) -> None:
    assert film.looped(network, clip) > 0
    with pytest.raises(film.FilmError, match="saw 5 frames of 6"):
        film.looped(network, Clip(clip.path, 96, 64, 6))


def test_every_stage_is_timed_for_one_frame(clip: Clip, network: Path) -> None:
    rows = stages.measure(network, clip, 1)
    names = [row.name for row in rows if row.kind == steps.SUM]
    assert names == ["decode H.264", "resize to the square", "network", "smoothing", "draw", "encode H.264"]
    assert {row.kind for row in rows} == {steps.SUM, stages.LIVE, steps.RIVAL}
    assert all(0 < row.seconds < 5 for row in rows)


def test_the_bare_network_is_shown_pictures_in_turn(network: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "pixels.npy", np.zeros((2, 32, 32, 3), np.uint8))
    for pictures in (None, str(tmp_path / "pixels.npy")):
        found = bare.measure(str(network), 1, 5, spinning=False, pictures=pictures)
        assert found.per_second > 0
        assert 0 < found.p50_ms <= found.p95_ms <= found.p99_ms


def test_the_bare_network_has_as_many_sessions_as_are_served(network: Path) -> None:
    found = bare.measure(str(network), 1, 40, spinning=False, instances=2)
    assert found.per_second > 0
    assert found.p50_ms <= found.p99_ms
    assert serving.instances(run.ROOT / "model_repository" / run.NETWORK) == 2
