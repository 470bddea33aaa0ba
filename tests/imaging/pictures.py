"""Pictures made in code, in every format that the project reads."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pillow_heif
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

HEIGHT, WIDTH = 48, 64
BLOCK = 16
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF")


def blocks() -> NDArray[np.uint8]:
    """RGB [48, 64, 3] of even 16 x 16 blocks, no two alike in colour, so that every turn of it is another picture."""
    rng = np.random.default_rng(7)
    colours = rng.permutation(np.linspace(20, 235, 36)).reshape(3, 4, 3)
    return np.kron(colours, np.ones((BLOCK, BLOCK, 1))).astype(np.uint8)


def image() -> Image.Image:
    return Image.fromarray(blocks())


def encoded(picture: Image.Image, kind: str, options: Mapping[str, object] | None = None) -> bytes:
    if kind == "HEIF":
        pillow_heif.register_heif_opener()
    out = io.BytesIO()
    best: dict[str, dict[str, object]] = {
        "JPEG": {"quality": 98, "subsampling": 0},
        "WEBP": {"lossless": True},
        "AVIF": {"quality": 98, "subsampling": "4:4:4"},
        "HEIF": {"quality": 98},
        "TIFF": {"compression": "tiff_lzw"},
    }
    picture.save(out, kind, **(best.get(kind, {}) | dict(options or {})))
    return out.getvalue()


def sample(kind: str) -> bytes:
    return encoded(image(), kind)


def sixteen_bit(extension: str, pixels: NDArray[np.uint16]) -> bytes:
    """UINT16 [h, w], RGB or RGBA, as 16-bit PNG or TIFF."""
    swapped = pixels if pixels.ndim == 2 else pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
    done, data = cv2.imencode(extension, swapped)
    assert done
    return bytes(data.tobytes())


def png(size: tuple[int, int], depth: int, colour_type: int, rows: bytes, key: bytes) -> bytes:
    """A PNG written by hand: `rows` with their filter bytes, `key` the tone or colour that is transparent."""
    header = struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, 0)
    parts = [(b"IHDR", header), (b"tRNS", key), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    chunks = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG whose header is sound but says another size than its few pixels have."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = sample("PNG")
    return body[:12] + header + struct.pack(">I", zlib.crc32(header)) + body[33:]
