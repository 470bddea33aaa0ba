"""How far a file says that it goes, in formats whose decoders do not tell a missing end from damage."""

from __future__ import annotations

RIFF_HEAD = 8
BOX_HEAD, LARGE_BOX_HEAD = 8, 16
LARGE, TO_THE_END = 1, 0  # what stands where a box's length should be
MOST_BOXES = 1000  # a still picture has about five


def is_cut_short(data: bytes, kind: str) -> bool:
    """Tell whether a WEBP, AVIF or HEIF file ends before the length that it states; False for other kinds."""
    if kind == "WEBP":
        return RIFF_HEAD + int.from_bytes(data[4:8], "little") > len(data)
    return kind in {"AVIF", "HEIF"} and _boxes_end(data) > len(data)


def _boxes_end(data: bytes) -> int:
    """Return where the last box on the top level would end, as far as their lengths make sense."""
    at = 0
    for _ in range(MOST_BOXES):
        if at + BOX_HEAD > len(data):
            return at if at == len(data) else at + BOX_HEAD
        length = int.from_bytes(data[at : at + 4], "big")
        if length == LARGE:
            length = int.from_bytes(data[at + 8 : at + LARGE_BOX_HEAD], "big")
        if length == TO_THE_END or length < BOX_HEAD:
            return at
        at += length
    return at
