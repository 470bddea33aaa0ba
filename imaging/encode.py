"""PNG, written for speed: one filter for all rows, one pass of deflate.

Libraries try five filters on every row, which costs more than the compression. Here every row is stored as its
difference to the row above (filter Up), a single NumPy subtraction, and deflated by ISA-L where it is installed
(`isal`, four times as fast as zlib at the same size), by zlib otherwise.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

try:
    from isal.isal_zlib import compress
except ImportError:  # the pixels are the same, the encoding takes longer
    from zlib import compress

if TYPE_CHECKING:
    from imaging.arrays import Bytes

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {1: 0, 3: 2, 4: 6}
INDEXED = 3
LEVEL = 1
NONE, UP = 0, 2
EIGHT_BIT = 8
PERCEPTUAL = b"\0"
INCH_M = 0.0254
METRES = 1
OPAQUE = 255


@dataclass(frozen=True, slots=True)
class Marks:
    """What a file says beside its pixels: the ICC profile of its RGB colours (b"": sRGB by name), dots per inch."""

    profile: bytes = b""
    dpi: int | None = None


PLAIN = Marks()


def png(pixels: Bytes, marks: Marks = PLAIN) -> bytes:
    """Return UINT8 [h, w] (grey) or [h, w, 3 or 4] (RGB or RGBA with straight alpha) as a PNG file.

    A grey plane is a matte, not a picture, and bears no colour space.
    """
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]  # noqa: PLR2004 - a plane has two axes
    told = [*(_colour_space(marks) if channels > 1 else []), *_size(marks)]
    rows = differences(pixels.reshape(height, width * channels))
    return _file((width, height), COLOUR_TYPES[channels], told, rows)


def indexed_png(indices: Bytes, colours: Bytes, marks: Marks = PLAIN) -> bytes:
    """Return a PNG of UINT8 indices [h, w] into at most 256 straight RGBA `colours` [n, 4].

    The file is smallest where translucent colours come first.
    """
    height, width = indices.shape
    table = _chunk(b"PLTE", colours[:, :3].tobytes())
    translucent = np.flatnonzero(colours[:, 3] < OPAQUE)
    if translucent.size:
        table += _chunk(b"tRNS", colours[: translucent[-1] + 1, 3].tobytes())
    rows = np.empty((height, width + 1), np.uint8)
    rows[:, 0], rows[:, 1:] = NONE, indices
    return _file((width, height), INDEXED, [*_colour_space(marks), *_size(marks), *table], rows)


def differences(rows: Bytes) -> Bytes:
    """Return rows [h, n] as PNG stores them, [h, n + 1]: the filter's number, then the differences to the row above."""
    height, length = rows.shape
    filtered = np.empty((height, length + 1), np.uint8)
    filtered[:, 0] = UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return filtered


def deflated(rows: Bytes) -> bytes:
    return bytes(compress(rows, LEVEL))


def _file(size: tuple[int, int], colour_type: int, told: list[bytes], rows: Bytes) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", *size, EIGHT_BIT, colour_type, 0, 0, 0))
    return b"".join([SIGNATURE, *header, *told, *_chunk(b"IDAT", deflated(rows)), *_chunk(b"IEND", b"")])


def _colour_space(marks: Marks) -> list[bytes]:
    if not marks.profile:
        return _chunk(b"sRGB", PERCEPTUAL)
    return _chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(marks.profile))


def _size(marks: Marks) -> list[bytes]:
    if marks.dpi is None:
        return []
    per_metre = round(marks.dpi / INCH_M)
    return _chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, METRES))


def _chunk(name: bytes, data: bytes) -> list[bytes]:
    return [struct.pack(">I", len(data)), name, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))]
