"""Colours that an AVIF or HEIC file names by numbers (nclx, ISO 23091-2) where it has no ICC profile.

Display P3 is understood, as phones write it. Everything else is taken for sRGB: BT.709 is next to it, and the curves of
HDR (PQ, HLG) would need tone mapping, not a profile.
"""

from __future__ import annotations

import functools
import struct

BOX = b"colrnclx"
HEAD = 1 << 16  # bytes in which the box is looked for: it stands before the picture's data
P3 = 12
PLAIN_CURVES = (1, 2, 6, 13)  # BT.709, not given, BT.601, sRGB: in pictures all of them mean sRGB's
WHITE = (0.9642, 1.0, 0.8249)  # D50, as profiles want it; so are the columns
COLUMNS = {b"rXYZ": (0.5151, 0.2412, -0.0011), b"gXYZ": (0.2920, 0.6922, 0.0419), b"bXYZ": (0.1571, 0.0666, 0.7841)}
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
CURVES = (b"rTRC", b"gTRC", b"bTRC")
FORM_WITH_FOOT = 3  # a power with a straight line near black
HEADER, ENTRY, COUNT = 128, 12, 4


def profile(data: bytes) -> bytes | None:
    """Return an ICC profile for what an AVIF or HEIC file says of its colours, None where that is sRGB or not known."""
    at = data.find(BOX, 0, HEAD)
    said = data[at + len(BOX) : at + len(BOX) + 4]
    if at < 0 or len(said) < struct.calcsize(">HH"):
        return None
    primaries, curve = struct.unpack(">HH", said)
    return _display_p3() if primaries == P3 and curve in PLAIN_CURVES else None


@functools.cache
def _display_p3() -> bytes:
    curve = b"para" + bytes(4) + struct.pack(">HH", FORM_WITH_FOOT, 0) + _fixed(*SRGB_CURVE)
    tags = {name: b"XYZ " + bytes(4) + _fixed(*values) for name, values in ({b"wtpt": WHITE} | COLUMNS).items()}
    tags |= dict.fromkeys(CURVES, curve)
    table, body, start = struct.pack(">I", len(tags)), b"", HEADER + COUNT + ENTRY * len(tags)
    for name, value in tags.items():
        table += name + struct.pack(">II", start + len(body), len(value))
        body += value
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"none", 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    return (head + bytes(12) + b"acsp" + bytes(28) + _fixed(*WHITE)).ljust(HEADER, b"\0") + table + body


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)
