"""What is counted on a shelf: parts, specks, instances, coverage; and that classes are those of the generated truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imaging.arrays import Bytes
from imaging.instances import found
from imaging.shelf_classes import COLOURS, LABELS, ShelfClass, palette
from imaging.shelf_counts import class_shares, count
from training.scenes.shelf import classes
from training.scenes.shelf.truth import Truth


def shelf() -> Bytes:
    """Three products, two of which touch, a gap, a board, and a speck of a tag."""
    mask = np.zeros((200, 200), np.uint8)
    mask[20:60, 10:40] = mask[20:60, 40:60] = mask[30:60, 80:110] = ShelfClass.PRODUCT
    mask[20:60, 120:150] = ShelfClass.EMPTY
    mask[60:70] = ShelfClass.BOARD
    mask[65, 100] = ShelfClass.TAG
    return mask


def test_what_is_served_and_what_is_learnt_mean_the_same_by_a_value() -> None:
    assert {kind.name: int(kind) for kind in ShelfClass} == {kind.name: int(kind) for kind in classes.ShelfClass}
    assert len(COLOURS) == len(LABELS) == len(ShelfClass)
    assert len(set(COLOURS)) == len(ShelfClass)
    assert palette()[ShelfClass.TAG].tolist() == list(ShelfClass.TAG.colour)
    assert ShelfClass.TAG.label == "Price tag"


def test_parts_that_touch_are_one_and_specks_none() -> None:
    counts = count(shelf())
    assert counts.counts == {"product": 2, "tag": 0, "board": 1, "empty": 1}
    product, empty = 40 * 50 + 30 * 30, 40 * 30
    assert counts.coverage == pytest.approx(product / (product + empty))
    assert counts.shares["tag"] == pytest.approx(1 / 200**2)


def test_a_networks_instances_are_counted_instead_of_parts() -> None:
    kinds = np.array([1, 1, 1, 4, 1, 0], np.int32)
    scores = np.array([0.9, 0.8, 0.8, 0.7, 0, 0], np.float32)
    things = found(np.zeros((200, 200), np.int32), np.zeros((6, 4), np.float32), scores, kinds)
    assert count(shelf(), things).counts == {"product": 3, "tag": 0, "board": 0, "empty": 1}


def test_a_picture_without_products_and_gaps_has_no_coverage() -> None:
    assert count(np.zeros((9, 9), np.uint8)).coverage is None


@given(arrays(np.uint8, (12, 12), elements=st.integers(0, 6)))
def test_shares_are_of_the_whole_picture_and_coverage_is_the_truths(mask: Bytes) -> None:
    shares = class_shares(mask)
    assert sum(shares) == pytest.approx(1)
    known = np.where(mask > 4, 0, mask).astype(np.uint8)
    truth = Truth(known, np.zeros((12, 12), np.uint16), (), (), ())
    assert dict(zip(truth.shares, shares, strict=True)) == pytest.approx(truth.shares)
    assert count(mask).coverage == pytest.approx(truth.coverage)
