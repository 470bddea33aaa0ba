from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imaging.bleed import extended


@given(st.integers(1, 80), st.integers(1, 80), st.integers(0, 999))
def test_what_is_visible_stays_as_it_is(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
    picture[rng.random((height, width)) < 0.5] = 0
    found = extended(picture)
    assert (found[..., 3] == picture[..., 3]).all()
    assert (found[picture[..., 3] > 0] == picture[picture[..., 3] > 0]).all()


@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 255), st.integers(0, 999))
def test_one_colour_spreads_over_all(height: int, width: int, level: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    colour = np.array([level, 255 - level, 77], np.uint8)
    picture = np.zeros((height, width, 4), np.uint8)
    row, column = rng.integers(0, height), rng.integers(0, width)
    picture[row : row + 5, column : column + 5] = (*colour, 255)
    found = extended(picture)[..., :3]
    assert np.abs(found.astype(int) - colour).max() <= 2


def test_each_side_gets_the_colours_next_to_it() -> None:
    picture = np.zeros((120, 200, 4), np.uint8)
    picture[40:80, 60:100] = (200, 20, 20, 255)
    picture[40:80, 100:140] = (20, 20, 200, 255)
    found = extended(picture)[..., :3].astype(int)
    assert found[60, 57, 0] > 180
    assert found[60, 57, 2] < 40
    assert found[60, 142, 2] > 180
    assert (found.sum(axis=2) > 120).all(), "black is left somewhere"


def test_hidden_colours_do_not_come_through() -> None:
    picture = np.zeros((60, 60, 4), np.uint8)
    picture[..., 1] = 255
    picture[20:40, 20:40] = (128, 0, 0, 255)
    found = extended(picture)
    assert found[..., 1].max() <= 1


def test_a_picture_of_nothing_is_black() -> None:
    assert not extended(np.zeros((30, 20, 4), np.uint8)).any()
