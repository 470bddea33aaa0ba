"""COCO's run lengths: its own examples, there and back, many labels at once, what is no RLE."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from imaging.arrays import Mask
from imaging.rle import Rle, RleError, compress, decode, encode, encode_each, expand

SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=24)


@given(arrays(np.bool_, SHAPES), st.booleans())
def test_a_mask_comes_back(mask: Mask, compressed: bool) -> None:  # noqa: FBT001
    rle = encode(mask, compressed=compressed)
    assert rle["size"] == list(mask.shape)
    assert (decode(rle) == mask).all()


@given(arrays(np.int32, SHAPES, elements=st.integers(0, 5)), st.integers(0, 7))
def test_many_labels_at_once_are_as_each_for_itself(labels: NDArray[np.int32], count: int) -> None:
    each = encode_each(labels, count)
    assert each == [encode(labels == label) for label in range(1, count + 1)]


@given(st.lists(st.integers(0, 2**31), max_size=40))
def test_any_runs_come_back_from_their_text(runs: list[int]) -> None:
    assert expand(compress(np.array(runs, np.int64))).tolist() == runs


def test_runs_go_down_the_columns_and_begin_with_nothing() -> None:
    mask = np.array([[1, 0, 0], [1, 0, 1]], np.bool_)
    assert encode(mask, compressed=False) == {"size": [2, 3], "counts": [0, 2, 3, 1]}


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        # What pycocotools 2.0.11 makes of them.
        ([0, 2, 3, 1], "023O"),
        ([6, 1, 40, 4, 5, 4, 5, 4, 21], "61X13mN000`0"),
        ([262144], "PPP8"),
    ],
)
def test_the_text_is_coco_s(runs: list[int], text: str) -> None:
    assert compress(np.array(runs, np.int64)) == text
    assert expand(text).tolist() == runs


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([3, 2], "4 pixels, its runs 5"),
        ([-1, 5], "negative"),
        ("0\x7f", "characters"),
        ("é", "characters"),
        ("o", "ends within a number"),
        ("o" * 40 + "0", "too long"),
        ("", "its runs 0"),
    ],
)
def test_what_is_no_rle_is_refused(counts: str | list[int], words: str) -> None:
    broken: Rle = {"size": [2, 2], "counts": counts}
    with pytest.raises(RleError, match=words):
        decode(broken)
