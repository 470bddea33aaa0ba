"""Masks made steady: less flicker and no worse, exactly the mask without smoothing, a start anew at a cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging import motion
from imaging.errors import ShapeError
from imaging.steady import SmoothingError, State, Steadied, steadied
from tests.imaging.shelf_walks import SIDE, STEP, Seen, walk


@dataclass(frozen=True)
class Run:
    answers: list[Steadied]
    frames: list[Seen]

    @property
    def flicker(self) -> float:
        return float(np.mean([one.flicker for one in self.answers if one.flicker is not None]))

    @property
    def right(self) -> float:
        pairs = zip(self.answers, self.frames, strict=True)
        return float(np.mean([(answer.mask == frame.truth).mean() for answer, frame in pairs]))


def run(smoothing: float, frames: list[Seen]) -> Run:
    state: State | None = None
    answers = []
    for frame in frames:
        told, state = steadied(state, frame.pixels, frame.mask, frame.confidence, smoothing)
        answers.append(told)
    return Run(answers, frames)


def test_smoothing_lowers_flicker_clearly_and_the_masks_are_better_for_it() -> None:
    frames = list(walk(14))
    plain, smooth = run(0, frames), run(0.7, frames)
    assert all((answer.mask == frame.mask).all() for answer, frame in zip(plain.answers, frames, strict=True))
    assert smooth.flicker < 0.5 * plain.flicker
    assert smooth.right > plain.right + 0.01


def test_the_cameras_way_is_followed() -> None:
    answers = run(0, list(walk(5))).answers
    assert (answers[0].flicker, answers[0].shift) == (None, (0, 0))
    for answer in answers[1:]:
        assert answer.shift == pytest.approx((-STEP[0], -STEP[1]), abs=0.5)


def test_a_mask_that_moves_with_the_picture_does_not_flicker() -> None:
    frames = [Seen(one.pixels, one.truth, one.truth, np.full((64, 64), 255, np.uint8)) for one in walk(6)]
    assert run(0, frames).flicker < 0.02


def test_after_a_cut_everything_begins_anew() -> None:
    frames = [*walk(4, seed=1), *walk(4, seed=9)]
    answers = run(0.8, frames).answers
    assert answers[4].flicker is None
    assert (answers[4].mask == frames[4].mask).all()
    assert answers[5].flicker is not None


def test_where_something_steps_in_front_the_new_class_shows_at_once() -> None:
    frames = list(walk(6, step=(0, 0)))
    last = frames[-1]
    place = slice(60, 200), slice(60, 160)
    for array, value in ((last.pixels, 255), (last.mask, 0)):
        array[place] = value
    last.pixels[100:160, 90:130] = 0
    mask = run(0.9, frames).answers[-1].mask
    assert (mask[80:180, 75:145] == 0).mean() > 0.9


@settings(deadline=None, max_examples=20)
@given(st.floats(0, 0.99), st.integers(0, 2**31))
def test_noise_for_pictures_and_masks_gives_a_mask_of_classes(smoothing: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    state: State | None = None
    for _ in range(3):
        pixels, mask = rng.integers(0, 256, (64, 64, 3), np.uint8), rng.integers(0, 5, (64, 64), np.uint8)
        told, state = steadied(state, pixels, mask, rng.integers(0, 256, (16, 16), np.uint8), smoothing)
        assert told.mask.shape == (64, 64)
        assert told.mask.max() < 5
        assert told.flicker is None or 0 <= told.flicker <= 1


@pytest.mark.parametrize("smoothing", [1.0, -0.1, float("nan"), float("inf")])
def test_a_strength_that_there_is_not_is_refused(smoothing: float) -> None:
    frame = next(walk(1))
    with pytest.raises(SmoothingError, match=r"smoothing: must be a number from 0 \(none\) to below 1"):
        steadied(None, frame.pixels, frame.mask, frame.confidence, smoothing)


def test_a_mask_of_another_size_than_its_picture_is_refused() -> None:
    frame = next(walk(1))
    with pytest.raises(ShapeError, match="a square mask and its picture"):
        steadied(None, frame.pixels[:99], frame.mask, frame.confidence, 0.5)


def test_pictures_without_corners_and_of_other_places_have_no_motion() -> None:
    even = np.full((motion.SIDE, motion.SIDE), 99, np.uint8)
    first, other = (motion.grey(next(walk(1, seed=seed)).pixels) for seed in (3, 4))
    assert motion.between(even, even) is None
    assert motion.between(first, even) is None
    assert motion.between(first, other) is None
    same = motion.between(first, first)
    assert same is not None
    assert same.shift(SIDE) == pytest.approx((0, 0), abs=0.05)
    assert not same.changed.any()


def test_a_motion_is_the_same_in_pictures_of_any_size() -> None:
    moved = motion.Motion(np.array([[1, 0, 0.25], [0, 1, 0]], np.float32), np.zeros((4, 4), np.bool_))
    assert moved.shift(8) == pytest.approx((2, 0))
    assert moved.pixels(8).tolist() == pytest.approx(np.array([[1, 0, 2], [0, 1, 0]]))
