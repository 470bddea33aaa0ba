"""Headers that say width or height 0, which decoders report as "not an image"."""

from __future__ import annotations

import struct

FIELDS = {"PNG": (">II", 16), "GIF": ("<HH", 6), "BMP": ("<ii", 18)}
MARKER = 0xFF
FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def has_zero_size(data: bytes, kind: str) -> bool:
    if kind == "JPEG":
        return _jpeg(data)
    form, at = FIELDS.get(kind, ("", 0))
    return bool(form) and len(data) >= at + struct.calcsize(form) and 0 in struct.unpack_from(form, data, at)


def _jpeg(data: bytes) -> bool:
    at = 2
    while at + 9 <= len(data) and data[at] == MARKER:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in FRAME_MARKERS:
            return 0 in struct.unpack_from(">HH", data, at + 5)
        at += 2 + length
    return False
