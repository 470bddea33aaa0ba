from __future__ import annotations

import numpy as np
import pytest

from imaging import batch
from imaging.decode import Picture
from imaging.errors import ImageError, ShapeError

PLENTY = 1000


def picture(height: int, width: int, *, transparent: bool) -> Picture:
    coverage = np.full((height, width), 77, np.uint8) if transparent else None
    return Picture(np.full((height, width, 3), 9, np.uint8), coverage, height, width)


def test_pictures_of_mixed_sizes_are_padded_to_the_largest() -> None:
    found = batch.padded([np.ones((2, 5, 3), np.uint8), np.full((4, 3, 3), 2, np.uint8)], PLENTY)
    assert found.shape == (2, 4, 5, 3)
    assert found[0].sum() == 2 * 5 * 3
    assert (batch.real_part(found[1], np.array([4, 3], np.int32)) == 2).all()


def test_one_picture_is_not_copied() -> None:
    pixels = np.ones((2, 5, 3), np.uint8)
    assert np.shares_memory(batch.padded([pixels], 1), pixels)


def test_opaque_pictures_have_a_coverage_of_one_pixel() -> None:
    found = batch.coverage([picture(3, 4, transparent=False), picture(5, 2, transparent=False)], PLENTY)
    assert found.tolist() == [[[255]], [[255]]]
    assert batch.own_alpha(found[0], np.array([3, 4], np.int32)) is None


def test_one_transparent_picture_gives_all_of_them_a_coverage() -> None:
    found = batch.coverage([picture(3, 4, transparent=True), picture(5, 2, transparent=False)], PLENTY)
    first, second = (batch.own_alpha(found[i], np.array(size, np.int32)) for i, size in enumerate([(3, 4), (5, 2)]))
    assert first is not None
    assert second is not None
    assert (first == 77).all()
    assert (second == 255).all()


def test_a_wide_and_a_tall_picture_that_pad_to_a_giant_are_sent_apart() -> None:
    crossed = [picture(2, 40, transparent=True), picture(40, 2, transparent=False)]
    assert batch.padded([one.pixels for one in crossed], 2 * 40 * 40).shape == (2, 40, 40, 3)
    with pytest.raises(ShapeError, match=r"2 pictures within 40 x 40 .*at most 3199 .*separate requests"):
        batch.padded([one.pixels for one in crossed], 2 * 40 * 40 - 1)
    with pytest.raises(ShapeError, match="separate requests"):
        batch.coverage(crossed, 2 * 40 * 40 - 1)


def test_the_coverage_of_a_reduced_picture_has_the_pictures_full_size() -> None:
    reduced = Picture(np.zeros((3, 4, 3), np.uint8), None, 12, 16)
    found = batch.coverage([reduced, picture(5, 2, transparent=True)], PLENTY)
    assert found.shape == (2, 12, 16)
    assert (found[0] == 255).all()


@pytest.mark.parametrize("size", [(0, 1), (1, 0), (5, 1), (1, 6), (-1, 2)])
def test_a_size_beyond_the_array_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ShapeError, match="does not lie within"):
        batch.real_part(np.zeros((4, 5, 3), np.uint8), np.array(size, np.int32))


def refuse_threes(item: int) -> int:
    if item == 3:
        raise ImageError("no threes")
    return item * 2


def test_an_error_names_the_picture_only_where_there_are_several() -> None:
    assert batch.each(refuse_threes, [1, 2]) == [2, 4]
    with pytest.raises(ImageError, match=r"^no threes$"):
        batch.each(refuse_threes, [3])
    with pytest.raises(ImageError, match=r"^picture 2 of 3: no threes$"):
        batch.each(refuse_threes, [1, 3, 5])
