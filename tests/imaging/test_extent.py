from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.extent import is_cut_short
from tests.imaging import pictures

KINDS = ("WEBP", "AVIF", "HEIF")
TYPE = b"\0\0\0\x0cftypavif"


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_file_is_not_cut_short_and_one_without_its_last_byte_is(kind: str) -> None:
    data = pictures.sample(kind)
    assert not is_cut_short(data, kind)
    assert is_cut_short(data[:-1], kind)


@pytest.mark.parametrize("box", [b"\0\0\0\0mdatxyz", b"\0\0\0\1mdat" + (19).to_bytes(8, "big") + b"xyz"])
def test_boxes_to_the_end_and_boxes_of_large_length_are_followed(box: bytes) -> None:
    assert not is_cut_short(TYPE + box, "AVIF")


def test_a_box_whose_large_length_or_head_is_missing_is_cut_short() -> None:
    assert is_cut_short(TYPE + b"\0\0\0\1mdat" + (20).to_bytes(8, "big") + b"xyz", "AVIF")
    assert is_cut_short(TYPE + b"\0\0\0", "AVIF")


@given(kind=st.sampled_from((*KINDS, "JPEG")), data=st.binary(max_size=80))
def test_any_bytes_have_an_answer(kind: str, data: bytes) -> None:
    assert is_cut_short(data, kind) in {True, False}
