from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging import pyramid
from imaging.pyramid import SIDE, Level, Place

sizes = st.builds(Level, st.just(1.0), st.integers(12, 700), st.integers(12, 700))


def test_levels_are_those_of_mtcnn() -> None:
    found = pyramid.levels(512, 300, 20, 0.709)
    assert (found[0].height, found[0].width) == (308, 181)
    assert [level.scale for level in found[:2]] == [0.6, 0.6 * 0.709]
    assert min(found[-1].height, found[-1].width) >= 12
    assert 300 * found[-1].scale * 0.709 < 12 <= 300 * found[-1].scale


def test_a_picture_smaller_than_the_smallest_face_has_no_level() -> None:
    assert pyramid.levels(500, 19, 20, 0.709) == []
    assert len(pyramid.levels(500, 20, 20, 0.709)) == 1


@pytest.mark.parametrize("length", range(1, 40))
def test_answers_are_counted_as_the_networks_layers_do(length: int) -> None:
    planes = torch.zeros(1, 1, 64, length)
    wanted = 0
    if length >= 11:
        pooled = torch.nn.functional.max_pool2d(planes[..., : length - 2], 2, 2, ceil_mode=True)
        wanted = pooled.shape[-1] - 4
    assert pyramid.answers(length) == max(0, wanted)


@given(st.lists(sizes, min_size=1, max_size=6))
@settings(max_examples=60)
def test_tiles_answer_for_every_place_of_a_level_and_none_beyond(levels: list[Level]) -> None:
    seen = [np.zeros((pyramid.answers(level.height), pyramid.answers(level.width)), int) for level in levels]
    for tile in pyramid.tiles(0, levels):
        assert tile.height <= SIDE
        assert tile.width <= SIDE
        assert tile.top % 2 == tile.left % 2 == 0
        rows, columns = pyramid.answers(tile.height), pyramid.answers(tile.width)
        part = seen[tile.level][tile.top // 2 :, tile.left // 2 :][:rows, :columns]
        assert part.shape == (rows, columns)
        part += 1
    assert all((one == 1).all() for one in seen)


@given(st.lists(sizes, min_size=1, max_size=12))
@settings(max_examples=60)
def test_no_two_places_share_a_pixel_nor_touch_after_an_odd_line(levels: list[Level]) -> None:
    places = pyramid.packed(pyramid.tiles(0, levels))
    assert sorted(place.sheet for place in places) == [place.sheet for place in places]
    sheets = np.zeros((places[-1].sheet + 1, SIDE + 2, SIDE + 2), int)
    for place in places:
        assert place.top % 2 == place.left % 2 == 0
        assert place.top + place.tile.height <= SIDE
        assert place.left + place.tile.width <= SIDE
        with_gap(sheets, place)[...] += 1
    assert sheets.max() == 1


def with_gap(sheets: np.ndarray, place: Place) -> np.ndarray:
    height, width = (length + length % 2 for length in (place.tile.height, place.tile.width))
    return np.asarray(sheets[place.sheet, place.top : place.top + height, place.left : place.left + width])


def test_small_levels_of_many_pictures_share_sheets() -> None:
    levels = pyramid.levels(128, 128, 20, 0.709)
    tiles = [tile for picture in range(8) for tile in pyramid.tiles(picture, levels)]
    assert len({place.sheet for place in pyramid.packed(tiles)}) <= 2
